import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

export interface MenuItem {
  label: string;
  act: () => void;
  isDanger?: boolean;
}

/** Where a menu opens, in pixels of the window: its right end and its top. */
export interface MenuPlace {
  right: number;
  top: number;
}

const MARGIN = 4;

/** A menu over everything else, which has the focus until it is closed. */
export function Menu(props: {
  label: string;
  items: readonly MenuItem[];
  place: MenuPlace;
  /** `isChosen` when its opener shall have the focus again. */
  onClose: (isChosen: boolean) => void;
}): JSX.Element {
  const { label, items, place, onClose } = props;
  const menu = useRef<HTMLDivElement>(null);

  const focus = (index: number): void => {
    const entries = menu.current!.querySelectorAll('button');
    entries[(index + entries.length) % entries.length]?.focus();
  };

  useLayoutEffect(() => {
    const node = menu.current!;
    // In the layer above all others, where no panel cuts it off.
    node.showPopover?.();
    const { offsetWidth: width, offsetHeight: height } = node;
    const left = Math.max(MARGIN, place.right - width);
    const lowest = window.innerHeight - height - MARGIN;
    node.style.left = `${left}px`;
    node.style.top = `${Math.max(MARGIN, Math.min(place.top, lowest))}px`;
    focus(0);
  }, [place]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const entries = [...menu.current!.querySelectorAll('button')];
    const index = entries.indexOf(event.target as HTMLButtonElement);
    const go: Record<string, () => void> = {
      ArrowDown: () => focus(index + 1),
      ArrowUp: () => focus(index - 1),
      Home: () => focus(0),
      End: () => focus(-1),
      Escape: () => onClose(true),
      Tab: () => onClose(true)
    };
    const act = go[event.key];
    if (act) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };

  return (
    <div
      class="hj-menu"
      role="menu"
      popover="manual"
      aria-label={label}
      ref={menu}
      onKeyDown={onKeyDown}
      onFocusOut={event => {
        if (!menu.current?.contains(event.relatedTarget as Node | null)) {
          onClose(false);
        }
      }}
    >
      {items.map(item => (
        <button
          type="button"
          role="menuitem"
          tabIndex={-1}
          key={item.label}
          class="hj-menu-item"
          data-danger={item.isDanger}
          onClick={() => {
            onClose(true);
            item.act();
          }}
        >
          {item.label}
        </button>
      ))}
    </div>
  );
}
