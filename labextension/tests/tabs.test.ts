import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HermesEvent } from '../src/client/api';
import { HermesClient } from '../src/client/client';
import { FakeOrigin, FakePage } from './fake-browser';
import { JournalServer, question } from './fake-server';

/** A page with its client, which counts what it is told. */
class Tab {
  readonly client: HermesClient;
  readonly told: HermesEvent[] = [];
  readonly heard: HermesEvent[] = [];
  /** By conversation, the last one of its deltas. */
  readonly counts = new Map<string, number>();
  isGone = false;

  constructor(
    readonly page: FakePage,
    server: JournalServer
  ) {
    this.client = new HermesClient(server.request, page.browser);
    this.client.listen(event => this.heard.push(event));
  }

  async follow(id: string): Promise<() => void> {
    const end = await this.client.follow(id, event => this.take(id, event));
    return () => {
      end();
      this.counts.delete(id);
    };
  }

  crash(): void {
    this.isGone = true;
    this.page.crash();
  }

  private take(id: string, event: HermesEvent): void {
    if (this.isGone) {
      return;
    }
    this.told.push(event);
    const last = this.counts.get(id) ?? 0;
    if (event.event === 'snapshot') {
      expect(event.data.message_count).toBeGreaterThanOrEqual(last);
      this.counts.set(id, event.data.message_count);
    } else if (event.event === 'message.delta') {
      expect(event.data.text).toBe(String(last + 1));
      this.counts.set(id, last + 1);
    }
  }
}

/** What happens to the page `which`, or in its conversation, and for how long. */
interface Step {
  action: string;
  which: number;
  ms: number;
}

describe('the pages of a browser', () => {
  let server: JournalServer;
  let origin: FakeOrigin;
  let tabs: Tab[];
  let faults: unknown[];

  const begin = () => {
    server = new JournalServer();
    server.add('c1', 'c2', 'c3');
    origin = new FakeOrigin();
    tabs = [];
    faults = [];
  };
  const end = () => {
    tabs.forEach(({ client }) => client.dispose());
    server.stop();
    vi.clearAllTimers();
    expect(faults).toEqual([]);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    // What a listener throws is reported, not thrown.
    vi.stubGlobal('reportError', (fault: unknown) => faults.push(fault));
    begin();
  });

  afterEach(() => {
    end();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  const settle = (ms = 50) => vi.advanceTimersByTimeAsync(ms);

  const open = async (...ids: string[]) => {
    const page = new FakePage(origin, `p${tabs.length + 1}`);
    const tab = new Tab(page, server);
    tabs.push(tab);
    await settle();
    for (const id of ids) {
      await tab.follow(id);
      await settle();
    }
    return tab;
  };

  const leader = () => tabs.find(({ page }) => page === origin.leader)!;
  const states = () =>
    tabs
      .filter(({ isGone }) => !isGone)
      .map(({ client }) => client.connection.get().state);

  it('have one stream with all that any of them follows', async () => {
    const a = await open('c1');
    const b = await open('c2');
    const c = await open('c1', 'c3');
    expect(server.open).toHaveLength(1);
    expect([...server.stream.sessions].sort()).toEqual(['c1', 'c2', 'c3']);

    ['c1', 'c2', 'c3', 'c1'].forEach(id => server.say(id));
    await settle();
    expect([...a.counts]).toEqual([['c1', 2]]);
    expect([...b.counts]).toEqual([['c2', 1]]);
    expect([...c.counts]).toEqual([
      ['c1', 2],
      ['c3', 1]
    ]);
    expect(states()).toEqual(['open', 'open', 'open']);
  });

  it('all hear a question and its end, once each', async () => {
    await open();
    await open('c1');
    await open('c2');
    const told = { session_id: 'c1', question: question() };
    server.publish('question', told);
    await settle();
    // The leader reopens its stream from a place before the question.
    server.on('GET sessions/c3', () => ({
      ...question(),
      id: 'c3',
      cursor: 'e1.0'
    }));
    await tabs[1]!.client.follow('c3', () => undefined);
    await settle();
    expect(server.stream.cursor).toBe('e1.0');
    server.publish('question', {
      ...told,
      question: question({ state: 'answered' })
    } as typeof told);
    await settle();
    for (const { heard } of tabs) {
      const questions = heard.filter(({ event }) => event === 'question');
      expect(questions.map(({ id }) => id)).toEqual(['e1.1', 'e1.2']);
    }
  });

  it('get what happened between a snapshot and the wish for more', async () => {
    const a = await open('c1');
    const b = await open('c1');
    const before = server.streams.length;
    server.on('GET sessions/c1', async () => {
      const snapshot = { id: 'c1', message_count: 0, cursor: server.cursor };
      server.say('c1');
      await new Promise(resolve => setTimeout(resolve, 100));
      return snapshot;
    });
    const c = await open();
    const following = c.follow('c1');
    await settle(200);
    await following;
    server.say('c1');
    await settle();
    expect(server.streams.length).toBeGreaterThan(before);
    for (const { counts } of [a, b, c]) {
      expect(counts.get('c1')).toBe(2);
    }
  });

  it('read on without a gap when the leader crashes', async () => {
    await open('c1');
    const b = await open('c1');
    const c = await open('c2');
    server.say('c1');
    server.say('c2');
    await settle();
    // Some of this is still on its way when the leader is gone.
    server.say('c1');
    server.say('c2');
    await settle(0);
    const [crashed] = server.open;
    leader().crash();
    crashed!.isOpen = false;
    server.say('c1');
    server.say('c2');
    await settle();
    server.say('c1');
    await settle();
    expect(leader()).toBe(b);
    expect(server.open).toHaveLength(1);
    expect(b.counts.get('c1')).toBe(4);
    expect(c.counts.get('c2')).toBe(3);
    expect(states()).toEqual(['open', 'open']);
  });

  it('do not follow for a page that is gone', async () => {
    await open('c1');
    const b = await open('c2');
    const c = await open('c3');
    b.crash();
    await settle(31_000);
    expect([...server.stream.sessions].sort()).toEqual(['c1', 'c3']);
    c.client.dispose();
    c.isGone = true;
    await settle(31_000);
    expect(server.stream.sessions).toEqual(['c1']);
  });

  it('keep a conversation on the stream that is left for a moment', async () => {
    const a = await open();
    const end = await a.follow('c1');
    await settle();
    const opens = server.streams.length;
    end();
    await settle(1_000);
    await a.follow('c1');
    await settle(60_000);
    expect(server.streams).toHaveLength(opens);
  });

  it('retry at the wish of any of them, and say so in all', async () => {
    await open('c1');
    const b = await open('c2');
    server.streamStatus = 503;
    server.stream.end();
    await settle();
    expect(states()).toEqual(['lost', 'lost']);
    const [x, y] = tabs.map(({ client }) => client.connection.get());
    expect(x).toEqual(y);
    server.streamStatus = 200;
    b.client.retryNow();
    await settle();
    expect(states()).toEqual(['open', 'open']);
  });

  it('are all told to sign in', async () => {
    await open();
    const b = await open();
    server.streamStatus = 403;
    server.stream.end();
    await settle(2_000);
    expect(states()).toEqual(['signed-out', 'signed-out']);
    server.streamStatus = 200;
    b.client.retryNow();
    await settle();
    expect(states()).toEqual(['open', 'open']);
  });

  it('pass the lead on when the leader is suspended, and take it back in', async () => {
    const a = await open('c1');
    const b = await open('c1');
    a.page.change('suspended');
    await settle();
    expect(leader()).toBe(b);
    expect(server.open).toHaveLength(1);
    server.say('c1');
    await settle();
    a.page.change('resumed');
    await settle();
    server.say('c1');
    await settle();
    expect(a.counts.get('c1')).toBe(2);
    expect(b.counts.get('c1')).toBe(2);
    expect(server.open).toHaveLength(1);
  });

  it('take the lead from a page that was stopped in silence', async () => {
    const a = await open('c1');
    const b = await open('c1');
    a.page.freeze();
    server.say('c1');
    await settle(31_000);
    expect(leader()).toBe(b);
    server.say('c1');
    await settle();
    expect(b.counts.get('c1')).toBe(2);
    a.page.thaw();
    await settle();
    server.say('c1');
    await settle();
    expect(a.counts.get('c1')).toBe(3);
    expect(server.open).toHaveLength(1);
  });

  it('forget together a conversation that is gone', async () => {
    await open('c1');
    const b = await open('c2');
    server.on('GET sessions/c2', () =>
      Response.json({ error: { code: 'session_not_found' } }, { status: 404 })
    );
    server.streamStatus = 404;
    server.stream.end();
    await settle(1_500);
    server.streamStatus = 200;
    await settle(5_000);
    expect(server.stream.sessions).toEqual(['c1']);
    expect(b.client.connection.get().state).toBe('open');
  });

  it('have a stream each where locks are there and cannot be had', async () => {
    const page = new FakePage(origin, 'p');
    const { life, meeting } = page.browser;
    const request = () => Promise.reject(new DOMException('', 'SecurityError'));
    const client = new HermesClient(server.request, {
      life,
      meeting: { ...meeting!, locks: { request } }
    });
    client.listen(() => undefined);
    await settle();
    expect(client.connection.get().state).toBe('open');
    client.dispose();
    expect(server.open).toHaveLength(0);
  });

  it('are over when they are disposed', async () => {
    const a = await open();
    const end = await a.follow('c1');
    a.client.dispose();
    a.client.dispose();
    end();
    await a.follow('c1');
    a.client.retryNow();
    await settle(60_000);
    expect(server.open).toHaveLength(0);
    expect(leader()).toBeUndefined();
  });

  it('have a stream each where there are no locks', async () => {
    const page = new FakePage(origin, 'p');
    const client = new HermesClient(server.request, {
      life: page.life,
      meeting: null
    });
    client.listen(() => undefined);
    const texts: string[] = [];
    await client.follow('c1', event => {
      if (event.event === 'message.delta') {
        texts.push(event.data.text);
      }
    });
    await settle();
    server.say('c1');
    page.change('hidden');
    await settle(29_000);
    expect(server.open).toHaveLength(1);
    await settle(1_100);
    expect(server.open).toHaveLength(0);
    server.say('c1');
    await settle(60_000);
    page.change('shown');
    await settle();
    expect(server.open).toHaveLength(1);
    server.say('c1');
    await settle();
    expect(texts).toEqual(['1', '2', '3']);
    client.dispose();
    expect(server.open).toHaveLength(0);
  });

  /** Reads steps such as `say`, `follow 3` and `open 1 (20 ms)`. */
  const script = (text: string): Step[] =>
    text.split('; ').map(step => {
      const [action = '', ...rest] = step.split(' ');
      const [which, ms] = /^(\d*)(?: ?\((\d+) ms\))?$/
        .exec(rest.join(' '))!
        .slice(1);
      return { action, which: Number(which), ms: Number(ms ?? 0) };
    });

  it('miss nothing and hear nothing twice, whatever happens', async () => {
    const action = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('say') },
      {
        weight: 2,
        arbitrary: fc.constantFrom('open', 'follow', 'wait', 'row')
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          'crash',
          'close',
          'suspend',
          'resume',
          'cut',
          'restart',
          'unfollow',
          'freeze',
          'sleep'
        )
      }
    );
    const steps = fc.array(
      fc.record({ action, which: fc.nat(7), ms: fc.nat(40) }),
      { minLength: 10, maxLength: 60 }
    );
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.integer({ min: 1, max: 20 }),
        async (steps, lag) => {
          begin();
          origin.lagMs = lag;
          const suspended = new Set<Tab>();
          const frozen = new Set<Tab>();
          const ends = new Map<Tab, () => void>();
          await open('c1');
          for (const { action, which, ms } of steps) {
            const alive = tabs.filter(({ isGone }) => !isGone);
            const tab = alive[which % Math.max(1, alive.length)];
            const id = `c${(which % 3) + 1}`;
            switch (action) {
              case 'say':
                server.say(id);
                break;
              case 'row':
                server.publishRow(id);
                break;
              case 'open':
                if (alive.length < 5) {
                  tabs.push(
                    new Tab(new FakePage(origin, `p${tabs.length}`), server)
                  );
                }
                break;
              case 'follow':
                if (tab && !suspended.has(tab) && !tab.counts.has(id)) {
                  tab.counts.set(id, 0);
                  void tab.follow(id).then(end => ends.set(tab, end));
                }
                break;
              case 'unfollow':
                if (tab) {
                  ends.get(tab)?.();
                  ends.delete(tab);
                }
                break;
              case 'crash':
                tab?.crash();
                break;
              case 'close':
                if (tab) {
                  tab.isGone = true;
                  tab.client.dispose();
                }
                break;
              case 'suspend':
                if (tab) {
                  suspended.add(tab);
                  tab.page.change('suspended');
                }
                break;
              case 'resume':
                suspended.forEach(({ page }) => page.change('resumed'));
                suspended.clear();
                break;
              case 'freeze':
                if (tab && !suspended.has(tab)) {
                  frozen.add(tab);
                  tab.page.freeze();
                }
                break;
              case 'cut':
                server.open[which % Math.max(1, server.open.length)]?.end();
                break;
              case 'restart':
                server.restart();
                break;
              case 'sleep':
                await settle(40_000);
                break;
            }
            await settle(ms);
          }
          suspended.forEach(({ page }) => page.change('resumed'));
          frozen.forEach(({ page }) => page.thaw());
          await settle(120_000);
          const alive = tabs.filter(({ isGone }) => !isGone);
          for (const { counts } of alive) {
            for (const [id, count] of counts) {
              expect(count).toBe(server.counts.get(id));
            }
          }
          const states = alive.map(
            ({ client }) => client.connection.get().state
          );
          expect(new Set(states).size).toBeLessThanOrEqual(1);
          expect(leaderStreams(alive)).toBe(alive.length > 0 ? 1 : 0);
          end();
        }
      ),
      {
        numRuns: 60,
        examples: [
          // A page comes when the last words of the run before are on the way.
          [
            script(
              'open; follow 1; say; open; say; open; say; say; say (10 ms);' +
                ' say (2 ms); restart; follow 3'
            ),
            4
          ],
          // A page wishes for more while the stream is about to be reopened.
          [
            script(
              'open; row; follow 3; freeze; say; say; say; open; say;' +
                ' open (1 ms); say'
            ),
            1
          ],
          // A page that is suspended hears of a new leader.
          [script('open; suspend; sleep; say (20 ms); say'), 2]
        ],
        // Shrinking takes minutes. The seed and path of a failure are told:
        // with them, and without this, it is done by hand.
        endOnFailure: true
      }
    );
    // Two seconds of work; the clock that it waits by is not the machine's.
  }, 300_000);

  /** How many of the open streams belong to pages that are there. */
  const leaderStreams = (alive: Tab[]) => {
    const before = server.open.length;
    alive.forEach(({ client }) => client.dispose());
    return before - server.open.length;
  };
});
