import type { Browser } from './browser';
import { Observable } from './observable';

/**
 * Whether a person was last at this page, of all the pages of a server in
 * their browser. What is to be shown in one of them is shown there.
 */
export function frontOf({ life, meeting }: Browser): Observable<boolean> {
  const isFront = new Observable(false);
  if (!meeting) {
    // Pages that cannot meet show it each, while they are looked at.
    const look = (): void => isFront.set(life.isVisible());
    life.watch(look);
    look();
    return isFront;
  }

  const name = `${meeting.name}/front`;
  let queue = new AbortController();
  const hold = (options: LockOptions): Promise<unknown> =>
    meeting.locks.request(name, options, () => {
      isFront.set(true);
      return new Promise(() => undefined);
    });
  // The last one before comes to the front when that page is closed.
  const wait = (): void => {
    const { signal } = (queue = new AbortController());
    hold({ signal }).catch(() => {
      if (!signal.aborted) {
        fallBack();
      }
    });
  };
  const take = (): void => {
    if (!isFront.get()) {
      queue.abort();
      hold({ steal: true }).catch(fallBack);
    }
  };
  const fallBack = (): void => {
    isFront.set(false);
    wait();
  };

  life.watch(change => {
    if (change === 'shown' || change === 'focused') {
      take();
    }
  });
  if (life.isVisible()) {
    take();
  } else {
    wait();
  }
  return isFront;
}
