// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from 'vitest';
import { browserFor, type Change } from '../src/client/browser';

const HUB = 'http://hub/user/ada/';

describe('the browser around the client', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('lets the pages of one server and one protocol meet', () => {
    vi.stubGlobal('navigator', { locks: {} });
    const name = browserFor(HUB).meeting?.name;
    expect(name).toMatch(/^hermes-jupyter\/\d+\//);
    expect(name).toContain(HUB);
    expect(browserFor('http://hub/user/bob/').meeting?.name).not.toBe(name);
  });

  it.each(['locks', 'BroadcastChannel'])(
    'leaves a page alone without %s',
    it => {
      vi.stubGlobal('navigator', it === 'locks' ? {} : { locks: {} });
      if (it === 'BroadcastChannel') {
        vi.stubGlobal('BroadcastChannel', undefined);
        Reflect.deleteProperty(globalThis, 'BroadcastChannel');
      }
      expect(browserFor(HUB).meeting).toBeNull();
    }
  );

  it('tells what happens to the page', () => {
    const changes: Change[] = [];
    const { life } = browserFor(HUB);
    const end = life.watch(change => changes.push(change));
    const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
    document.dispatchEvent(new Event('visibilitychange'));
    expect(life.isVisible()).toBe(false);
    hidden.mockReturnValue(false);
    document.dispatchEvent(new Event('visibilitychange'));
    document.dispatchEvent(new Event('freeze'));
    document.dispatchEvent(new Event('resume'));
    window.dispatchEvent(new Event('pagehide'));
    // The first one of each page; only later ones come from the cache.
    window.dispatchEvent(new Event('pageshow'));
    const back = Object.assign(new Event('pageshow'), { persisted: true });
    window.dispatchEvent(back);
    end();
    document.dispatchEvent(new Event('freeze'));
    expect(changes).toEqual([
      'hidden',
      'shown',
      'suspended',
      'resumed',
      'suspended',
      'resumed'
    ]);
  });
});
