import { useSignal } from '@preact/signals';
import type { JSX, RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Item } from '../model/items';
import type { SessionsModel } from '../model/sessions';
import { FailureView } from './failure-view';
import { useTrans } from './host';
import { Menu, type MenuPlace } from './menu';
import { useRowActions } from './row-actions';
import { placeUnder, SessionRow } from './session-row';

interface OpenMenu {
  id: string;
  place: MenuPlace;
  opener: HTMLElement | null;
}

/** The rows of the list, to walk through with the keyboard. */
export function SessionTree(props: {
  sessions: SessionsModel;
  currentId: string;
  onOpen: (id: string) => void;
}): JSX.Element {
  const { sessions, currentId, onOpen } = props;
  const trans = useTrans();
  const tree = useRef<HTMLUListElement>(null);
  const actions = useRowActions(sessions, onOpen);
  const menu = useSignal<OpenMenu | null>(null);
  const focused = useSignal('');
  const asking = actions.asking.value;
  const busy = actions.busy.value;
  const failure = actions.failure.value;
  const items = sessions.items.value;
  const has = (key: string): boolean => items.some(item => item.key === key);
  const tabStop = [focused.value, currentId].find(has) ?? items[0]?.key;
  useKeptFocus(tree, items, focused.value);

  const openMenu = (id: string, place: MenuPlace): void => {
    // The key for it is told twice: as a key, and as the wish for a menu.
    if (menu.value?.id !== id) {
      const opener = document.activeElement as HTMLElement | null;
      menu.value = { id, place, opener };
    }
  };
  const closeMenu = (isChosen: boolean): void => {
    const opener = menu.value?.opener;
    menu.value = null;
    if (isChosen) {
      const row = tree.current?.contains(opener ?? null) ? opener : null;
      (row ?? itemNode(tree, focused.value))?.focus();
    }
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const node = event.target as HTMLElement;
    const index = items.findIndex(({ key }) => key === node.dataset.key);
    const item = items[index];
    if (!item || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    const focus = (to: Item | undefined): void =>
      itemNode(tree, to?.key ?? '')?.focus();
    const above = items.slice(0, index).reverse();
    const parent = above.find(({ level }) => level < item.level);
    const below = items[index + 1];
    const isMenuKey = event.shiftKey
      ? event.key === 'F10'
      : event.key === 'ContextMenu';
    if (isMenuKey && item.kind === 'conversation') {
      event.preventDefault();
      openMenu(item.key, placeUnder(node));
      return;
    }
    const go: Record<string, () => void> = {
      ArrowDown: () => focus(below),
      ArrowUp: () => focus(above[0]),
      Home: () => focus(items[0]),
      End: () => focus(items.at(-1)),
      ArrowLeft: () => focus(parent),
      ArrowRight: () => focus(isChild(below, item) ? below : undefined)
    };
    if (item.kind === 'conversation') {
      go['Enter'] = go[' '] = () => onOpen(item.key);
      go['F2'] = () => actions.ask(item.row, 'title');
      go['Delete'] = () => actions.ask(item.row, 'deletion');
    } else {
      const { of, subagents } = item;
      const toggle = (): void => toggleSubagents(sessions, item);
      go['Enter'] = go[' '] = toggle;
      if (subagents) {
        go['ArrowLeft'] = () => sessions.fold(of.id);
      } else {
        go['ArrowRight'] = toggle;
      }
    }
    const act = event.shiftKey ? undefined : go[event.key];
    if (act) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };

  if (items.length === 0) {
    return <></>;
  }
  const opened = items.find(({ key }) => key === menu.value?.id);
  return (
    <>
      <ul
        role="tree"
        aria-label={trans.__('Conversations')}
        aria-busy={sessions.isLoading.value}
        ref={tree}
        onKeyDown={onKeyDown}
        onFocusIn={event => {
          const row = (event.target as Element).closest('[data-key]');
          focused.value = row?.getAttribute('data-key') ?? '';
        }}
      >
        {items.map(item =>
          item.kind === 'conversation' ? (
            <SessionRow
              key={item.key}
              row={item.row}
              level={item.level}
              isCurrent={item.key === currentId}
              isTabStop={item.key === tabStop}
              isMenuOpen={item.key === menu.value?.id}
              isBusy={item.key === busy}
              asked={item.key === asking?.id ? asking.what : null}
              failure={item.key === failure?.id ? failure.error : null}
              actions={actions}
              onOpen={() => onOpen(item.key)}
              onMenu={place =>
                place ? openMenu(item.key, place) : closeMenu(true)
              }
            />
          ) : (
            <SubagentsRow
              key={item.key}
              item={item}
              isTabStop={item.key === tabStop}
              onToggle={() => toggleSubagents(sessions, item)}
            />
          )
        )}
      </ul>
      {menu.value && opened?.kind === 'conversation' && (
        <Menu
          label={trans.__('Actions')}
          items={actions.menuOf(opened.row)}
          place={menu.value.place}
          onClose={closeMenu}
        />
      )}
    </>
  );
}

type SubagentsItem = Extract<Item, { kind: 'subagents' }>;

function SubagentsRow(props: {
  item: SubagentsItem;
  isTabStop: boolean;
  onToggle: () => void;
}): JSX.Element {
  const { item, isTabStop, onToggle } = props;
  const { key, level, of, subagents } = item;
  const trans = useTrans();
  const label = trans._n('%1 subagent', '%1 subagents', of.subagent_count);
  const isOpen = subagents !== null;
  return (
    <li
      role="treeitem"
      class="hj-session hj-subagents"
      data-key={key}
      aria-level={level}
      aria-expanded={isOpen}
      aria-busy={isOpen && !subagents.rows && !subagents.error}
      aria-label={label}
      tabIndex={isTabStop ? 0 : -1}
      style={{ '--hj-level': level - 1 }}
      onClick={onToggle}
    >
      <span class="hj-fold">{label}</span>
      {subagents?.error && (
        <div class="hj-session-below">
          <FailureView failure={subagents.error} />
        </div>
      )}
    </li>
  );
}

function toggleSubagents(
  sessions: SessionsModel,
  { of, subagents }: SubagentsItem
): void {
  if (subagents) {
    sessions.fold(of.id);
  } else {
    void sessions.unfold(of.id);
  }
}

function isChild(item: Item | undefined, of: Item): boolean {
  return item !== undefined && item.level > of.level;
}

/**
 * Keeps the focus in the list when its row moves, is another one's or goes:
 * the browser takes it from a node that is moved.
 */
function useKeptFocus(
  tree: RefObject<HTMLUListElement>,
  items: readonly Item[],
  focused: string
): void {
  const had = tree.current?.contains(document.activeElement) ?? false;
  const place = useRef(0);
  useLayoutEffect(() => {
    const at = items.findIndex(({ key }) => key === focused);
    // It is nobody's then; what has taken it for itself keeps it.
    if (had && document.activeElement === document.body) {
      const next = at < 0 ? Math.min(place.current, items.length - 1) : at;
      const node = itemNode(tree, items[next]?.key ?? '');
      (node?.querySelector('input') ?? node)?.focus();
    }
    place.current = at < 0 ? place.current : at;
  });
}

function itemNode(
  tree: RefObject<HTMLElement>,
  key: string
): HTMLElement | null {
  return (
    [...((tree.current?.children ?? []) as HTMLCollectionOf<HTMLElement>)].find(
      node => node.dataset.key === key
    ) ?? null
  );
}
