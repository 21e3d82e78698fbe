// @vitest-environment happy-dom
import { signal } from '@preact/signals';
import { cleanup, fireEvent, render, screen } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message } from '../src/client/api';
import { HermesClient } from '../src/client/client';
import type { Change } from '../src/client/notebooks';
import { Changes } from '../src/model/changes';
import { ChatModel } from '../src/model/chat';
import { lineDiff } from '../src/model/line-diff';
import { PageModel } from '../src/model/page';
import { Chat } from '../src/ui/chat';
import { HostContext } from '../src/ui/host';
import { notebookParts } from '../src/ui/notebook-parts';
import { host } from './fake-host';
import { detail, FakeServer, MemoryStorage, refuse } from './fake-server';

const UNDO = 'POST sessions/c1/changes/undo';

const change = (changes: Partial<Change> = {}): Change => ({
  path: 'work/a.ipynb',
  cell_id: 'c1',
  op: 'replace',
  before: 'x = 1',
  after: 'x = 2',
  cell_type: 'code',
  state: 'done',
  ...changes
});
const said = (id: string, at: number, role: Message['role']): Message => ({
  id,
  role,
  text: id,
  at
});

describe('what turns changed in notebooks', () => {
  let server: FakeServer;
  let client: HermesClient;
  let chat: ChatModel;
  const show = vi.fn();

  const open = async (): Promise<void> => {
    await chat.open('c1');
    const notebook = {
      name: signal(null),
      insert: vi.fn(),
      insertAnswer: vi.fn(),
      show
    };
    const parts = notebookParts(new Changes(client));
    render(
      <HostContext.Provider value={{ ...host, notebook, parts }}>
        <Chat chat={chat} page={new PageModel(client)} />
      </HostContext.Provider>
    );
  };
  const tell = (turn_id: string, changes: Change[]): void => {
    const data = { session_id: 'c1', turn_id, changes };
    server.stream.send('e1.11', 'changes', data);
  };

  beforeEach(() => {
    const messages = [
      said('first', 1, 'user'),
      said('answer', 2, 'assistant'),
      said('second', 10, 'user'),
      said('other', 11, 'assistant')
    ];
    server = new FakeServer()
      .on('GET sessions/c1', () => detail({ messages }))
      .on('GET sessions/c1/changes', () => ({ turns: [] }));
    client = new HermesClient(server.request);
    chat = new ChatModel(client, {
      name: 'test',
      storage: new MemoryStorage(),
      place: () => ({})
    });
  });

  afterEach(() => {
    cleanup();
    chat.dispose();
    client.dispose();
  });

  it('is told where the turn ends, also of one from before a restart', async () => {
    const turns = [{ turn_id: 'old', at: 1.5, changes: [change()] }];
    server.on('GET sessions/c1/changes', () => ({ turns }));
    await open();
    const line = await screen.findByText('Changed 1 cell in a.ipynb');
    expect(line.closest('.hj-entry')?.getAttribute('data-key')).toBe('answer');
  });

  it('unfolds to what became of each cell, with a way to it', async () => {
    await open();
    tell('t9', [
      change(),
      change({ cell_id: 'c2', op: 'insert', before: null, after: 'new' }),
      change({ cell_id: 'c3', op: 'delete', before: 'gone', after: null })
    ]);
    const line = await screen.findByText('Changed 3 cells in a.ipynb');
    const details = line.closest('details')!;
    details.open = true;
    fireEvent(details, new Event('toggle'));
    const diff = await screen.findByLabelText('Changed: x = 2');
    expect(diff.textContent).toBe('-x = 1\n+x = 2');
    // There is no way to what is deleted.
    const ways = screen.getAllByRole('button', { name: 'Show' });
    expect(ways).toHaveLength(2);
    fireEvent.click(ways[1]!);
    expect(show).toHaveBeenCalledWith('work/a.ipynb', 'c2');
  });

  it('is undone as far as nobody touched it, and that is said', async () => {
    await open();
    tell('t9', [change(), change({ cell_id: 'c2' })]);
    const button = await screen.findByRole('button', {
      name: 'Undo this turn'
    });
    server.on(UNDO, () => refuse(503, { code: 'busy', message: 'Not now.' }));
    fireEvent.click(button);
    await screen.findByText('Not now.');
    server.on(UNDO, () => ({
      turns: [
        {
          turn_id: 't9',
          at: 12,
          changes: [
            change({ state: 'undone' }),
            change({ cell_id: 'c2', state: 'changed since' })
          ]
        }
      ]
    }));
    fireEvent.click(button);
    await screen.findByText('1 undone. 1 was changed since: left as it is.');
    expect(server.calls.at(-1)).toEqual({
      call: UNDO,
      body: { turn_id: 't9' }
    });
    expect(screen.queryByRole('button', { name: 'Undo this turn' })).toBeNull();
    expect(document.activeElement?.textContent).toContain('Changed 2 cells');
  });

  it('waits until the turn is over', async () => {
    const turn = { turn_id: 't9', state: 'running', origin: 'user' } as const;
    const running = detail({ turn, messages: [said('hi', 1, 'user')] });
    server.on('GET sessions/c1', () => running);
    await open();
    tell('t9', [change()]);
    await vi.waitFor(() => expect(server.stream.isOpen).toBe(true));
    expect(screen.queryByText(/^Changed/)).toBeNull();
    server.stream.send('e1.12', 'turn', {
      ...turn,
      state: 'complete',
      session_id: 'c1'
    });
    await screen.findByText('Changed 1 cell in a.ipynb');
  });
});

describe('the lines of a cell', () => {
  it('are compared', () => {
    expect(lineDiff('a\nb\nc\nd', 'a\nB\nc\nnew\nd')).toBe(
      ' a\n-b\n+B\n c\n+new\n d'
    );
    expect(lineDiff('', 'a')).toBe('+a');
    expect(lineDiff('a', 'a')).toBe(' a');
  });
});
