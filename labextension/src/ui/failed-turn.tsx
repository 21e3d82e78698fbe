import type { JSX } from 'preact';
import type { ChatModel } from '../model/chat';
import { FailureView } from './failure-view';
import { useIsGuest } from './guest';
import { useTrans } from './host';
import { useSubmission } from './submission';
import { UserPrompt } from './user-message';

/** What went wrong with the last turn, and how to go on. */
export function FailedTurn({ chat }: { chat: ChatModel }): JSX.Element | null {
  const trans = useTrans();
  const isGuest = useIsGuest();
  const { busy, error, submit } = useSubmission();
  const conversation = chat.conversation.value;
  const turn = conversation.turn.value;
  const unsaid = conversation.unsaid.value;
  const isRetriable =
    !isGuest &&
    conversation.retriable.value !== null &&
    chat.writing.edit.value === null &&
    conversation.can('undo');
  return (
    <>
      {unsaid && (
        <UserPrompt
          text={unsaid.text ?? ''}
          attachments={unsaid.attachments}
          note={trans.__('This was not said')}
          chat={chat}
        >
          {!isGuest && (
            <button
              type="button"
              class="hj-button"
              onClick={() => chat.compose(unsaid)}
              disabled={
                chat.draft.value !== '' ||
                chat.attachments.value.list.value.length > 0
              }
            >
              {trans.__('Put it into the composer')}
            </button>
          )}
        </UserPrompt>
      )}
      {turn?.state === 'error' && turn.error && (
        <FailureView failure={turn.error} />
      )}
      {isRetriable && (
        <button
          type="button"
          class="hj-button"
          title={trans.__('Says the same once more, in place of this try')}
          disabled={busy.value}
          onClick={() => submit(() => chat.retry())}
        >
          {trans.__('Retry')}
        </button>
      )}
      {error.value && <FailureView failure={error.value} />}
    </>
  );
}
