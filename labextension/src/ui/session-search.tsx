import type { JSX } from 'preact';
import type { Found } from '../client/api';
import type { SessionsModel } from '../model/sessions';
import { FailureView } from './failure-view';
import { useTrans } from './host';
import { since } from './since';

/** What the list shows of all conversations. */
export function SessionFilter(props: {
  sessions: SessionsModel;
  /** Goes from the field to the rows. */
  onDown: () => void;
}): JSX.Element {
  const { sessions, onDown } = props;
  const trans = useTrans();
  const text = sessions.text.value;
  const source = sessions.source.value;
  const archived = sessions.archived.value;
  const sources = sessions.sources.value;
  return (
    <div class="hj-filter" role="search">
      <input
        type="search"
        class="hj-text hj-search"
        dir="auto"
        aria-label={trans.__('Search conversations')}
        placeholder={trans.__('Search')}
        value={text}
        onInput={event => sessions.setText(event.currentTarget.value)}
        onKeyDown={event => {
          if (event.key === 'Escape' && text !== '') {
            event.stopPropagation();
            event.preventDefault();
            sessions.setText('');
          } else if (event.key === 'ArrowDown') {
            event.preventDefault();
            onDown();
          }
        }}
      />
      {(sources.length > 1 || source !== null) && (
        <select
          class="hj-select"
          aria-label={trans.__('Source')}
          value={source ?? ''}
          onChange={event =>
            sessions.setSource(event.currentTarget.value || null)
          }
        >
          <option value="">{trans.__('All sources')}</option>
          {sources.map(({ source, label }) => (
            <option key={source} value={source}>
              {label}
            </option>
          ))}
        </select>
      )}
      <button
        type="button"
        class="hj-button hj-toggle"
        aria-pressed={archived}
        onClick={() => sessions.setArchived(!archived)}
      >
        {trans.__('Archived')}
      </button>
    </div>
  );
}

/** The messages that were found, each with the place in it. */
export function SearchResults(props: {
  sessions: SessionsModel;
  onOpen: (found: Found) => void;
}): JSX.Element | null {
  const { sessions, onOpen } = props;
  const trans = useTrans();
  const found = sessions.found.value;
  const error = sessions.searchError.value;
  if (error) {
    return <FailureView failure={error} />;
  }
  if (found === null) {
    return null;
  }
  return (
    <section class="hj-found" aria-label={trans.__('In messages')}>
      <h3>{trans.__('In messages')}</h3>
      <p class="hj-quiet" role="status">
        {found.length === 0
          ? trans.__('No message has all of these words.')
          : trans._n('%1 message', '%1 messages', found.length)}
      </p>
      <ul>
        {found.map(one => (
          <li key={one.message_id}>
            <button
              type="button"
              class="hj-found-one"
              onClick={() => onOpen(one)}
            >
              <span class="hj-clipped" dir="auto">
                {one.title || trans.__('Untitled')}
              </span>
              <span class="hj-session-time">{since(one.at)}</span>
              <span class="hj-snippet" dir="auto">
                {one.snippet.map(({ text, match }, place) =>
                  match ? <mark key={place}>{text}</mark> : text
                )}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
