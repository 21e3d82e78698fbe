import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Detail, EventData } from '../src/client/api';
import { HermesClient } from '../src/client/client';
import { ChatModel } from '../src/model/chat';
import { detail, FakeServer, MemoryStorage, refuse } from './fake-server';

const READ = 'PATCH sessions/c1';

describe('a conversation among others', () => {
  let server: FakeServer;
  let client: HermesClient;
  let chat: ChatModel;
  let seq = 10;

  const open = async (changes: Partial<Detail> = {}) => {
    server.on('GET sessions/c1', () => detail(changes));
    await chat.open('c1');
    await vi.waitFor(() => expect(server.streams).toHaveLength(1));
  };
  /** Says it on the stream, and waits until all of that is heard. */
  const tell = async (data: EventData['sessions']) => {
    const heard = new Promise<void>(resolve => {
      const end = client.listen(event => {
        if (event.event === 'notice') {
          end();
          resolve();
        }
      });
    });
    server.stream.send(`e1.${++seq}`, 'sessions', data);
    server.stream.send(`e1.${++seq}`, 'notice', { text: 'x', level: 'info' });
    await heard;
  };
  const reads = () => server.calls.filter(({ call }) => call === READ);

  beforeEach(() => {
    server = new FakeServer().on(READ, () => detail());
    client = new HermesClient(server.request);
    chat = new ChatModel(client, {
      name: 'test',
      storage: new MemoryStorage(),
      place: () => ({})
    });
  });

  afterEach(() => {
    chat.dispose();
    client.dispose();
  });

  describe('the mark of what was read', () => {
    it('is set once for what a person sees', async () => {
      await open({ unread: true });
      expect(reads()).toEqual([]);
      chat.isShown.value = true;
      chat.isShown.value = false;
      chat.isShown.value = true;
      expect(reads()).toEqual([{ call: READ, body: { read: true } }]);
      await tell({ sessions: [detail({ unread: true })] });
      expect(reads()).toHaveLength(2);
      await tell({ sessions: [detail({ unread: false })] });
      await tell({ sessions: [detail({ id: 'other', unread: true })] });
      expect(reads()).toHaveLength(2);
    });

    it('waits until the turn is over', async () => {
      const turn = { turn_id: 't1', state: 'running', origin: 'user' } as const;
      await open({ unread: true, turn });
      chat.isShown.value = true;
      expect(reads()).toEqual([]);
      const data = { ...turn, session_id: 'c1', state: 'complete' } as const;
      chat.conversation.value.apply({ event: 'turn', id: 'e1.50', data });
      expect(reads()).toHaveLength(1);
    });

    it('is not that of the conversation before', async () => {
      chat.isShown.value = true;
      await open({ unread: false });
      server.on('GET sessions/c2', () => detail({ id: 'c2', unread: true }));
      server.on('PATCH sessions/c2', () => detail({ id: 'c2' }));
      await chat.open('c2');
      expect(reads()).toEqual([]);
      expect(server.calls.at(-1)).toMatchObject({ call: 'PATCH sessions/c2' });
    });

    it('is no failure that a person has to hear of', async () => {
      server.on(READ, () => refuse(500, { code: 'x', message: 'Broken.' }));
      await open({ unread: true });
      chat.isShown.value = true;
      await vi.waitFor(() => expect(reads()).toHaveLength(1));
      expect(chat.error.value).toBeNull();
    });
  });

  describe('that is deleted while it is shown', () => {
    it('says so, and what was typed goes along into a new chat', async () => {
      chat.setDraft('for a new one');
      await open();
      chat.setDraft('typed here');
      await tell({ sessions: [], removed: ['other'] });
      expect(chat.conversation.value.isGone.value).toBe(false);
      await tell({ sessions: [], removed: ['c1'] });
      expect(chat.conversation.value.isGone.value).toBe(true);
      expect(chat.draft.value).toBe('typed here');
      chat.leave();
      expect(chat.id.value).toBe('');
      expect(chat.draft.value).toBe('for a new one\n\ntyped here');
    });

    it('says so also when that is known by its absence', async () => {
      await open();
      server.on('GET sessions/c1', () =>
        refuse(404, { code: 'session_not_found', message: 'No.' })
      );
      server.streamStatus = 404;
      server.stream.end();
      client.retryNow();
      await vi.waitFor(
        () => expect(chat.conversation.value.isGone.value).toBe(true),
        { timeout: 5000 }
      );
    });
  });

  describe('that comes from another one', () => {
    const branch = { relation: 'branch', parent_id: 'p1' } as const;
    const parentName = () => chat.conversation.value.parentName.value;

    it('knows the name of it', async () => {
      server.on('GET sessions/p1', () => detail({ id: 'p1', title: 'Origin' }));
      await open(branch);
      await vi.waitFor(() => expect(parentName()).toBe('Origin'));
    });

    it('leads nowhere when that was deleted', async () => {
      server.on('GET sessions/p1', () =>
        refuse(404, { code: 'session_not_found', message: 'No.' })
      );
      await open(branch);
      await vi.waitFor(() =>
        expect(chat.conversation.value.parentId.value).toBe('')
      );
    });

    it('leads there without a name when that cannot be had', async () => {
      server.on('GET sessions/p1', () =>
        refuse(503, { code: 'x', message: 'Later.' })
      );
      await open(branch);
      await vi.waitFor(() =>
        expect(server.calls.at(-1)?.call).toBe('GET sessions/p1')
      );
      expect(chat.conversation.value.parentId.value).toBe('p1');
      expect(chat.error.value).toBeNull();
    });
  });

  it('is read only where its row does not offer to say anything', async () => {
    expect(chat.conversation.value.isReadOnly.value).toBe(false);
    await open({ relation: 'subagent', capabilities: ['export'] });
    expect(chat.conversation.value.isReadOnly.value).toBe(true);
  });
});
