import { useComputed } from '@preact/signals';
import type { JSX } from 'preact';
import type { MessageModel } from '../model/message';
import { usePreferences, useTrans } from './host';
import { Markdown } from './markdown';
import { Outcome } from './outcome';
import { ToolCard } from './tool-card';

/** One entry of the transcript. */
export function MessageView(props: {
  message: MessageModel;
}): JSX.Element | null {
  const { message } = props;
  const trans = useTrans();
  if (message.question.value) {
    return <Outcome question={message.question.value} />;
  }
  switch (message.role) {
    case 'user':
      return <UserPrompt text={message.text.value} />;
    case 'tool':
      return <ToolCard message={message} />;
    case 'notice':
      return (
        <p class="hj-notice" data-level={message.level}>
          {message.compaction
            ? trans.__('The context was compacted')
            : message.text}
        </p>
      );
    case 'assistant':
      return <AssistantMessage message={message} />;
  }
}

export function UserPrompt(props: {
  text: string;
  note?: string;
}): JSX.Element {
  const trans = useTrans();
  return (
    <article class="hj-user" aria-label={trans.__('You')}>
      <p dir="auto">{props.text}</p>
      {props.note && <span class="hj-quiet">{props.note}</span>}
    </article>
  );
}

function AssistantMessage({ message }: { message: MessageModel }): JSX.Element {
  const trans = useTrans();
  const { unfoldReasoning } = usePreferences();
  const open = useComputed(() => message.status.value === 'streaming');
  const isCut = message.status.value === 'interrupted';
  return (
    <article
      class="hj-assistant"
      aria-label={trans.__('Hermes')}
      aria-busy={open.value}
    >
      {message.reasoning.value && (
        <details class="hj-reasoning" open={unfoldReasoning}>
          <summary>{trans.__('Reasoning')}</summary>
          <p dir="auto">{message.reasoning}</p>
        </details>
      )}
      <Markdown text={message.text} open={open} />
      {isCut && <span class="hj-quiet">{trans.__('Stopped here')}</span>}
    </article>
  );
}
