import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { WhenBusy } from '../client/api';
import type { Conversation } from '../model/conversation';
import { useDismissal } from './dismissal';
import { usePreferences, useTrans } from './host';
import { UpIcon } from './icons';

/** The ways to send while the agent works, beside the Send button. */
export function SendMenu(props: {
  conversation: Conversation;
  onSend: (whenBusy: WhenBusy) => void;
}): JSX.Element {
  const { conversation, onSend } = props;
  const trans = useTrans();
  const { sendWith } = usePreferences();
  const box = useRef<HTMLDivElement>(null);
  const isOpen = useSignal(false);
  useDismissal(box, isOpen);
  useEffect(() => {
    if (isOpen.value) {
      itemsOf(box.current!)[0]?.focus();
    }
  }, [isOpen.value]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (isOpen.value && step) {
      event.preventDefault();
      const items = itemsOf(box.current!);
      const at = items.indexOf(document.activeElement as HTMLElement) + step;
      items.at(at % items.length)?.focus();
    }
  };
  const item = (
    whenBusy: WhenBusy,
    label: string,
    hint: string
  ): JSX.Element => (
    <button
      type="button"
      role="menuitem"
      class="hj-menu-item"
      tabIndex={-1}
      onClick={() => {
        isOpen.value = false;
        onSend(whenBusy);
      }}
    >
      {label}
      <span class="hj-quiet">{hint}</span>
    </button>
  );

  return (
    <div class="hj-send-menu" ref={box} onKeyDown={onKeyDown}>
      <button
        type="button"
        class="hj-round hj-primary"
        aria-label={trans.__('Steer or interrupt')}
        title={trans.__('Steer or interrupt')}
        aria-haspopup="menu"
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <UpIcon />
      </button>
      {isOpen.value && (
        <div
          class="hj-popover"
          role="menu"
          aria-label={trans.__('Steer or interrupt')}
        >
          {item(
            'queue',
            trans.__('Queue'),
            trans.__('After this turn (%1)', sendWith)
          )}
          {conversation.can('steer') &&
            item(
              'steer',
              trans.__('Steer'),
              trans.__('Into this turn, with its next tool result')
            )}
          {conversation.can('interrupt') &&
            item(
              'interrupt',
              trans.__('Interrupt and send'),
              trans.__('Stops this turn')
            )}
        </div>
      )}
    </div>
  );
}

function itemsOf(box: HTMLElement): HTMLElement[] {
  return [...box.querySelectorAll<HTMLElement>('[role="menuitem"]')];
}
