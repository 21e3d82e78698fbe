import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Summary } from '../client/api';
import type { Trans } from '../client/page';
import type { SessionsModel } from '../model/sessions';
import { FailureView } from './failure-view';
import { useTrans } from './host';

/** The conversations, newest activity first. */
export function SessionList(props: {
  sessions: SessionsModel;
  currentId: string;
  onOpen: (id: string) => void;
}): JSX.Element {
  const { sessions, currentId, onOpen } = props;
  const trans = useTrans();
  const rows = sessions.rows.value;

  useEffect(() => void sessions.load(), [sessions]);

  return (
    <div class="hj-sessions">
      {sessions.error.value && <FailureView failure={sessions.error.value} />}
      {rows?.length === 0 && (
        <p class="hj-quiet">{trans.__('No conversations yet.')}</p>
      )}
      <ul aria-label={trans.__('Conversations')}>
        {rows?.map(row => (
          <li key={row.id}>
            <button
              type="button"
              class="hj-session"
              aria-current={row.id === currentId}
              onClick={() => onOpen(row.id)}
            >
              <span class="hj-session-title" dir="auto">
                {row.title || row.preview || trans.__('Untitled')}
              </span>
              <span class="hj-session-state" data-state={row.state}>
                {stateOf(row, trans)}
              </span>
              <span class="hj-session-preview" dir="auto">
                {row.title ? row.preview : ''}
              </span>
              <span class="hj-quiet">{since(row.last_active)}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
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

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60]
];

function since(time: number): string {
  const seconds = Math.max(0, Date.now() / 1000 - time);
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? [
    'minute',
    60
  ];
  const format = new Intl.RelativeTimeFormat(undefined, {
    numeric: 'auto',
    style: 'narrow'
  });
  return format.format(-Math.floor(seconds / length), unit);
}
