import type { JSX } from 'preact';
import type { ChatModel } from '../model/chat';
import type { Conversation } from '../model/conversation';
import { FailureView } from './failure-view';
import { useTrans } from './host';

/** Messages up to which nobody asks whether there are more before them. */
const OBVIOUS = 50;

/** The way from the first message that is loaded to those before it. */
export function Earlier(props: {
  chat: ChatModel;
  conversation: Conversation;
}): JSX.Element {
  const { chat, conversation } = props;
  const trans = useTrans();
  const error = conversation.extendError.value;
  const isExtending = conversation.isExtending.value;
  const isReadBack =
    conversation.earlier.value === null &&
    conversation.messages.value.length > OBVIOUS;
  return (
    <div class="hj-earlier">
      {conversation.isMissing.value && (
        <p class="hj-notice" role="status">
          {trans.__(
            'The message that was found is too far back, or was taken back since.'
          )}
        </p>
      )}
      {error && <FailureView failure={error} />}
      {conversation.earlier.value !== null && (
        <button
          type="button"
          class="hj-button"
          onClick={() => void chat.loadEarlier()}
        >
          {isExtending ? trans.__('Loading…') : trans.__('Earlier messages')}
        </button>
      )}
      {isReadBack && (
        <p class="hj-quiet">{trans.__('The beginning of this conversation')}</p>
      )}
    </div>
  );
}
