import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Found, Message, Question } from '../src/client/api';
import { HermesClient } from '../src/client/client';
import type { Conversation } from '../src/model/conversation';
import { ChatModel } from '../src/model/chat';
import {
  detail,
  FakeServer,
  MemoryStorage,
  question,
  refuse
} from './fake-server';

/** A message as the database has it; its number is also its time. */
const stored = (row: number): Message => ({
  id: String(row),
  role: row % 2 ? 'user' : 'assistant',
  text: `text ${row}`,
  at: row
});
const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => stored(from + i));

describe('earlier messages', () => {
  let server: FakeServer;
  let client: HermesClient;
  let chat: ChatModel;

  const conversation = (): Conversation => chat.conversation.value;
  const shown = () => conversation().messages.value.map(({ id }) => id);
  const asked = () =>
    server.calls.map(({ call }) => call).filter(call => /before/.test(call));
  const snapshot = (messages: Message[], questions: Question[] = []) =>
    conversation().apply({
      event: 'snapshot',
      id: 'e1.99',
      data: detail({ messages, questions })
    });
  const open = async (messages: Message[], questions: Question[] = []) => {
    server.on('GET sessions/c1', () => detail({ messages, questions }));
    await chat.open('c1');
  };
  /** The messages before a place, as the server would answer. */
  const offer = (before: number, messages: Message[], next: string | null) => {
    for (const limit of [50, 200]) {
      server.on(
        `GET sessions/c1/messages?before=${before}&limit=${limit}`,
        () => ({ messages, before: next })
      );
    }
  };

  beforeEach(() => {
    server = new FakeServer();
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

  it('are there to the beginning, each once', async () => {
    await open(rows(101, 151));
    offer(101, rows(51, 102), '51');
    offer(51, rows(40, 51), null);
    await chat.loadEarlier();
    expect(shown()).toEqual(rows(51, 151).map(({ id }) => id));
    await chat.loadEarlier();
    await chat.loadEarlier();
    expect(shown()).toEqual(rows(40, 151).map(({ id }) => id));
    expect(conversation().earlier.value).toBeNull();
    expect(asked()).toHaveLength(2);
  });

  it('are not asked for where all of a short conversation is there', async () => {
    await open(rows(1, 4));
    await chat.loadEarlier();
    expect(conversation().earlier.value).toBeNull();
    expect(asked()).toEqual([]);
  });

  it('are asked for once at a time', async () => {
    await open(rows(101, 151));
    offer(101, rows(51, 101), '51');
    await Promise.all([chat.loadEarlier(), chat.loadEarlier()]);
    expect(asked()).toHaveLength(1);
    expect(shown()).toHaveLength(100);
  });

  it('can be asked for again when they could not be had', async () => {
    await open(rows(101, 151));
    server.on('GET sessions/c1/messages?before=101&limit=50', () =>
      refuse(503, { code: 'x', message: 'Later.' })
    );
    await chat.loadEarlier();
    expect(conversation().extendError.value).toMatchObject({
      message: 'Later.'
    });
    offer(101, rows(51, 101), '51');
    await chat.loadEarlier();
    expect(conversation().extendError.value).toBeNull();
    expect(shown()).toHaveLength(100);
  });

  describe('when a snapshot comes', () => {
    beforeEach(async () => {
      await open(rows(101, 151));
      offer(101, rows(51, 101), '51');
    });

    it('stay with what is painted, and so does the way on', async () => {
      await chat.loadEarlier();
      const before = conversation().messages.value;
      snapshot(rows(103, 153));
      expect(shown()).toEqual(rows(51, 153).map(({ id }) => id));
      expect(conversation().messages.value.slice(0, 100)).toEqual(before);
      expect(conversation().messages.value[0]).toBe(before[0]);
      expect(conversation().earlier.value).toBe('51');
    });

    it('change nothing when it is the same', async () => {
      await chat.loadEarlier();
      const before = conversation().messages.value;
      snapshot(rows(101, 151));
      expect(conversation().messages.value).toBe(before);
    });

    it('go when it does not follow on them', async () => {
      await chat.loadEarlier();
      snapshot(rows(301, 351));
      expect(shown()).toEqual(rows(301, 351).map(({ id }) => id));
      expect(conversation().earlier.value).toBe('301');
    });

    it('go when it is the whole conversation', async () => {
      await chat.loadEarlier();
      snapshot(rows(101, 110));
      expect(shown()).toEqual(rows(101, 110).map(({ id }) => id));
      expect(conversation().earlier.value).toBeNull();
    });

    it('do not come from an answer of before it', async () => {
      let arrive = (_: object): void => undefined;
      server.on(
        'GET sessions/c1/messages?before=101&limit=50',
        () => new Promise(done => (arrive = done))
      );
      const loading = chat.loadEarlier();
      snapshot(rows(301, 351));
      arrive({ messages: rows(51, 101), before: '51' });
      await loading;
      expect(shown()).toEqual(rows(301, 351).map(({ id }) => id));
      expect(conversation().isExtending.value).toBe(false);
    });
  });

  it('have the questions of their time between them', async () => {
    const asking = (id: string, asked_at: number) =>
      question({ id, asked_at, state: 'answered', answer: 'csv' });
    const questions = [
      asking('first', 45.5),
      asking('second', 60.5),
      asking('third', 120.5)
    ];
    await open(rows(101, 151), questions);
    const told = () => shown().filter(id => !/^\d/.test(id));
    expect(told()).toEqual(['third']);
    offer(101, rows(51, 101), '51');
    offer(51, rows(50, 51), null);
    await chat.loadEarlier();
    expect(told()).toEqual(['second', 'third']);
    expect(shown().indexOf('second')).toBe(10);
    snapshot(rows(101, 151), questions);
    expect(told()).toEqual(['second', 'third']);
    await chat.loadEarlier();
    expect(told()).toEqual(['first', 'second', 'third']);
  });

  describe('of a search', () => {
    const found = (row: number, text = `text ${row}`): Found => ({
      session_id: 'c1',
      title: null,
      source: null,
      message_id: String(row),
      role: row % 2 ? 'user' : 'assistant',
      at: row,
      snippet: [{ text: '…' }, { text }, { text: '…' }].map(piece => ({
        ...piece,
        match: false
      }))
    });

    beforeEach(() => {
      server.on('GET sessions/c1', () => detail({ messages: rows(801, 851) }));
      for (let row = 801; row > 1; row -= 200) {
        offer(row, rows(row - 200, row), row > 201 ? `${row - 200}` : null);
      }
    });

    it('are loaded until the message is there', async () => {
      await chat.openAt(found(333));
      expect(conversation().lit.value).toBe('333');
      expect(asked()).toHaveLength(3);
    });

    it('are left where they are if it is there already', async () => {
      await chat.openAt(found(820));
      expect(conversation().lit.value).toBe('820');
      expect(asked()).toEqual([]);
    });

    it('are not all loaded for a message that is nowhere', async () => {
      await chat.openAt(found(700.5, 'gone'));
      expect(conversation().isMissing.value).toBe(true);
      expect(asked()).toHaveLength(1);
    });

    it('are known by their words under the id of the moment', async () => {
      const said = { ...stored(851), id: 't1.0', turn_id: 't1' };
      const messages = [...rows(802, 851), said];
      server.on('GET sessions/c1', () => detail({ messages }));
      await chat.openAt(found(851));
      expect(conversation().lit.value).toBe('t1.0');
    });

    it('are not looked for without end', async () => {
      for (let row = 801; row > -5000; row -= 200) {
        offer(row, rows(row - 200, row), `${row - 200}`);
      }
      await chat.openAt(found(-4000));
      expect(conversation().isMissing.value).toBe(true);
      expect(asked()).toHaveLength(10);
    });

    it('are not loaded for who has gone on to another one', async () => {
      let arrive = (_: object): void => undefined;
      server.on(
        'GET sessions/c1/messages?before=801&limit=200',
        () => new Promise(done => (arrive = done))
      );
      const seeking = chat.openAt(found(3));
      await vi.waitFor(() => expect(asked()).toHaveLength(1));
      chat.newChat();
      arrive({ messages: rows(601, 801), before: '601' });
      await seeking;
      expect(asked()).toHaveLength(1);
      expect(chat.id.value).toBe('');
    });
  });
});
