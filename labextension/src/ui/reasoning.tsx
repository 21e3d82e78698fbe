import { useComputed, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { MessageModel } from '../model/message';
import { usePreferences, useTrans } from './host';
import { LongText } from './long-text';

/** What the model thought before it spoke: folded, and painted when open. */
export function Reasoning({
  message
}: {
  message: MessageModel;
}): JSX.Element | null {
  const trans = useTrans();
  const { unfoldReasoning } = usePreferences();
  const isOpen = useSignal(unfoldReasoning);
  const exists = useComputed(() => message.reasoning.value !== '');
  const isThinking = useComputed(
    () => message.status.value === 'streaming' && message.text.value === ''
  );
  if (!exists.value) {
    return null;
  }
  const thought = message.thought.value;
  let title = trans.__('Reasoning');
  if (isThinking.value) {
    title = trans.__('Thinking…');
  } else if (thought !== null) {
    title = trans.__('Thought for %1 s', Math.max(1, Math.round(thought)));
  }
  return (
    <details
      class="hj-reasoning"
      open={unfoldReasoning}
      onToggle={event => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary class={isThinking.value ? 'hj-pulse' : undefined}>
        {title}
      </summary>
      {isOpen.value && <ReasoningText message={message} />}
    </details>
  );
}

function ReasoningText({ message }: { message: MessageModel }): JSX.Element {
  return (
    <p dir="auto">
      {message.status.value === 'streaming' ? (
        message.reasoning
      ) : (
        <LongText text={message.reasoning.value} />
      )}
    </p>
  );
}
