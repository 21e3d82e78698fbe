import { useComputed } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { ChatModel } from '../model/chat';
import type { Compaction } from '../client/api';
import type { MessageModel } from '../model/message';
import type { Trans } from '../client/page';
import { CopyButton } from './copy-button';
import { useHost, useTrans } from './host';
import { Markdown } from './markdown';
import { Outcome } from './outcome';
import { Reasoning } from './reasoning';
import { ToolCard } from './tool-card';
import { UserMessage } from './user-message';

/** One entry of the transcript. */
export function MessageView(props: {
  message: MessageModel;
  chat: ChatModel;
}): JSX.Element | null {
  const { message, chat } = props;
  const trans = useTrans();
  if (message.question.value) {
    return <Outcome question={message.question.value} />;
  }
  switch (message.role) {
    case 'user':
      return <UserMessage message={message} chat={chat} />;
    case 'tool':
      return <ToolCard message={message} />;
    case 'notice':
      return (
        <p class="hj-notice" data-level={message.level}>
          {message.compaction.value
            ? compacted(message.compaction.value, trans)
            : message.text}
        </p>
      );
    case 'assistant':
      return <AssistantMessage message={message} chat={chat} />;
  }
}

function compacted(compaction: Compaction, trans: Trans): string {
  const { messages, before, after } = compaction;
  if (before !== null && after !== null) {
    return trans.__(
      'The context was compacted: %1 → %2 tokens',
      before.toLocaleString(),
      after.toLocaleString()
    );
  }
  return messages === null
    ? trans.__('The context was compacted')
    : trans._n(
        'The context was compacted: one message became a summary',
        'The context was compacted: %1 messages became a summary',
        messages
      );
}

function AssistantMessage(props: {
  message: MessageModel;
  chat: ChatModel;
}): JSX.Element {
  const { message, chat } = props;
  const { trans, parts } = useHost();
  const conversation = chat.conversation.value;
  const open = useComputed(() => message.status.value === 'streaming');
  const hasText = useComputed(() => message.text.value !== '');
  // What grows is told part by part, and not each time that it is painted.
  const grows = useRef(open.peek()).current;
  const isCut = message.status.value === 'interrupted';
  return (
    <article
      class="hj-assistant"
      aria-label={trans.__('Hermes')}
      aria-busy={open.value}
      aria-live={grows ? 'off' : undefined}
    >
      <Reasoning message={message} />
      <Markdown
        text={message.text}
        open={open}
        onPart={part => {
          conversation.heard.value = part;
        }}
      />
      {isCut && <span class="hj-quiet">{trans.__('Stopped here')}</span>}
      {hasText.value && !open.value && (
        <div class="hj-actions">
          <CopyButton
            label={trans.__('Copy the answer as Markdown')}
            text={() => message.text.value}
          />
          {parts?.answerActions(() => message.text.value)}
        </div>
      )}
    </article>
  );
}
