import type { JSX } from 'preact';
import type { PageModel } from '../model/page';
import { useClock } from './clock';
import { useTrans } from './host';

/** Says when what is shown may be old. */
export function ConnectionBar({
  page
}: {
  page: PageModel;
}): JSX.Element | null {
  const trans = useTrans();
  const connection = page.connection.value;
  const now = useClock(connection.state === 'lost');
  if (connection.state === 'open') {
    return null;
  }
  const retry = (
    <button type="button" class="hj-button" onClick={() => page.retryNow()}>
      {trans.__('Retry now')}
    </button>
  );
  switch (connection.state) {
    case 'connecting':
      return (
        <p class="hj-bar hj-late" role="status">
          {trans.__('Connecting…')}
        </p>
      );
    case 'polling':
      return (
        <p class="hj-bar hj-late" role="status">
          {trans.__('No live connection: asking for news every few seconds.')}
        </p>
      );
    case 'lost': {
      const left = Math.max(0, connection.retryAt - now.value);
      return (
        <div class="hj-bar">
          <span role="status">{trans.__('The connection is lost.')}</span>
          <span>{trans.__('Next try in %1 s', Math.ceil(left / 1000))}</span>
          {retry}
        </div>
      );
    }
    case 'signed-out':
      return (
        <div class="hj-bar">
          <span role="alert">
            {trans.__('You are signed out. Sign in again in another tab.')}
          </span>
          {retry}
        </div>
      );
  }
}
