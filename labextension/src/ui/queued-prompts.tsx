import type { JSX } from 'preact';
import type { Turn } from '../client/api';
import type { ChatModel } from '../model/chat';
import { useTrans } from './host';
import { IconButton } from './icon-button';
import { CloseIcon } from './icons';

/** Characters of a prompt that a chip has room for. */
const SHOWN = 200;

/** The prompts that wait for the end of the turn in hand, in their order. */
export function QueuedPrompts({
  chat
}: {
  chat: ChatModel;
}): JSX.Element | null {
  const trans = useTrans();
  const conversation = chat.conversation.value;
  const queued = conversation.queued.value;
  const running = conversation.running.value;
  if (queued.length === 0) {
    return null;
  }
  const canSendNow =
    running !== null &&
    running.state !== 'stopping' &&
    running.action !== 'compress' &&
    conversation.can('interrupt');
  return (
    <ol class="hj-queue" aria-label={trans.__('Prompts that wait')}>
      {queued.map((turn, i) => (
        <Chip key={turn.turn_id} chat={chat} turn={turn}>
          {i === 0 && canSendNow && (
            <button
              type="button"
              class="hj-button"
              title={trans.__('Stops the turn that runs')}
              onClick={() => chat.stop()}
            >
              {trans.__('Send now')}
            </button>
          )}
        </Chip>
      ))}
    </ol>
  );
}

function Chip(props: {
  chat: ChatModel;
  turn: Turn;
  children: JSX.Element | false;
}): JSX.Element {
  const { chat, turn } = props;
  const trans = useTrans();
  const text =
    turn.action === 'compress'
      ? trans.__('Compact the context')
      : (turn.text || filesOf(turn)).slice(0, SHOWN);
  return (
    <li class="hj-chip">
      <span class="hj-clipped" dir="auto" title={text}>
        {text}
      </span>
      {props.children}
      <IconButton
        label={trans.__('Take back: %1', text)}
        title={trans.__('Take back')}
        onClick={() => chat.withdraw(turn)}
      >
        <CloseIcon />
      </IconButton>
    </li>
  );
}

function filesOf({ attachments = [] }: Turn): string {
  return attachments.map(({ name }) => name).join(', ');
}
