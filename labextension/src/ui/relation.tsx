import type { JSX } from 'preact';
import type { ChatModel } from '../model/chat';
import type { Conversation } from '../model/conversation';
import { useTrans } from './host';

interface Place {
  chat: ChatModel;
  conversation: Conversation;
}

/** Says of a branch what it is one of. */
export function BranchLine({ chat, conversation }: Place): JSX.Element | null {
  const trans = useTrans();
  if (
    conversation.relation.value !== 'branch' ||
    !conversation.parentId.value
  ) {
    return null;
  }
  return (
    <p class="hj-bar">
      <span>{trans.__('Branch of')}</span>
      <ParentLink chat={chat} conversation={conversation} />
    </p>
  );
}

/** Stands in place of the composer where nothing can be said. */
export function ReadOnlyLine({ chat, conversation }: Place): JSX.Element {
  const trans = useTrans();
  const isSubagent = conversation.relation.value === 'subagent';
  return (
    <div class="hj-bar hj-foot">
      <span>
        {isSubagent
          ? trans.__(
              'A subagent worked here: this can be read. Go on in the conversation that it worked for.'
            )
          : trans.__('This conversation can only be read.')}
      </span>
      {conversation.parentId.value && (
        <ParentLink chat={chat} conversation={conversation} />
      )}
    </div>
  );
}

/** Stands in place of the composer of a conversation that was deleted. */
export function GoneLine({ chat }: { chat: ChatModel }): JSX.Element {
  const trans = useTrans();
  return (
    <div class="hj-bar hj-foot">
      <span role="alert">
        {chat.draft.value
          ? trans.__(
              'This conversation was deleted. What you typed goes into the new chat.'
            )
          : trans.__('This conversation was deleted.')}
      </span>
      <button
        type="button"
        class="hj-button hj-primary"
        onClick={() => chat.leave()}
      >
        {trans.__('New chat')}
      </button>
    </div>
  );
}

function ParentLink({ chat, conversation }: Place): JSX.Element {
  const trans = useTrans();
  return (
    <button
      type="button"
      class="hj-link"
      dir="auto"
      onClick={() => void chat.open(conversation.parentId.value)}
    >
      {conversation.parentName.value || trans.__('another conversation')}
    </button>
  );
}
