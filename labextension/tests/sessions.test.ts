import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EventData, Summary } from '../src/client/api';
import { HermesClient } from '../src/client/client';
import { SessionsModel } from '../src/model/sessions';
import { detail, FakeServer, listed, refuse } from './fake-server';

const LIST = 'GET sessions?limit=50';

const row = (id: string, changes: Partial<Summary> = {}): Summary =>
  detail({ id, ...changes });
const branch = (id: string, of: string, changes: Partial<Summary> = {}) =>
  row(id, { relation: 'branch', parent_id: of, ...changes });
const subagent = (id: string, of: string, changes: Partial<Summary> = {}) =>
  row(id, {
    relation: 'subagent',
    parent_id: of,
    capabilities: ['export'],
    ...changes
  });

describe('SessionsModel', () => {
  let server: FakeServer;
  let client: HermesClient;
  let sessions: SessionsModel;

  /** The ids in the order of the list, indented by their level. */
  const shown = () =>
    sessions.items.value.map(({ key, level }) => '  '.repeat(level - 1) + key);
  const made = (call: string) =>
    server.calls.filter(each => each.call === call).length;
  const tell = (data: EventData['sessions']) =>
    sessions.apply({ event: 'sessions', id: 'e1.1', data });
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
  const show = async (...rows: Summary[]) => {
    server.on(LIST, () => listed(rows));
    await sessions.load();
  };

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer();
    client = new HermesClient(server.request);
    sessions = new SessionsModel(client);
  });

  afterEach(() => {
    sessions.dispose();
    client.dispose();
    vi.useRealTimers();
  });

  describe('the order', () => {
    it('is that of pins and activity, with branches below their origin', async () => {
      await show(
        row('old', { last_active: 1 }),
        row('new', { last_active: 5 }),
        row('pinned', { last_active: 0, pinned: true }),
        row('origin', { last_active: 2 }),
        branch('b1', 'origin', { last_active: 3 }),
        branch('b2', 'origin', { last_active: 9 })
      );
      expect(shown()).toEqual([
        'pinned',
        'origin',
        '  b2',
        '  b1',
        'new',
        'old'
      ]);
    });

    it('keeps a branch of a branch in the family', async () => {
      await show(
        branch('b2', 'b1', { last_active: 3 }),
        branch('b1', 'origin', { last_active: 2 }),
        row('origin', { last_active: 1 })
      );
      expect(shown()).toEqual(['origin', '  b2', '  b1']);
    });

    it('shows branches whose origins are each other, and those without', async () => {
      await show(branch('a', 'b'), branch('b', 'a'), branch('c', 'gone'));
      expect(
        shown()
          .map(line => line.trim())
          .sort()
      ).toEqual(['a', 'b', 'c']);
    });

    it('is the same after the change of any row', async () => {
      await show(
        row('a', { last_active: 3 }),
        row('b', { last_active: 2 }),
        branch('b1', 'b', { last_active: 1 })
      );
      tell({ sessions: [branch('b1', 'b', { last_active: 4 })] });
      expect(shown()).toEqual(['b', '  b1', 'a']);
      tell({ sessions: [row('a', { last_active: 3, pinned: true })] });
      expect(shown()).toEqual(['a', 'b', '  b1']);
    });
  });

  describe('what is told', () => {
    it('adds a new row, and drops what is removed or put away', async () => {
      await show(row('a', { last_active: 1 }), row('b', { last_active: 2 }));
      tell({ sessions: [row('c', { last_active: 3 })], removed: ['b'] });
      expect(shown()).toEqual(['c', 'a']);
      tell({ sessions: [row('a', { archived: true })] });
      expect(shown()).toEqual(['c']);
      await settle(1000);
      expect(made(LIST)).toBe(1);
    });

    it('asks for the list when a branch comes whose origin is not loaded', async () => {
      await show(row('a'));
      server.on(LIST, () => listed([row('a'), row('o'), branch('b', 'o')]));
      tell({ sessions: [branch('b', 'o')] });
      tell({ sessions: [branch('b', 'o', { last_active: 1 })] });
      expect(shown()).toEqual(['a']);
      await settle(1000);
      expect(shown()).toEqual(['o', '  b', 'a']);
      expect(made(LIST)).toBe(2);
    });

    it('asks for the list when a row lands behind what is loaded', async () => {
      const first = Array.from({ length: 49 }, (_, i) =>
        row(`a${i}`, { last_active: 100 + i })
      );
      server.on(LIST, () =>
        listed([...first, row('b', { last_active: 5 })], { next_cursor: 'n' })
      );
      await sessions.load();
      tell({ sessions: [row('b', { last_active: 4 })] });
      await settle(1000);
      expect(made(LIST)).toBe(2);
      tell({ sessions: [row('b', { last_active: 999 })] });
      await settle(1000);
      expect(shown()[0]).toBe('b');
      expect(made(LIST)).toBe(2);
    });

    it('asks for the list when an origin goes and its branches stay', async () => {
      await show(row('o'), branch('b', 'o'));
      server.on(LIST, () => listed([branch('b', 'o')]));
      tell({ sessions: [], removed: ['o'] });
      await settle(1000);
      expect(shown()).toEqual(['b']);
      expect(made(LIST)).toBe(2);
    });

    it('is not undone by an answer that was asked for before', async () => {
      await show(row('a', { last_active: 1 }), row('b'));
      let arrive = (_: object): void => undefined;
      server.on(LIST, () => new Promise(done => (arrive = done)));
      const loading = sessions.load();
      tell({ sessions: [row('a', { state: 'running' })], removed: ['b'] });
      arrive(listed([row('a', { last_active: 1 }), row('b')]));
      await loading;
      expect(shown()).toEqual(['a']);
      expect(sessions.rows.value).toMatchObject([{ state: 'running' }]);
    });
  });

  describe('page by page', () => {
    const page = (from: number, next_cursor: string | null) =>
      listed(
        Array.from({ length: 50 }, (_, i) =>
          row(`c${from + i}`, { last_active: 1000 - from - i })
        ),
        { next_cursor }
      );

    beforeEach(async () => {
      server
        .on(LIST, () => page(0, 'p1'))
        .on(`${LIST}&cursor=p1`, () => page(50, 'p2'))
        .on(`${LIST}&cursor=p2`, () => page(100, null));
      await sessions.load();
    });

    it('shows more until there is no more', async () => {
      expect(shown()).toHaveLength(50);
      await sessions.showMore();
      expect(shown()).toHaveLength(100);
      expect(sessions.hasMore.value).toBe(true);
      await sessions.showMore();
      expect(shown().at(-1)).toBe('c149');
      expect(sessions.hasMore.value).toBe(false);
    });

    it('loads as many again as were shown', async () => {
      await sessions.showMore();
      await sessions.load();
      expect(shown()).toHaveLength(100);
    });

    it('keeps what is there when more cannot be had', async () => {
      server.on(`${LIST}&cursor=p1`, () =>
        refuse(503, { code: 'x', message: 'Later.' })
      );
      await sessions.showMore();
      expect(shown()).toHaveLength(50);
      expect(sessions.error.value).toMatchObject({ message: 'Later.' });
      expect(sessions.hasMore.value).toBe(true);
    });

    it('shows more also when the list is asked for at the same time', async () => {
      const more = sessions.showMore();
      await sessions.load();
      await more;
      expect(shown()).toHaveLength(100);
    });
  });

  describe('the search', () => {
    const LOOK = `${LIST}&q=`;
    const found = (message_id: string) => ({
      session_id: 'c1',
      title: 'A title',
      source: 'jupyter',
      message_id,
      role: 'user',
      at: 1,
      snippet: [{ text: 'words', match: true }]
    });
    const ids = () => sessions.found.value?.map(one => one.message_id);

    beforeEach(async () => {
      await show(row('a'), row('b'));
    });

    it('waits for a pause, and asks for titles and messages once', async () => {
      server
        .on(`${LOOK}word`, () => listed([row('b')]))
        .on('GET search?q=word&limit=30', () => ({ results: [found('1')] }));
      for (const text of ['w', 'wo', 'wor', 'word ']) {
        sessions.setText(text);
        await settle(100);
      }
      expect(server.calls).toHaveLength(1);
      await settle(200);
      expect(server.calls).toHaveLength(3);
      expect(shown()).toEqual(['b']);
      expect(ids()).toEqual(['1']);
    });

    it('never shows a late answer to an older text', async () => {
      const answers = new Map<string, (_: object) => void>();
      for (const text of ['one', 'two']) {
        for (const call of [
          `${LOOK}${text}`,
          `GET search?q=${text}&limit=30`
        ]) {
          server.on(call, () => new Promise(done => answers.set(call, done)));
        }
      }
      const answer = (text: string) => {
        answers.get(`${LOOK}${text}`)!(listed([row(text)]));
        answers.get(`GET search?q=${text}&limit=30`)!({
          results: [found(text)]
        });
      };
      sessions.setText('one');
      await settle(200);
      sessions.setText('two');
      await settle(200);
      answer('two');
      await settle();
      answer('one');
      await settle();
      expect(shown()).toEqual(['two']);
      expect(ids()).toEqual(['two']);
    });

    it('is over at once when its text is gone', async () => {
      server
        .on(`${LOOK}word`, () => listed([]))
        .on('GET search?q=word&limit=30', () => ({ results: [found('1')] }));
      sessions.setText('word');
      await settle(200);
      sessions.setText('');
      await settle();
      expect(shown()).toEqual(['b', 'a']);
      expect(sessions.found.value).toBeNull();
    });

    it('says when messages cannot be searched, and shows the titles', async () => {
      server
        .on(`${LOOK}word`, () => listed([row('b')]))
        .on('GET search?q=word&limit=30', () =>
          refuse(503, { code: 'x', message: 'Not now.' })
        );
      sessions.setText('word');
      await settle(200);
      expect(shown()).toEqual(['b']);
      expect(sessions.searchError.value).toMatchObject({ message: 'Not now.' });
    });

    it('does not guess whether a new row fits', async () => {
      server
        .on(`${LOOK}word`, () => listed([row('b')]))
        .on('GET search?q=word&limit=30', () => ({ results: [] }));
      sessions.setText('word');
      await settle(200);
      tell({ sessions: [row('c')] });
      expect(shown()).toEqual(['b']);
      await settle(1000);
      expect(made(`${LOOK}word`)).toBe(2);
    });
  });

  it('shows one source, or what is archived', async () => {
    const sources = [{ source: 'cli', label: 'CLI', count: 1 }];
    server
      .on(LIST, () => listed([row('a')], { sources }))
      .on(`${LIST}&source=cli`, () => listed([row('b', { source: 'cli' })]))
      .on(`${LIST}&archived=true`, () =>
        listed([row('z', { archived: true })])
      );
    await sessions.load();
    expect(sessions.sources.value).toEqual(sources);
    sessions.setSource('cli');
    await settle();
    tell({ sessions: [row('n', { source: 'jupyter' })] });
    expect(shown()).toEqual(['b']);
    sessions.setArchived(true);
    await settle();
    expect(shown()).toEqual(['z']);
    tell({ sessions: [row('z')] });
    expect(shown()).toEqual([]);
  });

  describe('subagents', () => {
    const SUBAGENTS = 'GET sessions?parent_id=a&limit=200';

    beforeEach(async () => {
      server.on(SUBAGENTS, () =>
        listed([
          subagent('s1', 'a', { last_active: 1 }),
          subagent('s2', 'a', { last_active: 2 })
        ])
      );
      await show(row('a', { subagent_count: 2 }));
    });

    it('are asked for when they are unfolded', async () => {
      expect(shown()).toEqual(['a', '  a/subagents']);
      expect(made(SUBAGENTS)).toBe(0);
      await sessions.unfold('a');
      expect(shown()).toEqual(['a', '  a/subagents', '    s2', '    s1']);
      sessions.fold('a');
      expect(shown()).toEqual(['a', '  a/subagents']);
    });

    it('stay unfolded when the list is loaded again or a row changes', async () => {
      await sessions.unfold('a');
      await sessions.load();
      await settle();
      tell({ sessions: [row('a', { subagent_count: 2, title: 'new' })] });
      expect(shown()).toEqual(['a', '  a/subagents', '    s2', '    s1']);
    });

    it('come and go below the row that they are of, and nowhere else', async () => {
      tell({ sessions: [subagent('s3', 'a'), subagent('x', 'unknown')] });
      expect(shown()).toEqual(['a', '  a/subagents']);
      await sessions.unfold('a');
      tell({
        sessions: [subagent('s3', 'a', { last_active: 3 })],
        removed: ['s1']
      });
      expect(shown().slice(2)).toEqual(['    s3', '    s2']);
    });

    it('are not unfolded by an answer that comes after they were folded', async () => {
      const unfolding = sessions.unfold('a');
      sessions.fold('a');
      await unfolding;
      expect(shown()).toEqual(['a', '  a/subagents']);
    });

    it('say when they cannot be had', async () => {
      server.on(SUBAGENTS, () =>
        refuse(500, { code: 'x', message: 'Broken.' })
      );
      await sessions.unfold('a');
      expect(sessions.subagents.value.get('a')).toMatchObject({
        rows: null,
        error: { message: 'Broken.' }
      });
    });
  });

  describe('changes', () => {
    it('show at once what the server made of them', async () => {
      await show(row('a', { last_active: 1 }), row('b', { last_active: 2 }));
      server
        .on('PATCH sessions/a', () => row('a', { pinned: true }))
        .on('DELETE sessions/b', () => ({}));
      await sessions.change('a', { pinned: true });
      expect(shown()).toEqual(['a', 'b']);
      await sessions.delete('b');
      expect(shown()).toEqual(['a']);
      expect(server.calls.map(({ call, body }) => [call, body])).toEqual([
        [LIST, null],
        ['PATCH sessions/a', { pinned: true }],
        ['DELETE sessions/b', {}]
      ]);
    });

    it('change nothing when they are refused', async () => {
      await show(row('a'));
      server.on('DELETE sessions/a', () =>
        refuse(409, { code: 'busy', message: 'A turn is running.' })
      );
      await expect(sessions.delete('a')).rejects.toMatchObject({ status: 409 });
      expect(shown()).toEqual(['a']);
    });
  });

  it('gives a file the name that the server gives it', async () => {
    const headers = {
      'Content-Disposition':
        "attachment; filename*=UTF-8''W%C3%B6rter%20%26.md",
      'Content-Type': 'text/markdown'
    };
    server.on(
      'GET sessions/a/export?format=md',
      () => new Response('# Hi', { headers })
    );
    const file = await sessions.exportAs('a', 'md');
    expect([file.name, file.type, await file.text()]).toEqual([
      'Wörter &.md',
      'text/markdown',
      '# Hi'
    ]);
    await expect(sessions.exportAs('b', 'md')).rejects.toMatchObject({
      status: 404
    });
  });
});
