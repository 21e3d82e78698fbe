import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HermesClient } from '../src/client/client';
import { Observable } from '../src/client/observable';
import { ChatModel, followCurrent } from '../src/model/chat';
import {
  detail,
  FakeServer,
  MemoryStorage,
  question,
  refuse
} from './fake-server';

const PROMPT = 'POST sessions/c1/prompt';

describe('ChatModel', () => {
  let server: FakeServer;
  let client: HermesClient;
  let storage: MemoryStorage;
  let chat: ChatModel;

  const newChat = () =>
    new ChatModel(client, {
      name: 'test',
      storage,
      place: () => ({ notebook: 'a.ipynb' })
    });
  const bodyOf = (call: string) =>
    server.calls.filter(made => made.call === call).map(({ body }) => body);

  beforeEach(() => {
    server = new FakeServer()
      .on('POST sessions', () => detail())
      .on('GET sessions/c1', () => detail())
      .on(PROMPT, () => ({ turn_id: 't1', state: 'starting' }));
    client = new HermesClient(server.request);
    storage = new MemoryStorage();
    chat = newChat();
  });

  afterEach(() => {
    chat.dispose();
    client.dispose();
  });

  it('makes a conversation of a draft at the first prompt only', async () => {
    expect(server.calls).toEqual([]);
    chat.setDraft('hello');
    await chat.send();
    expect(bodyOf('POST sessions')).toEqual([{ notebook: 'a.ipynb' }]);
    expect(bodyOf(PROMPT)).toEqual([
      { text: 'hello', client_id: expect.any(String), when_busy: 'queue' }
    ]);
    expect(chat.draft.value).toBe('');
    expect(chat.id.value).toBe('c1');
    expect(chat.conversation.value.awaited.value).toMatchObject([
      { text: 'hello' }
    ]);
  });

  it('makes one conversation of two quick prompts', async () => {
    await Promise.all([chat.send('one'), chat.send('two')]);
    expect(bodyOf('POST sessions')).toHaveLength(1);
    expect(bodyOf(PROMPT)).toHaveLength(2);
  });

  it('sends a prompt byte for byte', async () => {
    const text = '  {x} %d "q" \\n 🪽\n';
    await chat.send(text);
    expect(bodyOf(PROMPT)).toMatchObject([{ text }]);
  });

  it('gives a prompt back that failed, and sends it again as the same', async () => {
    server.on(PROMPT, () => refuse(503, { code: 'busy', message: 'Later.' }));
    chat.setDraft('hello');
    await chat.send();
    expect(chat.draft.value).toBe('hello');
    expect(chat.error.value).toMatchObject({ code: 'busy' });
    expect(chat.conversation.value.awaited.value).toEqual([]);

    server.on(PROMPT, () => ({ turn_id: 't1', state: 'starting' }));
    await chat.send();
    const [first, second] = bodyOf(PROMPT) as { client_id: string }[];
    expect(second?.client_id).toBe(first?.client_id);
    expect(chat.error.value).toBeNull();
  });

  it('keeps what was typed while a prompt failed', async () => {
    let fail = (_: Response): void => undefined;
    server.on(PROMPT, () => new Promise(resolve => (fail = resolve)));
    await chat.open('c1');
    chat.setDraft('first');
    const sent = chat.send();
    chat.setDraft('second');
    await vi.waitFor(() => expect(bodyOf(PROMPT)).toHaveLength(1));
    fail(refuse(503, { code: 'busy', message: 'Later.' }));
    await sent;
    expect(chat.draft.value).toBe('first\n\nsecond');
  });

  it('keeps a draft for each conversation', async () => {
    chat.setDraft('for a new one');
    await chat.open('c1');
    expect(chat.draft.value).toBe('');
    chat.setDraft('for c1');
    chat.newChat();
    expect(chat.draft.value).toBe('for a new one');
    expect(newChat().draft.value).toBe('for a new one');
    await chat.open('c1');
    expect(chat.draft.value).toBe('for c1');
  });

  it('shows the last one opened, whichever is loaded first', async () => {
    let arrive = (_: object): void => undefined;
    server.on('GET sessions/slow', () => new Promise(done => (arrive = done)));
    const slow = chat.open('slow');
    await chat.open('c1');
    arrive(detail({ id: 'slow' }));
    await slow;
    expect(chat.id.value).toBe('c1');
  });

  it('falls back to a draft when the conversation is gone', async () => {
    await chat.open('gone');
    expect(chat.id.value).toBe('');
    expect(chat.error.value).toMatchObject({ status: 404 });
  });

  it('loads what it could not when the line is back', async () => {
    server.on('GET sessions/c1', () => {
      throw new TypeError('offline');
    });
    await chat.open('c1');
    expect(chat.error.value).toMatchObject({ code: 'unreachable' });
    server.on('GET sessions/c1', () => detail());
    client.listen(() => undefined);
    await vi.waitFor(() =>
      expect(chat.conversation.value.loaded.value).toBe(true)
    );
    expect(chat.error.value).toBeNull();
  });

  it('stops the turn that runs', async () => {
    const turn = { turn_id: 't1', state: 'running', origin: 'user' } as const;
    server
      .on('GET sessions/c1', () => detail({ turn }))
      .on('POST sessions/c1/interrupt', () => ({}));
    await chat.open('c1');
    await chat.stop();
    expect(bodyOf('POST sessions/c1/interrupt')).toEqual([{ turn_id: 't1' }]);
  });

  it('drops a question when its answer is taken, and not before', async () => {
    server.on('GET sessions/c1', () => detail({ questions: [question()] }));
    await chat.open('c1');
    const asked = chat.conversation.value.questions.value[0]!;

    server.on('POST questions/q1/answer', () =>
      refuse(500, { code: 'broken', message: 'No.' })
    );
    await expect(chat.answer(asked, { answer: 'csv' })).rejects.toMatchObject({
      code: 'broken'
    });
    expect(chat.conversation.value.questions.value).toEqual([asked]);

    server.on('POST questions/q1/answer', () => ({ state: 'answered' }));
    await chat.answer(asked, { answer: 'csv' });
    expect(chat.conversation.value.questions.value).toEqual([]);
  });

  it('is of one conversation with its page, both ways', async () => {
    const current = new Observable('');
    const end = followCurrent(chat, current);
    await chat.send('hello');
    expect(current.get()).toBe('c1');
    current.set('');
    expect(chat.id.value).toBe('');
    end();
  });
});
