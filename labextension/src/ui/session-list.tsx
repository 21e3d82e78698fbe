import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Found } from '../client/api';
import type { SessionsModel } from '../model/sessions';
import { FailureView } from './failure-view';
import { useTrans } from './host';
import { SearchResults, SessionFilter } from './session-search';
import { SessionTree } from './session-tree';

/** The conversations, newest activity first, and what is found in them. */
export function SessionList(props: {
  sessions: SessionsModel;
  currentId: string;
  /** With `found`, at that message. */
  onOpen: (id: string, found?: Found) => void;
}): JSX.Element {
  const { sessions, currentId, onOpen } = props;
  const trans = useTrans();
  const list = useRef<HTMLDivElement>(null);
  const error = sessions.error.value;

  useEffect(() => void sessions.load(), [sessions]);

  return (
    <div class="hj-sessions" ref={list}>
      <SessionFilter
        sessions={sessions}
        onDown={() =>
          list.current!.querySelector<HTMLElement>('[tabindex="0"]')?.focus()
        }
      />
      <div class="hj-sessions-rows">
        {error && (
          <>
            <FailureView failure={error} />
            <button
              type="button"
              class="hj-button hj-more"
              onClick={() => void sessions.load()}
            >
              {trans.__('Retry')}
            </button>
          </>
        )}
        <div role="status">
          <Emptiness sessions={sessions} />
        </div>
        <SessionTree
          sessions={sessions}
          currentId={currentId}
          onOpen={id => onOpen(id)}
        />
        {sessions.hasMore.value && (
          <button
            type="button"
            class="hj-button hj-more"
            onClick={() => void sessions.showMore()}
          >
            {trans.__('Show more')}
          </button>
        )}
        <SearchResults
          sessions={sessions}
          onOpen={found => onOpen(found.session_id, found)}
        />
      </div>
    </div>
  );
}

function Emptiness({
  sessions
}: {
  sessions: SessionsModel;
}): JSX.Element | null {
  const trans = useTrans();
  if (sessions.rows.value?.length !== 0) {
    return null;
  }
  let text = trans.__('No conversations yet.');
  if (sessions.text.value.trim() !== '') {
    text = trans.__('No conversation begins with or is called that.');
  } else if (sessions.archived.value) {
    text = trans.__('Nothing is archived.');
  } else if (sessions.source.value !== null) {
    text = trans.__('No conversations from there.');
  }
  return <p class="hj-quiet hj-none">{text}</p>;
}
