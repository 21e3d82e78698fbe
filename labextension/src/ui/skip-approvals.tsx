import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { ChatModel } from '../model/chat';
import { FailureView } from './failure-view';
import { useIsGuest } from './guest';
import { useTrans } from './host';
import { useSubmission } from './submission';

/** Says for as long as it is so that the agent does not ask. */
export function SkipBanner({ chat }: { chat: ChatModel }): JSX.Element | null {
  const trans = useTrans();
  const isGuest = useIsGuest();
  const { busy, error, submit } = useSubmission();
  if (!chat.conversation.value.skipsApprovals.value) {
    return null;
  }
  return (
    <div class="hj-bar hj-skips">
      <span role="status">
        {trans.__('Hermes does everything here without asking.')}
      </span>
      {!isGuest && (
        <button
          type="button"
          class="hj-button"
          disabled={busy.value}
          onClick={() => submit(() => chat.skipApprovals(false))}
        >
          {trans.__('Ask again')}
        </button>
      )}
      {error.value && <FailureView failure={error.value} />}
    </div>
  );
}

/** Turns the approvals of a conversation off, at the second press. */
export function SkipApprovals(props: {
  onSkip: () => Promise<void>;
}): JSX.Element {
  const trans = useTrans();
  const asking = useSignal(false);
  const { busy, error, submit } = useSubmission();
  return (
    <>
      <button
        type="button"
        class="hj-button"
        aria-expanded={asking.value}
        onClick={() => {
          asking.value = !asking.value;
        }}
      >
        {trans.__('Stop asking…')}
      </button>
      {asking.value && (
        <div class="hj-field" role="group" aria-label={trans.__('Stop asking')}>
          <p class="hj-quiet">
            {trans.__(
              'Hermes will do everything in this conversation without asking, this included, until you choose “Ask again” or the agent restarts.'
            )}
          </p>
          {error.value && <FailureView failure={error.value} />}
          <button
            type="button"
            class="hj-choice"
            data-kind="allow"
            disabled={busy.value}
            onClick={() => submit(props.onSkip)}
          >
            {trans.__('Allow everything in this conversation')}
          </button>
        </div>
      )}
    </>
  );
}
