import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Completion } from '../client/api';
import type { Completions } from '../model/completions';
import { useTrans } from './host';

/** What may stand for what is being typed. */
export function CompletionList(props: {
  id: string;
  completions: Completions;
  onAccept: (option: Completion) => void;
}): JSX.Element | null {
  const { id, completions, onAccept } = props;
  const trans = useTrans();
  const list = useRef<HTMLUListElement>(null);
  const options = completions.options.value;
  const active = completions.active.value;
  useEffect(
    () => list.current?.children[active]?.scrollIntoView({ block: 'nearest' }),
    [active, options]
  );
  if (options.length === 0) {
    return null;
  }
  return (
    <ul
      ref={list}
      id={id}
      class="hj-popover hj-completions"
      role="listbox"
      aria-label={trans.__('Completions')}
    >
      {options.map((option, place) => (
        <li
          key={option.text}
          id={optionId(id, place)}
          class="hj-menu-item"
          role="option"
          aria-selected={place === active}
          // The focus stays where it is typed.
          onMouseDown={event => event.preventDefault()}
          onClick={() => onAccept(option)}
        >
          <span dir="auto">{option.label}</span>
          <span class="hj-quiet">{option.detail}</span>
        </li>
      ))}
    </ul>
  );
}

export function optionId(id: string, place: number): string {
  return `${id}-${place}`;
}

/** Whether a key was for the options, of the text up to where it is typed. */
export function steersCompletions(
  event: KeyboardEvent,
  completions: Completions,
  text: string,
  onAccept: (option: Completion) => void
): boolean {
  const { options, active } = completions;
  const option = options.value[active.value];
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (!option || !isPlain || event.shiftKey || event.isComposing) {
    return false;
  }
  switch (event.key) {
    case 'ArrowDown':
      completions.move(1);
      break;
    case 'ArrowUp':
      completions.move(-1);
      break;
    case 'Enter':
      if (completions.isAll(text)) {
        return false;
      }
      onAccept(option);
      break;
    case 'Tab':
      onAccept(option);
      break;
    case 'Escape':
      completions.close();
      break;
    default:
      return false;
  }
  event.preventDefault();
  event.stopPropagation();
  return true;
}
