import { useComputed, useSignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { AttachmentName } from '../client/api';
import type { ContextLabel } from '../client/notebooks';
import type { ChatModel } from '../model/chat';
import type { MessageModel } from '../model/message';
import { AttachedFiles } from './attached-files';
import { CopyButton } from './copy-button';
import { FailureView } from './failure-view';
import { useIsGuest } from './guest';
import { usePreferences, useTrans } from './host';
import { EditIcon, UndoIcon } from './icons';
import { IconButton } from './icon-button';
import { sends } from './keys';
import { LongText } from './long-text';
import { useSubmission } from './submission';

/** What the person said, with what can be done about it. */
export function UserMessage(props: {
  message: MessageModel;
  chat: ChatModel;
}): JSX.Element {
  const { message, chat } = props;
  const trans = useTrans();
  const isEdited = useComputed(
    () => chat.writing.edit.value?.message === message.id
  );
  const article = useRef<HTMLElement>(null);
  const wasEdited = useRef(false);
  // Not after a reload: then the person is elsewhere.
  const begunHere = useRef(false);

  useLayoutEffect(() => {
    // What had the focus is gone: it goes back to where the edit began.
    if (wasEdited.current && document.activeElement === document.body) {
      article.current?.querySelector<HTMLElement>('.hj-edit')?.focus();
    }
    wasEdited.current = isEdited.value;
  }, [isEdited.value]);

  return (
    <article
      class="hj-user"
      aria-label={trans.__('You')}
      // The person knows what they say.
      aria-live="off"
      ref={article}
    >
      {isEdited.value ? (
        <MessageEditor
          message={message}
          chat={chat}
          takesFocus={begunHere.current}
        />
      ) : (
        <>
          <Said
            text={message.text.value}
            attachments={message.attachments.value}
            context={message.context.value}
            chat={chat}
          />
          {message.steered && (
            <span class="hj-quiet">{trans.__('Said into the turn')}</span>
          )}
          <Actions
            message={message}
            chat={chat}
            onEdit={() => {
              begunHere.current = true;
              chat.writing.startEdit(message);
            }}
          />
        </>
      )}
    </article>
  );
}

/** A prompt that is not in the transcript. */
export function UserPrompt(props: {
  text: string;
  attachments?: readonly AttachmentName[];
  context?: readonly ContextLabel[];
  chat: ChatModel;
  note?: string;
  children?: ComponentChildren;
}): JSX.Element {
  const trans = useTrans();
  return (
    <article class="hj-user" aria-label={trans.__('You')} aria-live="off">
      <Said {...props} />
      {props.note && <span class="hj-quiet">{props.note}</span>}
      {props.children}
    </article>
  );
}

function Said(props: {
  text: string;
  attachments?: readonly AttachmentName[];
  context?: readonly ContextLabel[];
  chat: ChatModel;
}): JSX.Element {
  const { text, attachments = [], context = [], chat } = props;
  const trans = useTrans();
  return (
    <>
      {text && (
        <p dir="auto">
          <LongText text={text} />
        </p>
      )}
      {attachments.length > 0 && (
        <AttachedFiles files={attachments} chat={chat} />
      )}
      {context.length > 0 && (
        <ul class="hj-chips" aria-label={trans.__('Context')}>
          {context.map(({ label, path }) => (
            <li key={label} class="hj-chip hj-clipped" title={path}>
              {label}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Actions(props: {
  message: MessageModel;
  chat: ChatModel;
  onEdit: () => void;
}): JSX.Element {
  const { message, chat, onEdit } = props;
  const trans = useTrans();
  const asking = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  const wasAsked = useRef(false);
  const conversation = chat.conversation.value;
  const isGuest = useIsGuest();
  const canChange = useComputed(
    () =>
      !isGuest &&
      !message.steered &&
      conversation.can('undo') &&
      conversation.running.value === null
  );
  const isLast = useComputed(() => conversation.lastPrompt.value === message);

  useLayoutEffect(() => {
    // What had the focus is gone: it goes back to where the question came from.
    if (wasAsked.current && document.activeElement === document.body) {
      box.current?.querySelector<HTMLElement>('.hj-undo')?.focus();
    }
    wasAsked.current = asking.value;
  }, [asking.value]);

  if (asking.value && canChange.value && isLast.value) {
    return (
      <UndoConfirmation
        chat={chat}
        onClose={() => {
          asking.value = false;
        }}
      />
    );
  }
  return (
    <div class="hj-actions" ref={box}>
      {canChange.value && (
        <IconButton label={trans.__('Edit')} class="hj-edit" onClick={onEdit}>
          <EditIcon />
        </IconButton>
      )}
      {canChange.value && isLast.value && (
        <IconButton
          label={trans.__('Undo')}
          class="hj-undo"
          onClick={() => {
            asking.value = true;
          }}
        >
          <UndoIcon />
        </IconButton>
      )}
      <CopyButton
        label={trans.__('Copy your message')}
        text={() => message.text.value}
      />
    </div>
  );
}

function UndoConfirmation(props: {
  chat: ChatModel;
  onClose: () => void;
}): JSX.Element {
  const { chat, onClose } = props;
  const trans = useTrans();
  const { busy, error, submit } = useSubmission();
  const cancel = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => cancel.current?.focus(), []);
  return (
    <div
      class="hj-field"
      role="group"
      aria-label={trans.__('Undo')}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      <p class="hj-quiet">
        {trans.__(
          'This prompt and all that followed are taken back for good. Files that the agent changed stay as they are.'
        )}
      </p>
      {error.value && <FailureView failure={error.value} />}
      <div class="hj-buttons">
        <button
          type="button"
          class="hj-button hj-danger"
          disabled={busy.value}
          onClick={() =>
            submit(async () => {
              await chat.undo();
              onClose();
            })
          }
        >
          {trans.__('Take back')}
        </button>
        <button
          type="button"
          class="hj-button"
          ref={cancel}
          disabled={busy.value}
          onClick={onClose}
        >
          {trans.__('Cancel')}
        </button>
      </div>
    </div>
  );
}

function MessageEditor(props: {
  message: MessageModel;
  chat: ChatModel;
  takesFocus: boolean;
}): JSX.Element {
  const { message, chat } = props;
  const trans = useTrans();
  const preferences = usePreferences();
  const { busy, error, submit } = useSubmission();
  const input = useRef<HTMLTextAreaElement>(null);
  const conversation = chat.conversation.value;
  const isRunning = conversation.running.value !== null;
  const text = chat.writing.edit.value?.text ?? '';
  const isEmpty = text.trim() === '' && message.attachments.value.length === 0;
  const cannotSend = busy.value || isRunning || isEmpty;

  useLayoutEffect(() => {
    if (props.takesFocus) {
      input.current?.focus();
    }
  }, []);

  const send = (): void => {
    if (!cannotSend) {
      void submit(() => chat.replace(message, text));
    }
  };
  return (
    <div
      class="hj-field"
      role="group"
      aria-label={trans.__('Edit your message')}
      onKeyDown={event => {
        if (event.key === 'Escape' && !busy.value) {
          event.stopPropagation();
          chat.writing.setEdit(null);
        }
      }}
    >
      <textarea
        ref={input}
        class="hj-text"
        rows={Math.min(8, text.split('\n', 8).length + 1)}
        dir="auto"
        aria-label={trans.__('Your message')}
        readOnly={busy.value}
        value={text}
        onInput={event =>
          chat.writing.setEdit({
            message: message.id,
            text: event.currentTarget.value
          })
        }
        onKeyDown={event => {
          if (sends(event, preferences)) {
            event.preventDefault();
            send();
          }
        }}
      />
      <p class="hj-quiet">
        {isRunning
          ? trans.__('A turn is running: send when it is over.')
          : trans.__(
              'Sending takes back your message and all that followed it. Files that the agent changed stay as they are.'
            )}
      </p>
      {error.value && <FailureView failure={error.value} />}
      <div class="hj-buttons">
        <button
          type="button"
          class="hj-button hj-primary"
          disabled={cannotSend}
          onClick={send}
        >
          {trans.__('Replace and send')}
        </button>
        <button
          type="button"
          class="hj-button"
          disabled={busy.value}
          onClick={() => chat.writing.setEdit(null)}
        >
          {trans.__('Cancel')}
        </button>
      </div>
    </div>
  );
}
