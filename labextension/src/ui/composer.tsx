import type { JSX } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import type { Completion, WhenBusy } from '../client/api';
import type { ChatModel } from '../model/chat';
import type { PageModel } from '../model/page';
import { AttachButton } from './attach-button';
import { AttachmentChips } from './attachment-chips';
import { CompletionList, optionId, steersCompletions } from './completion-list';
import { FailureView } from './failure-view';
import { pastedFiles } from './file-drop';
import { GaugeDisclosure } from './gauge-disclosure';
import { useHost, usePreferences } from './host';
import { SendIcon, StopIcon } from './icons';
import { sends } from './keys';
import { ModelDisclosure } from './model-disclosure';
import { QueuedPrompts } from './queued-prompts';
import { SendMenu } from './send-menu';

/** Where a prompt is written, sent, and its turn stopped. */
export function Composer(props: {
  chat: ChatModel;
  page: PageModel;
}): JSX.Element {
  const { chat, page } = props;
  const { trans, parts } = useHost();
  const preferences = usePreferences();
  const input = useRef<HTMLTextAreaElement>(null);
  const conversation = chat.conversation.value;
  const draft = chat.draft.value;
  const attachments = chat.attachments.value;
  const hasFiles = attachments.list.value.length > 0;
  const obstacle = attachments.obstacle.value;
  const limit = page.status.value?.max_upload;
  const running = conversation.running.value;
  const error = chat.error.value;
  // The agent's card may say the same already.
  const isNews = error !== null && error.message !== page.agent.value?.error;
  const folder = conversation.cwd.value || page.status.value?.cwd;

  const send = (whenBusy?: WhenBusy): void => {
    void chat.send(draft, whenBusy);
    input.current?.focus();
  };
  const { completions } = chat;
  const listId = useId();
  const isCompleting = completions.options.value.length > 0;
  const typed = (): string => draft.slice(0, input.current!.selectionStart);
  const accept = (option: Completion): void => {
    const before = completions.accept(typed(), option);
    const text = before + draft.slice(typed().length);
    chat.setDraft(text);
    input.current!.value = text;
    input.current!.setSelectionRange(before.length, before.length);
    completions.look(before);
  };
  const attach = (files: File[]): void => attachments.add(files, limit);
  const sendTitle = (): string => {
    if (obstacle) {
      return obstacle === 'uploading'
        ? trans.__('Files are uploading: send when they are there.')
        : trans.__('A file failed: retry or remove it, then send.');
    }
    return running
      ? trans.__('Queue: send after this turn (%1)', preferences.sendWith)
      : trans.__('Send (%1)', preferences.sendWith);
  };

  useLayoutEffect(() => fitToText(input.current!), [draft]);

  return (
    <form
      class="hj-composer"
      onSubmit={event => {
        event.preventDefault();
        send();
      }}
    >
      {isNews && <FailureView failure={error} />}
      <QueuedPrompts chat={chat} />
      <AttachmentChips
        attachments={attachments}
        limit={limit}
        onRemove={() => input.current?.focus()}
      />
      {parts?.context(chat, () => input.current?.focus())}
      <div class="hj-composer-box">
        <CompletionList
          id={listId}
          completions={completions}
          onAccept={accept}
        />
        <textarea
          ref={input}
          class="hj-input"
          rows={1}
          dir="auto"
          aria-label={trans.__('Message to Hermes')}
          placeholder={trans.__('Ask Hermes')}
          value={draft}
          // A text of many lines may not have the role of a combobox.
          aria-autocomplete="list"
          aria-controls={isCompleting ? listId : undefined}
          aria-activedescendant={
            isCompleting
              ? optionId(listId, completions.active.value)
              : undefined
          }
          onInput={event => {
            const { value, selectionStart } = event.currentTarget;
            chat.setDraft(value);
            completions.look(value.slice(0, selectionStart));
          }}
          onClick={() => completions.close()}
          onBlur={() => completions.close()}
          onPaste={event => {
            const files = pastedFiles(event);
            if (files.length > 0) {
              event.preventDefault();
              attach(files);
            }
          }}
          onKeyDown={event => {
            if (steersCompletions(event, completions, typed(), accept)) {
              return;
            }
            if (sends(event, preferences)) {
              event.preventDefault();
              send();
            }
          }}
        />
        <div class="hj-composer-row">
          <AttachButton onFiles={attach} />
          <GaugeDisclosure chat={chat} />
          <ModelDisclosure chat={chat} page={page} />
          {folder && (
            <span class="hj-folder hj-clipped hj-quiet" title={folder}>
              {shortened(folder)}
            </span>
          )}
          {running && (
            <button
              type="button"
              class="hj-round"
              aria-label={trans.__('Stop')}
              title={trans.__('Stop')}
              disabled={
                running.state === 'stopping' || running.action === 'compress'
              }
              onClick={() => {
                void chat.stop();
                // The button goes.
                input.current?.focus();
              }}
            >
              <StopIcon />
            </button>
          )}
          {(!running || draft || hasFiles) && (
            <button
              type="submit"
              class="hj-round hj-primary"
              aria-label={trans.__('Send')}
              title={sendTitle()}
              disabled={
                obstacle !== null ||
                Boolean(chat.context?.obstacle.value) ||
                (!hasFiles && !draft.trim())
              }
            >
              <SendIcon />
            </button>
          )}
          {/* With files it waits for the end of the turn. */}
          {running && draft.trim() && !hasFiles && (
            <SendMenu conversation={conversation} onSend={send} />
          )}
        </div>
      </div>
    </form>
  );
}

function fitToText(input: HTMLTextAreaElement): void {
  input.style.height = 'auto';
  input.style.height = `${input.scrollHeight}px`;
}

/** The end of a path, by which a person knows it. */
export function shortened(folder: string): string {
  const parts = folder.split(/[/\\]/).filter(Boolean);
  return parts.length > 2 ? `…/${parts.slice(-2).join('/')}` : folder;
}
