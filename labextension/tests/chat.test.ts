import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HermesClient } from '../src/client/client';
import type { Question, Turn } from '../src/client/api';
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

  it('stops nothing when the turn was over already', async () => {
    const turn = { turn_id: 't1', state: 'running', origin: 'user' } as const;
    server
      .on('GET sessions/c1', () => detail({ turn }))
      .on('POST sessions/c1/interrupt', () =>
        refuse(409, { code: 'not_running', message: 'Over.' })
      );
    await chat.open('c1');
    await chat.stop();
    expect(chat.error.value).toBeNull();
  });

  it.each(['queue', 'steer', 'interrupt'] as const)(
    'says what becomes of a prompt while a turn runs: %s',
    async whenBusy => {
      await chat.open('c1');
      await chat.send('and this', whenBusy);
      expect(bodyOf(PROMPT)).toMatchObject([
        { text: 'and this', when_busy: whenBusy }
      ]);
    }
  );

  describe('a prompt that waits', () => {
    const waiting: Turn = {
      turn_id: 't2',
      state: 'queued',
      origin: 'user',
      text: 'later'
    };
    const WITHDRAW = 'DELETE sessions/c1/turns/t2';

    beforeEach(async () => {
      server.on('GET sessions/c1', () => detail({ queued: [waiting] }));
      server.on(WITHDRAW, () => ({ turn_id: 't2', state: 'interrupted' }));
      await chat.open('c1');
    });

    it.each([
      ['', 'later'],
      ['typed since', 'typed since\n\nlater']
    ])('comes back below %j', async (draft, expected) => {
      chat.setDraft(draft);
      await chat.withdraw(waiting);
      expect(chat.draft.value).toBe(expected);
      expect(chat.conversation.value.queued.value).toEqual([]);
    });

    it('comes back to its own conversation', async () => {
      let take = (_: object): void => undefined;
      server.on(WITHDRAW, () => new Promise(done => (take = done)));
      const withdrawn = chat.withdraw(waiting);
      await vi.waitFor(() => expect(bodyOf(WITHDRAW)).toHaveLength(1));
      chat.newChat();
      take({});
      await withdrawn;
      expect(chat.draft.value).toBe('');
      await chat.open('c1');
      expect(chat.draft.value).toBe('later');
    });

    it('stays when it has begun meanwhile, and that is said', async () => {
      server.on(WITHDRAW, () =>
        refuse(404, { code: 'turn_not_found', message: 'It has begun.' })
      );
      await chat.withdraw(waiting);
      expect(chat.draft.value).toBe('');
      expect(chat.error.value).toMatchObject({ code: 'turn_not_found' });
    });
  });

  describe('what was said', () => {
    const messages = [
      { id: 'm1', role: 'user', text: 'first', turn_id: 't0' },
      { id: 'm2', role: 'assistant', text: 'One.', turn_id: 't0' },
      { id: 'm3', role: 'user', text: 'second', turn_id: 't1' }
    ] as const;
    const failed = { turn_id: 't1', state: 'error', origin: 'user' } as const;
    const said = (id: string) =>
      chat.conversation.value.messages.value.find(
        message => message.id === id
      )!;

    beforeEach(async () => {
      server.on('GET sessions/c1', () =>
        detail({ messages: [...messages], turn: failed })
      );
      await chat.open('c1');
    });

    it('is replaced, and the edit ends when the server took it', async () => {
      chat.writing.startEdit(said('m1'));
      expect(chat.writing.edit.value).toEqual({ message: 'm1', text: 'first' });
      server.on(PROMPT, () => refuse(409, { code: 'busy', message: 'Busy.' }));
      await expect(chat.replace(said('m1'), 'better')).rejects.toMatchObject({
        code: 'busy'
      });
      expect(chat.writing.edit.value).not.toBeNull();

      server.on(PROMPT, () => ({ turn_id: 't2', state: 'starting' }));
      await chat.replace(said('m1'), 'better');
      expect(chat.writing.edit.value).toBeNull();
      const [first, second] = bodyOf(PROMPT) as object[];
      expect(first).toMatchObject({ text: 'better', replaces: 'm1' });
      expect(second).toEqual(first);
    });

    it('gives the words of an edit to the composer when it is gone', async () => {
      chat.writing.startEdit(said('m3'));
      chat.writing.setEdit({ message: 'm3', text: 'second, but better' });
      chat.conversation.value.apply({
        event: 'snapshot',
        id: 'e1.11',
        data: detail({ messages: messages.slice(0, 2), cursor: 'e1.11' })
      });
      expect(chat.writing.edit.value).toBeNull();
      expect(chat.draft.value).toBe('second, but better');
    });

    it('does not take what is being sent for words to be rescued', async () => {
      let take = (_: object): void => undefined;
      server.on(PROMPT, () => new Promise(done => (take = done)));
      chat.writing.startEdit(said('m3'));
      const sent = chat.replace(said('m3'), 'better');
      await vi.waitFor(() => expect(bodyOf(PROMPT)).toHaveLength(1));
      // The stream is faster than the answer.
      chat.conversation.value.apply({
        event: 'snapshot',
        id: 'e1.11',
        data: detail({ messages: messages.slice(0, 2), cursor: 'e1.11' })
      });
      take({ turn_id: 't2', state: 'starting' });
      await sent;
      expect(chat.draft.value).toBe('');
    });

    it('is said once more in its own place', async () => {
      server.on(PROMPT, () => ({ turn_id: 't2', state: 'starting' }));
      await chat.retry();
      expect(bodyOf(PROMPT)).toMatchObject([
        { text: 'second', replaces: 'm3' }
      ]);
      // Its turn runs now: there is nothing left to retry.
      expect(chat.conversation.value.retriable.value).toBeNull();
    });

    it.each([
      ['', 'second'],
      ['typed since', 'typed since']
    ])('is taken back into the composer if that is %j', async (draft, then) => {
      server.on('POST sessions/c1/undo', () => ({
        turn_id: 't2',
        state: 'starting'
      }));
      chat.setDraft(draft);
      await chat.undo();
      expect(chat.draft.value).toBe(then);
      expect(chat.conversation.value.running.value).toMatchObject({
        turn_id: 't2',
        action: 'undo'
      });
    });
  });

  describe('an answer that was begun', () => {
    const begin = async (): Promise<Question> => {
      server.on('GET sessions/c1', () => detail({ questions: [question()] }));
      await chat.open('c1');
      const asked = chat.conversation.value.questions.value[0]!;
      chat.writing.keepAnswer(asked, ['neither, as']);
      return asked;
    };
    const end = (state: Question['state']) =>
      chat.conversation.value.apply({
        event: 'question',
        id: 'e1.11',
        data: { session_id: 'c1', question: question({ state }) }
      });

    it('is there after a reload', async () => {
      const asked = await begin();
      const reloaded = newChat();
      await reloaded.open('c1');
      expect(reloaded.writing.answerTo(asked)).toEqual(['neither, as']);
      expect(reloaded.writing.answerTo(question({ id: 'q2' }))).toBeNull();
      reloaded.dispose();
    });

    it.each(['expired', 'cancelled', 'answered'] as const)(
      'goes to the composer when the question is %s',
      async state => {
        await begin();
        chat.setDraft('before');
        end(state);
        expect(chat.draft.value).toBe('before\n\nneither, as');
      }
    );

    it('goes to the composer when the question ended meanwhile', async () => {
      await begin();
      server.on('GET sessions/c1', () => detail());
      const reloaded = newChat();
      await reloaded.open('c1');
      expect(reloaded.draft.value).toBe('neither, as');
      reloaded.dispose();
    });

    it('is gone once it was given, however fast the stream is', async () => {
      const asked = await begin();
      server.on('POST questions/q1/answer', () => {
        end('answered');
        return { state: 'answered' };
      });
      await chat.answer(asked, { answer: 'neither, as' });
      expect(chat.draft.value).toBe('');
      expect(newChat().writing.answerTo(asked)).toBeNull();
    });

    it('is not lost when somebody else was faster', async () => {
      const asked = await begin();
      server.on('POST questions/q1/answer', () =>
        refuse(409, {
          code: 'question_answered',
          message: 'Answered.',
          question: question({ state: 'answered', answer: 'csv' })
        })
      );
      await chat.answer(asked, { answer: 'neither, as' });
      expect(chat.draft.value).toBe('neither, as');
    });

    it('is no text of its own where it is one of the choices', async () => {
      const asked = await begin();
      chat.writing.keepAnswer(asked, ['csv']);
      end('expired');
      expect(chat.draft.value).toBe('');
    });
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
