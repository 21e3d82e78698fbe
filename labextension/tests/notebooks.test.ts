import type { INotebookTracker } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HermesClient } from '../src/client/client';
import { Observable } from '../src/client/observable';
import { linkNotebooks } from '../src/lab/notebooks';
import { ChatModel, followCurrent } from '../src/model/chat';
import { detail, FakeServer, MemoryStorage } from './fake-server';

const ASK = 'GET current?kernel_id=k1';

/** One notebook, as far as JupyterLab's tracker tells of it. */
function trackerWith(kernelId: string): INotebookTracker {
  const panel = {
    sessionContext: {
      session: { kernel: { id: kernelId } },
      kernelChanged: new Signal({})
    }
  };
  const tracker = {
    forEach: (visit: (one: typeof panel) => void) => visit(panel),
    widgetAdded: new Signal({})
  };
  return tracker as unknown as INotebookTracker;
}

describe('a page beside a notebook', () => {
  let server: FakeServer;
  let client: HermesClient;
  let chat: ChatModel;
  let answer: (sessionId: string | null) => Promise<void>;

  beforeEach(() => {
    let resolve!: (answer: object) => void;
    const kernel = new Promise<object>(settle => (resolve = settle));
    answer = async sessionId => {
      resolve({ session_id: sessionId });
      // All that follows from it has happened before the next timer.
      await new Promise(settle => setTimeout(settle, 10));
    };
    server = new FakeServer()
      .on(ASK, () => kernel)
      .on('PUT current', () => ({}))
      .on('GET sessions/c1', () => detail())
      .on('GET sessions/c2', () => detail({ id: 'c2', tip_id: 'c2' }));
    client = new HermesClient(server.request);
    chat = new ChatModel(client, {
      name: 'test',
      storage: new MemoryStorage(),
      place: () => ({})
    });
    const current = new Observable('');
    followCurrent(chat, current);
    linkNotebooks(trackerWith('k1'), { client, current, chat });
    expect(server.calls.map(({ call }) => call)).toEqual([ASK]);
  });

  afterEach(() => {
    chat.dispose();
    client.dispose();
  });

  it('shows what the kernel speaks of', async () => {
    await answer('c1');
    expect(chat.id.value).toBe('c1');
  });

  it('keeps a new chat that was begun before the kernel was known', async () => {
    chat.newChat();
    await answer('c1');
    expect(chat.id.value).toBe('');
  });

  it('keeps what was typed in the meantime', async () => {
    chat.setDraft('hello');
    await answer('c1');
    expect(chat.id.value).toBe('');
  });

  it('keeps a conversation that was opened in the meantime', async () => {
    await chat.open('c2');
    await answer('c1');
    expect(chat.id.value).toBe('c2');
  });
});
