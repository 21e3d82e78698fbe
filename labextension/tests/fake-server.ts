import type { Detail, Failure, Question } from '../src/client/api';
import type { Request } from '../src/client/client';

type Answer = (body: unknown) => unknown;

/** One event stream that a client has open. */
export class FakeStream {
  readonly cursor: string | null;
  readonly sessions: string[];
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly body: ReadableStream<Uint8Array>;

  constructor(
    path: string,
    readonly headers: Headers,
    readonly signal: AbortSignal | null | undefined
  ) {
    const query = new URL(path, 'http://jupyter/').searchParams;
    this.cursor = query.get('cursor');
    this.sessions = query.getAll('session_id');
    this.body = new ReadableStream({
      start: controller => {
        this.controller = controller;
      }
    });
    signal?.addEventListener('abort', () => {
      this.controller.error(signal.reason);
    });
  }

  send(id: string, event: string, data: object): void {
    const frame = `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    this.controller.enqueue(new TextEncoder().encode(frame));
  }

  end(): void {
    this.controller.close();
  }
}

/** Stands in for the server at the one seam there is: the request function. */
export class FakeServer {
  readonly streams: FakeStream[] = [];
  readonly calls: { call: string; body: unknown }[] = [];
  readonly answers = new Map<string, Answer>();
  streamStatus = 200;

  get stream(): FakeStream {
    return this.streams.at(-1)!;
  }

  on(call: string, answer: Answer): this {
    this.answers.set(call, answer);
    return this;
  }

  readonly request: Request = async (path, init = {}) => {
    if (path.startsWith('events')) {
      return this.openStream(path, init);
    }
    const call = `${init.method} ${path}`;
    const body = init.body ? JSON.parse(String(init.body)) : null;
    this.calls.push({ call, body });
    const answer = this.answers.get(call);
    if (!answer) {
      return refuse(404, { code: 'not-found', message: `no ${call}` });
    }
    const result = await answer(body);
    return result instanceof Response ? result : Response.json(result);
  };

  private openStream(path: string, init: RequestInit): Response {
    if (this.streamStatus !== 200) {
      return new Response(null, { status: this.streamStatus });
    }
    const stream = new FakeStream(path, new Headers(init.headers), init.signal);
    this.streams.push(stream);
    return new Response(stream.body);
  }
}

export function refuse(status: number, error: Failure): Response {
  return Response.json({ error }, { status });
}

export function detail(changes: Partial<Detail> = {}): Detail {
  return {
    id: 'c1',
    tip_id: 'c1',
    title: 'A conversation',
    preview: null,
    source: null,
    source_label: null,
    message_count: 0,
    created_at: 0,
    last_active: 0,
    model: null,
    cwd: '/home/ada/notes',
    state: 'idle',
    attention: { clarify: 0, approval: 0 },
    pinned: false,
    unread: false,
    archived: false,
    context: null,
    questions: [],
    turn: null,
    queued: [],
    messages: [],
    cursor: 'e1.10',
    ...changes
  };
}

export function question(changes: Partial<Question> = {}): Question {
  return {
    id: 'q1',
    session_id: 'c1',
    turn_id: 't1',
    kind: 'clarify',
    questions: [
      {
        text: 'Which format?',
        choices: ['csv', 'parquet'],
        multi_select: false
      }
    ],
    asked_at: 1,
    deadline: null,
    state: 'open',
    ...changes
  };
}

export class MemoryStorage {
  private readonly items = new Map<string, string>();

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }

  removeItem(key: string): void {
    this.items.delete(key);
  }
}
