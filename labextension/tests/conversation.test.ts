import { effect } from '@preact/signals';
import { beforeEach, describe, expect, it } from 'vitest';
import type { EventData, EventName, HermesEvent } from '../src/client/api';
import { Conversation } from '../src/model/conversation';
import { detail, question } from './fake-server';

let seq = 10;

function event<Name extends EventName>(
  name: Name,
  data: Omit<EventData[Name], 'session_id'>
): HermesEvent {
  const full = { session_id: 'c1', ...data };
  return { event: name, id: `e1.${++seq}`, data: full } as HermesEvent;
}

const running = detail({
  turn: { turn_id: 't1', state: 'running', origin: 'user', text: 'hi' },
  messages: [
    { id: 't1.0', turn_id: 't1', role: 'user', text: 'hi' },
    { id: 't1.1', turn_id: 't1', role: 'assistant', text: 'Hel' }
  ],
  questions: [question()]
});

describe('Conversation', () => {
  let conversation: Conversation;

  const apply = (...events: HermesEvent[]) =>
    events.forEach(each => conversation.apply(each));
  const texts = () =>
    conversation.messages.value.map(({ role, text }) => [role, text.value]);

  beforeEach(() => {
    conversation = new Conversation();
    apply(event('snapshot', running));
  });

  it('stays as it is when a snapshot comes twice', () => {
    let changes = -1;
    const end = effect(() => {
      void conversation.messages.value;
      changes += 1;
    });
    const before = conversation.messages.value;
    apply(event('snapshot', running));
    end();
    expect(changes).toBe(0);
    expect(conversation.messages.value).toBe(before);
    expect(texts()).toEqual([
      ['user', 'hi'],
      ['assistant', 'Hel'],
      ['notice', '']
    ]);
  });

  it('tells a compaction where it began, once', () => {
    const told = { message_id: 't1.2', text: '900 tokens became 300' };
    apply(
      event('notice', { ...told, text: 'Compacting…', level: 'info' }),
      event('compaction', { ...told, before: 900, after: 300 }),
      event('compaction', {
        message_id: 't1.3',
        text: 'Again',
        before: null,
        after: null
      })
    );
    const [first, second] = conversation.messages.value.slice(-2);
    expect([first!.id, first!.text.value]).toEqual(['t1.2', told.text]);
    expect(first!.compaction.value).toMatchObject({ before: 900, after: 300 });
    expect(second!.compaction.value).toMatchObject({ before: null });
  });

  it('appends deltas to their message and touches nothing else', () => {
    const before = conversation.messages.value;
    apply(
      event('message.delta', { message_id: 't1.1', text: 'lo' }),
      event('message.delta', { message_id: 't1.1', text: '!' })
    );
    expect(conversation.messages.value).toBe(before);
    expect(before[1]?.text.value).toBe('Hello!');
    expect(before[1]?.status.value).toBe('streaming');
    apply(
      event('message.complete', {
        message_id: 't1.1',
        text: 'Hello.',
        status: 'complete'
      })
    );
    expect(before[1]?.text.value).toBe('Hello.');
    expect(before[1]?.status.value).toBe('complete');
  });

  it('starts a message once', () => {
    const start = event('message.start', {
      message_id: 't1.2',
      role: 'assistant'
    });
    apply(start);
    apply(event('message.delta', { message_id: 't1.2', text: 'x' }), start);
    expect(texts().filter(([, text]) => text === 'x')).toHaveLength(1);
  });

  it('replaces what a snapshot contradicts', () => {
    apply(
      event(
        'snapshot',
        detail({ messages: [{ id: '7', role: 'user', text: 'old' }] })
      )
    );
    expect(texts()).toEqual([['user', 'old']]);
    expect(conversation.questions.value).toEqual([]);
    expect(conversation.running.value).toBeNull();
  });

  it('follows a tool from its start to its end', () => {
    apply(
      event('tool.start', {
        tool_id: 'x',
        message_id: 't1.2',
        name: 'shell',
        args: { command: 'ls' }
      }),
      event('tool.progress', { tool_id: 'x', text: 'half' })
    );
    const entry = conversation.messages.value.at(-1)!;
    expect(entry.status.value).toBe('streaming');
    expect(entry.progress.value).toBe('half');
    apply(
      event('tool.complete', {
        tool_id: 'x',
        message_id: 't1.2',
        name: 'shell',
        result: 'a.txt',
        status: 'complete',
        duration: 0.5
      })
    );
    expect(entry.status.value).toBe('complete');
    expect(entry.tool.value).toMatchObject({
      args: { command: 'ls' },
      result: 'a.txt',
      duration: 0.5
    });
  });

  it('keeps the oldest question at the head, and outcomes in the transcript', () => {
    apply(event('question', { question: question({ id: 'q2', asked_at: 2 }) }));
    expect(conversation.questions.value.map(({ id }) => id)).toEqual([
      'q1',
      'q2'
    ]);

    const answered = question({ state: 'answered', answer: 'csv' });
    apply(event('question', { question: answered }));
    expect(conversation.questions.value.map(({ id }) => id)).toEqual(['q2']);
    const told = conversation.messages.value.flatMap(
      message => message.question.value ?? []
    );
    expect(told.map(({ id, state }) => [id, state])).toEqual([
      ['q1', 'answered'],
      ['q2', 'open']
    ]);
  });

  it('asks two identical questions as two', () => {
    apply(event('question', { question: question({ id: 'q2' }) }));
    expect(conversation.questions.value).toHaveLength(2);
  });

  it('shows the prompt of a turn until it has a message', () => {
    const queued = { turn_id: 't2', origin: 'user', text: 'next' } as const;
    apply(event('turn', { ...queued, state: 'queued' }));
    expect(conversation.queued.value).toMatchObject([queued]);
    expect(conversation.awaited.value).toEqual([]);
    apply(
      event('turn', { turn_id: 't1', state: 'complete', origin: 'user' }),
      event('turn', { turn_id: 't2', state: 'running', origin: 'user' })
    );
    expect(conversation.queued.value).toEqual([]);
    expect(conversation.awaited.value.map(({ text }) => text)).toEqual([
      'next'
    ]);
    apply(
      event('message.start', {
        message_id: 't2.0',
        role: 'user',
        turn_id: 't2',
        text: 'next'
      })
    );
    expect(conversation.awaited.value).toEqual([]);
  });

  it('takes a prompt that was withdrawn for no failed turn', () => {
    const waiting = { turn_id: 't2', origin: 'user', text: 'next' } as const;
    apply(
      event('turn', { ...waiting, state: 'queued' }),
      event('turn', { turn_id: 't1', state: 'complete', origin: 'user' }),
      event('turn', { ...waiting, state: 'interrupted' })
    );
    expect(conversation.queued.value).toEqual([]);
    expect(conversation.failed.value).toBeNull();
  });

  it('keeps what a failed turn had no chance to say', () => {
    const edit = { turn_id: 't2', origin: 'user', text: 'better' } as const;
    apply(
      event('turn', { turn_id: 't1', state: 'complete', origin: 'user' }),
      event('turn', { ...edit, state: 'starting' }),
      event('turn', { ...edit, state: 'error' })
    );
    expect(conversation.unsaid.value).toMatchObject({ text: 'better' });
    // To say 'hi' again would not be what failed.
    expect(conversation.retriable.value).toBeNull();
  });

  it('does not offer to change what went into a running turn', () => {
    apply(
      event('message.start', {
        message_id: 't1.2',
        role: 'user',
        turn_id: 't1',
        text: 'faster',
        steered: true
      })
    );
    expect(conversation.lastPrompt.value?.text.value).toBe('hi');
  });

  it('shows what goes into a running turn once, while it is sent', () => {
    conversation.send({ clientId: 'a', text: 'faster', attachments: [] });
    conversation.send({ clientId: 'b', text: 'faster', attachments: [] });
    apply(
      event('message.start', {
        message_id: 't1.2',
        role: 'user',
        turn_id: 't1',
        text: 'faster',
        steered: true
      })
    );
    expect(conversation.awaited.value).toMatchObject([{ clientId: 'b' }]);
  });

  it('knows what may be done with it, of a draft everything', () => {
    expect(new Conversation().can('prompt')).toBe(true);
    apply(event('snapshot', detail({ capabilities: ['export'] })));
    expect(conversation.can('prompt')).toBe(false);
  });

  it('does not take the end of another turn for that of this one', () => {
    apply(
      event('turn', { turn_id: 't0', state: 'interrupted', origin: 'user' })
    );
    expect(conversation.running.value?.turn_id).toBe('t1');
  });

  it('puts the questions of a snapshot where they were asked', () => {
    const asked = question({ state: 'answered', asked_at: 5 });
    apply(
      event(
        'snapshot',
        detail({
          questions: [asked],
          messages: [
            { id: '1', role: 'user', text: 'hi', at: 4 },
            { id: '2', role: 'assistant', text: 'done', at: 6 }
          ]
        })
      )
    );
    expect(conversation.messages.value.map(({ id }) => id)).toEqual([
      '1',
      'q1',
      '2'
    ]);
    expect(conversation.questions.value).toEqual([]);
  });
});
