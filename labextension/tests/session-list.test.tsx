// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Found, Summary } from '../src/client/api';
import { HermesClient } from '../src/client/client';
import { SessionsModel } from '../src/model/sessions';
import { HostContext } from '../src/ui/host';
import { SessionList } from '../src/ui/session-list';
import { detail, FakeServer, listed, refuse } from './fake-server';
import { host } from './fake-host';

const LIST = 'GET sessions?limit=50';
const READ_ONLY = ['export'] as const;

const row = (id: string, changes: Partial<Summary> = {}): Summary =>
  detail({ id, title: `Title ${id}`, source: 'jupyter', ...changes });

describe('the list of conversations', () => {
  let server: FakeServer;
  let client: HermesClient;
  let sessions: SessionsModel;
  let opened: [string, Found | undefined][];

  const show = async (...rows: Summary[]) => {
    server.on(LIST, () => listed(rows));
    render(
      <HostContext.Provider value={host}>
        <SessionList
          sessions={sessions}
          currentId="b"
          onOpen={(id, found) => opened.push([id, found])}
        />
      </HostContext.Provider>
    );
    await vi.waitFor(() => expect(items()).toHaveLength(rows.length));
  };
  const items = () => screen.queryAllByRole('treeitem');
  const item = (name: RegExp) => screen.getByRole('treeitem', { name });
  const button = (name: string | RegExp) =>
    screen.getByRole<HTMLButtonElement>('button', { name });
  const focused = () =>
    document.activeElement?.getAttribute('data-key') ??
    document.activeElement?.textContent;
  const press = (key: string, changes: object = {}) =>
    fireEvent.keyDown(document.activeElement!, { key, ...changes });
  const choose = (name: string) =>
    fireEvent.click(screen.getByRole('menuitem', { name }));
  const bodyOf = (call: string) =>
    server.calls.filter(made => made.call === call).map(({ body }) => body);

  beforeEach(() => {
    server = new FakeServer();
    client = new HermesClient(server.request);
    sessions = new SessionsModel(client);
    opened = [];
  });

  afterEach(() => {
    cleanup();
    sessions.dispose();
    client.dispose();
  });

  it('says of each row what it is', async () => {
    await show(
      row('a', {
        pinned: true,
        unread: true,
        state: 'waiting',
        attention: { clarify: 1, approval: 0 },
        last_active: Date.now() / 1000
      }),
      row('b', { source: 'telegram', source_label: 'Telegram' }),
      row('c', { segment_count: 2, state: 'running' }),
      row('d', { segment_count: 4, state: 'error', capabilities: [] }),
      row('e', { title: null, preview: 'How it began' })
    );
    expect(item(/Title a, needs you, unread, pinned, now/)).toBeTruthy();
    expect(item(/Title b, Telegram/).getAttribute('aria-current')).toBe('true');
    expect(item(/Title c, working, continued once/)).toBeTruthy();
    expect(item(/Title d, failed, continued 3 times, read only/)).toBeTruthy();
    expect(item(/How it began/)).toBeTruthy();
    expect(screen.queryByText('Jupyter')).toBeNull();
  });

  it('is one stop of the Tab key, and the arrows walk through it', async () => {
    await show(row('a', { last_active: 2 }), row('b', { last_active: 1 }));
    const stops = () =>
      items()
        .filter(({ tabIndex }) => tabIndex === 0)
        .map(({ dataset }) => dataset['key']);
    expect(stops()).toEqual(['b']);
    item(/Title b/).focus();
    press('ArrowUp');
    expect(focused()).toBe('a');
    expect(stops()).toEqual(['a']);
    press('End');
    expect(focused()).toBe('b');
    press('Home');
    press('Enter');
    expect(opened).toEqual([['a', undefined]]);
  });

  it('keeps the focus when the order changes', async () => {
    await show(
      row('a', { last_active: 3 }),
      row('b', { last_active: 2 }),
      row('c', { last_active: 1 })
    );
    item(/Title c/).focus();
    sessions.apply({
      event: 'sessions',
      id: 'e1.1',
      data: { sessions: [row('c', { last_active: 9 })] }
    });
    await vi.waitFor(() => expect(items()[0]?.dataset['key']).toBe('c'));
    expect(focused()).toBe('c');
    sessions.apply({
      event: 'sessions',
      id: 'e1.2',
      data: { sessions: [], removed: ['c'] }
    });
    await vi.waitFor(() => expect(focused()).toBe('a'));
  });

  describe('the menu of a row', () => {
    const menu = () => screen.queryByRole('menu');
    const openMenu = async (id: string) => {
      fireEvent.click(button(`Actions for Title ${id}`));
      await screen.findByRole('menu');
    };
    const offered = () =>
      screen.getAllByRole('menuitem').map(({ textContent }) => textContent);

    it('has what the row can do, and walks with the arrows', async () => {
      await show(row('a'));
      await openMenu('a');
      expect(offered()).toEqual([
        'Pin',
        'Mark as unread',
        'Rename',
        'Archive',
        'Branch',
        'Export as Markdown',
        'Export as JSON',
        'Export as notebook',
        'Delete'
      ]);
      expect(focused()).toBe('Pin');
      press('ArrowDown');
      expect(focused()).toBe('Mark as unread');
      press('End');
      expect(focused()).toBe('Delete');
      press('ArrowDown');
      expect(focused()).toBe('Pin');
      press('ArrowUp');
      press('Home');
      expect(focused()).toBe('Pin');
    });

    it('offers of a read-only one what does not change it', async () => {
      await show(
        row('a', { capabilities: [...READ_ONLY], pinned: true, unread: true })
      );
      await openMenu('a');
      expect(offered()).toEqual([
        'Unpin',
        'Mark as read',
        'Export as Markdown',
        'Export as JSON',
        'Export as notebook'
      ]);
      press('Escape');
      item(/Title a/).focus();
      press('F2');
      press('Delete');
      expect(screen.queryByRole('textbox')).toBeNull();
      expect(screen.queryByRole('group')).toBeNull();
    });

    it.each([
      ['the key for it', () => press('ContextMenu')],
      ['Shift and F10', () => press('F10', { shiftKey: true })],
      ['the other mouse button', () => fireEvent.contextMenu(item(/Title a/))]
    ])('opens by %s, and Escape gives the focus back', async (_, open) => {
      await show(row('a'));
      item(/Title a/).focus();
      open();
      await screen.findByRole('menu');
      // Browsers tell the key once more, as a wish for a menu.
      fireEvent.contextMenu(item(/Title a/));
      expect(menu()).toBeTruthy();
      press('Escape');
      await vi.waitFor(() => expect(menu()).toBeNull());
      expect(focused()).toBe('a');
    });

    it('closes by a second click, and when the focus goes elsewhere', async () => {
      await show(row('a'));
      await openMenu('a');
      fireEvent.click(button('Actions for Title a'));
      await vi.waitFor(() => expect(menu()).toBeNull());
      await openMenu('a');
      screen.getByRole('searchbox').focus();
      await vi.waitFor(() => expect(menu()).toBeNull());
      expect(document.activeElement).toBe(screen.getByRole('searchbox'));
    });

    it('pins, marks, and puts away', async () => {
      const PATCH = 'PATCH sessions/a';
      let now = row('a');
      server.on(PATCH, body => {
        const { read, ...changes } = body as { read?: boolean };
        now = { ...now, ...changes, unread: read === false };
        return now;
      });
      await show(now);
      for (const name of [
        'Pin',
        'Mark as unread',
        'Mark as read',
        'Unpin',
        'Archive'
      ]) {
        await openMenu('a');
        choose(name);
        const isBusy = () => document.querySelector('li[aria-busy="true"]');
        await vi.waitFor(() => expect(menu() ?? isBusy()).toBeNull());
      }
      expect(bodyOf(PATCH)).toEqual([
        { pinned: true },
        { read: false },
        { read: true },
        { pinned: false },
        { archived: true }
      ]);
      await screen.findByText('No conversations yet.');
    });

    it('opens the branch that it makes', async () => {
      server.on('POST sessions/a/branch', () => detail({ id: 'new' }));
      await show(row('a'));
      await openMenu('a');
      choose('Branch');
      await vi.waitFor(() => expect(opened).toEqual([['new', undefined]]));
    });

    it('says at the row why something was refused, and what to do', async () => {
      server.on('POST sessions/a/branch', () =>
        refuse(409, {
          code: 'busy',
          message: 'A turn is running.',
          hint: { text: 'Stop it first.' }
        })
      );
      await show(row('a'), row('b'));
      await openMenu('a');
      choose('Branch');
      const alert = await screen.findByRole('alert');
      expect(alert.textContent).toBe('A turn is running.Stop it first.');
      expect(item(/Title a/).contains(alert)).toBe(true);
      expect(opened).toEqual([]);
    });

    it('saves a file under the name that the server gives it', async () => {
      const saved = vi.fn();
      const click = vi
        .spyOn(HTMLAnchorElement.prototype, 'click')
        .mockImplementation(function (this: HTMLAnchorElement) {
          saved(this.download);
        });
      server.on('GET sessions/a/export?format=ipynb', () => {
        const headers = {
          'Content-Disposition': "attachment; filename*=UTF-8''A%20b.ipynb"
        };
        return new Response('{}', { headers });
      });
      await show(row('a'));
      await openMenu('a');
      choose('Export as notebook');
      await vi.waitFor(() => expect(saved).toHaveBeenCalledWith('A b.ipynb'));
      click.mockRestore();
    });
  });

  describe('a new title', () => {
    const PATCH = 'PATCH sessions/a';
    const field = () => screen.getByRole<HTMLInputElement>('textbox');
    const edit = async (text: string) => {
      await show(row('a'));
      item(/Title a/).focus();
      press('F2');
      await screen.findByRole('textbox');
      fireEvent.input(field(), { target: { value: text } });
    };

    it('is saved with Enter, and the row has the focus again', async () => {
      server.on(PATCH, () => row('a', { title: 'Better' }));
      await edit(' Better ');
      expect(document.activeElement).toBe(field());
      press('Enter');
      await screen.findByRole('treeitem', { name: /Better/ });
      expect(bodyOf(PATCH)).toEqual([{ title: 'Better' }]);
      expect(focused()).toBe('a');
      expect(opened).toEqual([]);
    });

    it('stays in the field with the reason when it is refused', async () => {
      server.on(PATCH, () =>
        refuse(400, { code: 'title_taken', message: 'Another one has it.' })
      );
      await edit('Taken');
      press('Enter');
      expect((await screen.findByRole('alert')).textContent).toBe(
        'Another one has it.'
      );
      expect(field().value).toBe('Taken');
    });

    it('is left with Escape, and with Enter for an input method', async () => {
      await edit('Nothing');
      press('Enter', { isComposing: true });
      press('Escape');
      await vi.waitFor(() => expect(screen.queryByRole('textbox')).toBeNull());
      expect(bodyOf(PATCH)).toEqual([]);
      expect(focused()).toBe('a');
    });
  });

  describe('a deletion', () => {
    const DELETE = 'DELETE sessions/a';
    const ask = async () => {
      await show(row('a', { last_active: 2 }), row('b', { last_active: 1 }));
      item(/Title a/).focus();
      press('Delete');
      await screen.findByRole('group', { name: 'Delete for good?' });
    };

    it('happens after a question, and the next row has the focus', async () => {
      server.on(DELETE, () => ({ deleted: 'a' }));
      await ask();
      expect(document.activeElement).toBe(button('Cancel'));
      expect(bodyOf(DELETE)).toEqual([]);
      button('Delete').focus();
      fireEvent.click(button('Delete'));
      await vi.waitFor(() => expect(items()).toHaveLength(1));
      expect(focused()).toBe('b');
    });

    it.each([
      ['Escape', () => press('Escape')],
      ['Cancel', () => fireEvent.click(button('Cancel'))]
    ])('does not happen after %s', async (_, leave) => {
      await ask();
      leave();
      await vi.waitFor(() => expect(screen.queryByRole('group')).toBeNull());
      expect(bodyOf(DELETE)).toEqual([]);
      expect(focused()).toBe('a');
    });

    it('that is refused says so, and the row stays', async () => {
      server.on(DELETE, () =>
        refuse(409, {
          code: 'busy',
          message: 'A turn is running.',
          hint: { text: 'Stop the turn, then delete it.' }
        })
      );
      await ask();
      fireEvent.click(button('Delete'));
      const alert = await screen.findByRole('alert');
      expect(alert.textContent).toContain('Stop the turn, then delete it.');
      expect(items()).toHaveLength(2);
    });
  });

  describe('subagents', () => {
    beforeEach(async () => {
      server.on('GET sessions?parent_id=a&limit=200', () =>
        listed([
          row('s', {
            relation: 'subagent',
            parent_id: 'a',
            capabilities: [...READ_ONLY]
          })
        ])
      );
      server.on(LIST, () => listed([row('a', { subagent_count: 1 })]));
      render(
        <HostContext.Provider value={host}>
          <SessionList
            sessions={sessions}
            currentId=""
            onOpen={(id, found) => opened.push([id, found])}
          />
        </HostContext.Provider>
      );
      await vi.waitFor(() => expect(items()).toHaveLength(2));
    });

    it('unfold and fold with the arrows, at their level', async () => {
      const fold = () => item(/^1 subagent$/);
      expect(fold().getAttribute('aria-expanded')).toBe('false');
      item(/Title a/).focus();
      press('ArrowRight');
      expect(document.activeElement).toBe(fold());
      press('ArrowRight');
      const subagent = await screen.findByRole('treeitem', {
        name: /Title s, read only/
      });
      expect(subagent.getAttribute('aria-level')).toBe('3');
      expect(fold().getAttribute('aria-expanded')).toBe('true');
      press('ArrowRight');
      expect(focused()).toBe('s');
      press('Enter');
      expect(opened).toEqual([['s', undefined]]);
      press('ArrowLeft');
      expect(document.activeElement).toBe(fold());
      press('ArrowLeft');
      await vi.waitFor(() => expect(items()).toHaveLength(2));
      press('ArrowLeft');
      expect(focused()).toBe('a');
    });

    it('unfold with a click', async () => {
      fireEvent.click(item(/^1 subagent$/));
      await screen.findByRole('treeitem', { name: /Title s/ });
    });
  });

  describe('the search', () => {
    const found = {
      session_id: 'a',
      title: 'Title a',
      source: 'cli',
      message_id: '7',
      role: 'user' as const,
      at: 1,
      snippet: [
        { text: '<b>the</b> ', match: false },
        { text: 'needle', match: true }
      ]
    };
    const field = () => screen.getByRole<HTMLInputElement>('searchbox');

    beforeEach(async () => {
      await show(row('a'), row('b'));
      server
        .on(`${LIST}&q=needle`, () => listed([]))
        .on('GET search?q=needle&limit=30', () => ({ results: [found] }));
      fireEvent.input(field(), { target: { value: 'needle' } });
      await screen.findByRole('region', { name: 'In messages' });
    });

    it('marks what it found, and leads there', async () => {
      const one = button(/Title a/);
      expect(one.querySelector('mark')?.textContent).toBe('needle');
      expect(one.textContent).toContain('<b>the</b> needle');
      const none = screen.getByText(/No conversation begins with/);
      expect(none.closest('[role="status"]')).not.toBeNull();
      // It would be one without branches.
      expect(screen.queryByRole('tree')).toBeNull();
      fireEvent.click(one);
      expect(opened).toEqual([['a', found]]);
    });

    it('ends with Escape', async () => {
      field().focus();
      press('Escape');
      await vi.waitFor(() => expect(items()).toHaveLength(2));
      expect(field().value).toBe('');
      expect(screen.queryByRole('region')).toBeNull();
    });
  });

  it('shows what can be filtered, and one source alone', async () => {
    const sources = [
      { source: 'cli', label: 'Terminal', count: 1 },
      { source: 'jupyter', label: 'Jupyter', count: 1 }
    ];
    server
      .on(LIST, () =>
        listed([row('a'), row('b', { source: 'cli' })], { sources })
      )
      .on(`${LIST}&source=cli`, () =>
        listed([row('b', { source: 'cli' })], { sources })
      );
    render(
      <HostContext.Provider value={host}>
        <SessionList
          sessions={sessions}
          currentId=""
          onOpen={() => undefined}
        />
      </HostContext.Provider>
    );
    const select = await screen.findByRole<HTMLSelectElement>('combobox', {
      name: 'Source'
    });
    expect([...select.options].map(({ text }) => text)).toEqual([
      'All sources',
      'Terminal',
      'Jupyter'
    ]);
    fireEvent.change(select, { target: { value: 'cli' } });
    await vi.waitFor(() => expect(items()).toHaveLength(1));
  });

  it('can be asked for again when it could not be had', async () => {
    server.on(LIST, () => refuse(500, { code: 'x', message: 'Broken.' }));
    render(
      <HostContext.Provider value={host}>
        <SessionList
          sessions={sessions}
          currentId=""
          onOpen={() => undefined}
        />
      </HostContext.Provider>
    );
    await screen.findByText('Broken.');
    server.on(LIST, () => listed([row('a')]));
    fireEvent.click(button('Retry'));
    await screen.findByRole('treeitem');
    expect(screen.queryByRole('alert')).toBeNull();
  });
});
