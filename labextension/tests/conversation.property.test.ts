import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  Detail,
  EventData,
  EventName,
  HermesEvent,
  Message,
  Question,
  Turn
} from '../src/client/api';
import { HermesClient } from '../src/client/client';
import { Conversation, isUnfinished } from '../src/model/conversation';
import { detail, FakeServer, question } from './fake-server';

/** What happens to a conversation, drawn without regard to what is possible. */
const step = fc.oneof(
  fc.record({
    what: fc.constantFrom(
      'prompt',
      'say',
      'think',
      'tool',
      'ask',
      'settle',
      'end',
      'notice',
      'gauge',
      'title'
    ),
    text: fc.constantFrom('a', ' b', '\n\nc', '', '**d**')
  })
);

/** A server's account of one conversation: what it is, and how it got there. */
class Account {
  readonly events: HermesEvent[] = [];
  /** What the conversation was after each of them; at first, before any. */
  readonly details: Detail[] = [];
  private now: Detail = detail({ cursor: 'e1.0' });
  private count = 0;

  constructor() {
    this.details.push(this.now);
  }

  take({ what, text }: { what: string; text: string }): void {
    const { turn } = this.now;
    const isBusy = turn?.state === 'running';
    switch (what) {
      case 'prompt':
        return isBusy ? undefined : this.prompt(text || 'x');
      case 'say':
        return turn && isBusy ? this.say(turn, text) : undefined;
      case 'think':
        return turn && isBusy ? this.think(turn, text) : undefined;
      case 'tool':
        return turn && isBusy ? this.tool(turn, text) : undefined;
      case 'ask':
        return turn && isBusy ? this.ask(turn) : undefined;
      case 'settle':
        return this.settle(text);
      case 'end':
        return turn && isBusy ? this.end(turn, text === '') : undefined;
      case 'notice':
        return this.notice(text || 'x');
      case 'gauge':
        return this.gauge(this.events.length);
      default:
        return this.tell(
          'session',
          { title: text || 'x' },
          { title: text || 'x' }
        );
    }
  }

  private prompt(text: string): void {
    const turn_id = this.id();
    const turn: Turn = { turn_id, state: 'running', origin: 'user', text };
    this.tell('turn', turn, { turn });
    this.open('user', turn_id, text, 'complete');
  }

  private open(
    role: 'user' | 'assistant',
    turn_id: string,
    text: string,
    status: Message['status']
  ): Message {
    const at = this.time();
    const of = { role, turn_id, text, status, at };
    const message: Message = { id: this.id(), ...of };
    this.tell(
      'message.start',
      { message_id: message.id, role, turn_id, text },
      { messages: [...this.now.messages, message] }
    );
    return message;
  }

  /** The answer that grows; each turn has one, until a tool is called. */
  private growing({ turn_id }: Turn): Message {
    const last = this.now.messages.at(-1);
    return last?.role === 'assistant' && last.status === 'streaming'
      ? last
      : this.open('assistant', turn_id, '', 'streaming');
  }

  private say(turn: Turn, text: string): void {
    const message = this.growing(turn);
    this.tell(
      'message.delta',
      { message_id: message.id, text },
      this.changed(message, { text: message.text + text })
    );
  }

  private think(turn: Turn, text: string): void {
    const message = this.growing(turn);
    this.tell(
      'reasoning.delta',
      { message_id: message.id, text },
      this.changed(message, { reasoning: (message.reasoning ?? '') + text })
    );
  }

  private complete(status: 'complete' | 'interrupted'): void {
    const last = this.now.messages.at(-1);
    if (last?.role === 'assistant' && last.status === 'streaming') {
      const { id: message_id, text } = last;
      this.tell(
        'message.complete',
        { message_id, text, status },
        this.changed(last, { status })
      );
    }
  }

  private tool({ turn_id }: Turn, name: string): void {
    this.complete('complete');
    const [message_id, tool_id] = [this.id(), this.id()];
    const tool = { id: tool_id, name, args: { name } };
    const began: Message = {
      ...{ id: message_id, role: 'tool', turn_id, text: '' },
      ...{ status: 'streaming', at: this.time() },
      tool: { ...tool, duration: null, error: null }
    };
    const of = { message_id, tool_id, turn_id, name, args: { name } };
    this.tell('tool.start', of, { messages: [...this.now.messages, began] });
    const done = { result: name, duration: 1, error: null };
    this.tell(
      'tool.complete',
      { ...of, ...done, status: 'complete' },
      this.changed(began, { status: 'complete', tool: { ...tool, ...done } })
    );
  }

  private ask({ turn_id }: Turn): void {
    this.complete('complete');
    const asked_at = this.time();
    const asked = question({ id: this.id(), turn_id, asked_at });
    this.tell(
      'question',
      { question: asked },
      { questions: [...this.now.questions, asked] }
    );
  }

  private settle(answer: string): void {
    const open = this.now.questions.find(isUnfinished);
    if (open) {
      const settled: Question = { ...open, state: 'answered', answer };
      const questions = this.now.questions.map(one =>
        one === open ? settled : one
      );
      this.tell('question', { question: settled }, { questions });
    }
  }

  private end(turn: Turn, isCut: boolean): void {
    this.complete(isCut ? 'interrupted' : 'complete');
    const state = isCut ? 'interrupted' : 'complete';
    const { text: _, ...ended } = { ...turn, state } as const;
    this.tell('turn', ended, { turn: { ...turn, state } });
  }

  private notice(text: string): void {
    this.complete('complete');
    const id = this.id();
    const at = this.time();
    const message: Message = { id, role: 'notice', text, at };
    this.tell(
      'notice',
      { text, level: 'info', message_id: id },
      { messages: [...this.now.messages, message] }
    );
  }

  private gauge(used: number): void {
    const context = { used, max: 100, estimate: false, compactions: 0 };
    this.tell('context', { context }, { context });
  }

  private changed(
    message: Message,
    change: Partial<Message>
  ): Pick<Detail, 'messages'> {
    const { messages } = this.now;
    return {
      messages: messages.map(one =>
        one.id === message.id ? { ...one, ...change } : one
      )
    };
  }

  private id(): string {
    this.count += 1;
    return `i${this.count}`;
  }

  /** Later than all before. */
  private time(): number {
    return this.count + 0.5;
  }

  private tell<Name extends EventName>(
    event: Name,
    data: Omit<EventData[Name], 'session_id'>,
    change: Partial<Detail>
  ): void {
    const id = `e1.${this.events.length + 1}`;
    this.now = { ...this.now, ...change, cursor: id };
    this.details.push(this.now);
    this.events.push({
      event,
      id,
      data: { session_id: 'c1', ...data }
    } as HermesEvent);
  }

  snapshot(at: number): HermesEvent {
    const data = this.details[at]!;
    return { event: 'snapshot', id: data.cursor, data };
  }
}

/** All that a person sees of it. */
function shown(conversation: Conversation): object {
  return {
    title: conversation.title.value,
    gauge: conversation.gauge.value,
    // Of the event it came with, it may still have the conversation's name.
    turn: { ...conversation.turn.value, session_id: 'c1' },
    queued: conversation.queued.value,
    open: conversation.questions.value,
    messages: conversation.messages.value.map(message => ({
      id: message.id,
      role: message.role,
      turnId: message.turnId,
      text: message.text.value,
      reasoning: message.reasoning.value,
      status: message.status.value,
      tool: message.tool.value,
      question: message.question.value
    }))
  };
}

function accountOf(steps: { what: string; text: string }[]): Account {
  const account = new Account();
  // A turn is in hand more often than not.
  account.take({ what: 'prompt', text: 'go' });
  steps.forEach(one => account.take(one));
  return account;
}

const steps = fc.array(step, { maxLength: 40 });
const places = fc.array(fc.nat(), { maxLength: 4 });

describe('a conversation that is followed', () => {
  it('is the one that is loaded anew, at each moment', () => {
    fc.assert(
      fc.property(steps, fc.nat(), (drawn, place) => {
        const account = accountOf(drawn);
        const followed = new Conversation();
        const from = place % account.details.length;
        followed.apply(account.snapshot(from));
        account.events.slice(from).forEach((event, i) => {
          followed.apply(event);
          const loaded = new Conversation();
          loaded.apply(account.snapshot(from + i + 1));
          expect(shown(followed)).toEqual(shown(loaded));
        });
      })
    );
  });

  it('ends the same wherever snapshots come between', () => {
    fc.assert(
      fc.property(steps, places, (drawn, at) => {
        const account = accountOf(drawn);
        const between = new Set(at.map(place => place % account.events.length));
        const plain = new Conversation();
        const other = new Conversation();
        [plain, other].forEach(one => one.apply(account.snapshot(0)));
        account.events.forEach((event, i) => {
          plain.apply(event);
          other.apply(event);
          if (between.has(i)) {
            other.apply(account.snapshot(i + 1));
          }
        });
        expect(shown(other)).toEqual(shown(plain));
      })
    );
  });

  it('ends the same when the stream begins again anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(steps, places, fc.nat(), async (drawn, at, begin) => {
        const account = accountOf(drawn);
        const { events } = account;
        const start = begin % account.details.length;
        const server = new FakeServer().on(
          'GET sessions/c1',
          () => account.details[start]
        );
        const client = new HermesClient(server.request);
        const conversation = new Conversation();
        try {
          let last = '';
          await client.follow('c1', event => {
            conversation.apply(event);
            last = event.id;
          });
          // Each time from an earlier place or a later one, up to the end.
          const from = [...at.map(place => place % (start + 1)), start];
          for (const place of from) {
            for (const { id, event, data } of events.slice(place)) {
              server.stream.send(id, event, data);
            }
          }
          const end = events.length === start ? last : events.at(-1)!.id;
          while (last !== end) {
            await new Promise(resolve => setTimeout(resolve));
          }
        } finally {
          client.dispose();
        }
        const loaded = new Conversation();
        loaded.apply(account.snapshot(events.length));
        expect(shown(conversation)).toEqual(shown(loaded));
      }),
      { numRuns: 30 }
    );
  });
});
