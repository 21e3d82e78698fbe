import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { ApiError, Summary } from '../client/api';
import type { Trans } from '../client/page';
import { FailureView } from './failure-view';
import { useTrans } from './host';
import { MoreIcon, PinIcon } from './icons';
import { sends } from './keys';
import type { MenuPlace } from './menu';
import type { Asking, RowActions } from './row-actions';
import { since } from './since';

/** Jupyter's own conversations are not named as such. */
const OWN_SOURCE = 'jupyter';

/** One conversation in the list. */
export function SessionRow(props: {
  row: Summary;
  level: number;
  isCurrent: boolean;
  isTabStop: boolean;
  isMenuOpen: boolean;
  isBusy: boolean;
  /** What it asks the person, if it does. */
  asked: Asking['what'] | null;
  failure: ApiError | null;
  actions: RowActions;
  onOpen: () => void;
  /** Opens its menu there, or closes it. */
  onMenu: (place: MenuPlace | null) => void;
}): JSX.Element {
  const { row, level, isCurrent, isTabStop, isMenuOpen, isBusy } = props;
  const { asked, failure, actions, onOpen, onMenu } = props;
  const trans = useTrans();
  const title = titleOf(row, trans);
  const state = stateOf(row, trans);
  const preview = row.title ? row.preview : '';
  const below = [...marksOf(row, trans), preview].filter(Boolean).join(' · ');

  return (
    <li
      role="treeitem"
      class="hj-session"
      data-key={row.id}
      aria-level={level}
      aria-current={isCurrent ? 'true' : undefined}
      aria-busy={isBusy}
      aria-label={nameOf(row, trans)}
      tabIndex={isTabStop ? 0 : -1}
      style={{ '--hj-level': level - 1 }}
      onClick={onOpen}
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        onMenu(placeUnder(event.currentTarget));
      }}
    >
      {asked === 'title' ? (
        <TitleField row={row} isBusy={isBusy} actions={actions} />
      ) : (
        <>
          <div class="hj-session-line">
            {row.unread && <span class="hj-unread" />}
            {row.pinned && <PinIcon />}
            <span class="hj-clipped" dir="auto">
              {title}
            </span>
            <span class="hj-session-time">{since(row.last_active)}</span>
          </div>
          <button
            type="button"
            class="hj-icon-button hj-session-more"
            aria-label={trans.__('Actions for %1', title)}
            title={trans.__('Actions')}
            aria-haspopup="menu"
            aria-expanded={isMenuOpen}
            tabIndex={isTabStop ? 0 : -1}
            // The open menu keeps the focus, and with it itself.
            onMouseDown={event => event.preventDefault()}
            onClick={event => {
              event.stopPropagation();
              onMenu(isMenuOpen ? null : placeUnder(event.currentTarget));
            }}
          >
            <MoreIcon />
          </button>
          {(below || state) && (
            <div class="hj-session-line hj-quiet">
              <span class="hj-clipped" dir="auto">
                {below}
              </span>
              <span class="hj-session-state" data-state={row.state}>
                {state}
              </span>
            </div>
          )}
        </>
      )}
      {asked === 'deletion' && <Deletion row={row} actions={actions} />}
      {failure && (
        <div class="hj-session-below" onClick={stop}>
          <FailureView failure={failure} />
        </div>
      )}
    </li>
  );
}

function TitleField(props: {
  row: Summary;
  isBusy: boolean;
  actions: RowActions;
}): JSX.Element {
  const { row, isBusy, actions } = props;
  const trans = useTrans();
  const title = useSignal(row.title ?? '');
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    input.current!.focus();
    input.current!.select();
  }, []);

  return (
    <div class="hj-session-below hj-field" onClick={stop}>
      <input
        ref={input}
        class="hj-text"
        dir="auto"
        aria-label={trans.__('Title')}
        value={title.value}
        readOnly={isBusy}
        onInput={event => {
          title.value = event.currentTarget.value;
        }}
        onKeyDown={event => {
          // A title has one line: Enter ends it whatever sends a message.
          if (sends(event, { sendWith: 'Enter' })) {
            event.preventDefault();
            void actions.rename(row, title.value.trim());
          } else if (event.key === 'Escape') {
            event.stopPropagation();
            actions.cancel();
          }
        }}
      />
      <div class="hj-buttons">
        <button
          type="button"
          class="hj-button hj-primary"
          onClick={() => void actions.rename(row, title.value.trim())}
        >
          {trans.__('Save')}
        </button>
        <button type="button" class="hj-button" onClick={actions.cancel}>
          {trans.__('Cancel')}
        </button>
      </div>
    </div>
  );
}

function Deletion(props: { row: Summary; actions: RowActions }): JSX.Element {
  const { row, actions } = props;
  const trans = useTrans();
  const cancel = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => cancel.current!.focus(), []);

  return (
    <div
      class="hj-session-below hj-buttons"
      role="group"
      aria-label={trans.__('Delete for good?')}
      onClick={stop}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          actions.cancel();
        }
      }}
    >
      <span>{trans.__('Delete for good?')}</span>
      <button
        type="button"
        class="hj-button hj-danger"
        onClick={() => void actions.delete(row)}
      >
        {trans.__('Delete')}
      </button>
      <button
        type="button"
        class="hj-button"
        ref={cancel}
        onClick={actions.cancel}
      >
        {trans.__('Cancel')}
      </button>
    </div>
  );
}

/** Where the menu of a row or of its button opens. */
export function placeUnder(node: Element): MenuPlace {
  const { right, top, height } = node.getBoundingClientRect();
  return { right, top: top + Math.min(height, 28) };
}

function stop(event: Event): void {
  event.stopPropagation();
}

function titleOf(row: Summary, trans: Trans): string {
  return row.title || row.preview || trans.__('Untitled');
}

/** All that the row shows, for those who hear it. */
function nameOf(row: Summary, trans: Trans): string {
  const parts = [
    titleOf(row, trans),
    stateOf(row, trans),
    row.unread ? trans.__('unread') : '',
    row.pinned ? trans.__('pinned') : '',
    ...marksOf(row, trans),
    since(row.last_active)
  ];
  return parts.filter(Boolean).join(', ');
}

function marksOf(row: Summary, trans: Trans): string[] {
  const continued = row.segment_count - 1;
  return [
    row.source === OWN_SOURCE ? '' : (row.source_label ?? ''),
    continued > 0
      ? trans._n('continued once', 'continued %1 times', continued)
      : '',
    row.capabilities.includes('prompt') ? '' : trans.__('read only')
  ].filter(Boolean);
}

function stateOf({ state, attention }: Summary, trans: Trans): string {
  if (attention.clarify + attention.approval > 0 || state === 'waiting') {
    return trans.__('needs you');
  }
  switch (state) {
    case 'running':
      return trans.__('working');
    case 'error':
      return trans.__('failed');
    case 'idle':
      return '';
  }
}
