import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ChatModel } from '../model/chat';
import type { MessageModel } from '../model/message';
import type { Stretch } from '../model/stretches';
import { useHost } from './host';
import { MessageView } from './message-view';
import type { Nearness } from './nearness';

/** What a line of text takes, and what stands around a message; in pixels. */
const LINE = { height: 21, width: 300, character: 6.5 };
const AROUND = 28;

/**
 * A stretch of the transcript. Far from the view it is its bare text: that can
 * be searched and read aloud, and costs next to nothing.
 */
export function StretchView(props: {
  stretch: Stretch;
  chat: ChatModel;
  nearness: Nearness;
  /** At the end of the transcript, where it is read first. */
  isLast: boolean;
  /** The message in it that a search has led to. */
  lit: string | null;
}): JSX.Element {
  const { stretch, chat, nearness, isLast, lit } = props;
  const { parts } = useHost();
  const node = useRef<HTMLDivElement>(null);
  const isNear = useSignal(false);
  const wasShown = useRef(false);
  // What is painted stays, with all that was unfolded in it.
  wasShown.current ||= isNear.value || isLast || lit !== null;
  const isShown = wasShown.current;

  useEffect(
    () =>
      isShown
        ? undefined
        : nearness.watch(node.current!, () => {
            isNear.value = true;
          }),
    [isShown]
  );

  return (
    <div
      class="hj-stretch"
      style={{ containIntrinsicHeight: `auto ${heightOf(stretch)}px` }}
      // Only what is said last is news, not what is put above or painted late.
      aria-live={isLast ? undefined : 'off'}
      ref={node}
    >
      {isShown ? (
        stretch.map(message => (
          <div
            key={message.id}
            class="hj-entry"
            data-key={message.id}
            data-lit={message.id === lit}
            // For the focus of whoever comes here from a search.
            tabIndex={-1}
          >
            <MessageView message={message} chat={chat} />
            {parts?.afterMessage(message, chat)}
          </div>
        ))
      ) : (
        <div class="hj-put-off" dir="auto">
          {stretch.map(textOf).join('\n\n')}
        </div>
      )}
    </div>
  );
}

function textOf({ text, tool }: MessageModel): string {
  return tool.peek()?.name ?? text.peek();
}

/** About as high as it will be. */
function heightOf(stretch: Stretch): number {
  const lines = stretch.map(message =>
    Math.ceil((textOf(message).length * LINE.character) / LINE.width)
  );
  return lines.reduce((sum, count) => sum + count * LINE.height + AROUND, 0);
}
