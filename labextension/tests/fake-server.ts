import type {
  Capability,
  Detail,
  Failure,
  Question,
  SessionsPage,
  Summary
} from '../src/client/api';
import type { Request } from '../src/client/client';

type Answer = (body: unknown) => unknown;

/** One event stream that a client has open. */
export class FakeStream {
  readonly cursor: string | null;
  readonly sessions: string[];
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly body: ReadableStream<Uint8Array>;
  isOpen = true;

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
        this.sendText('retry: 2000\n\n');
      }
    });
    signal?.addEventListener('abort', () => {
      this.isOpen = false;
      this.controller.error(signal.reason);
    });
  }

  send(id: string, event: string, data: object): void {
    this.sendText(
      `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
    );
  }

  end(): void {
    this.isOpen = false;
    this.controller.close();
  }

  private sendText(text: string): void {
    this.controller.enqueue(new TextEncoder().encode(text));
  }
}

/** Stands in for the server at the one seam there is: the request function. */
export class FakeServer {
  readonly streams: FakeStream[] = [];
  readonly calls: { call: string; body: unknown }[] = [];
  readonly answers = new Map<string, Answer>();
  streamStatus = 200;
  isUnreachable = false;
  /** Answers, and holds the body of streams back, as some proxies do. */
  isBuffered = false;

  get stream(): FakeStream {
    return this.streams.at(-1)!;
  }

  on(call: string, answer: Answer): this {
    this.answers.set(call, answer);
    return this;
  }

  /** Tells an upload how far it is. */
  progress: (part: number) => void = () => undefined;

  readonly request: Request = async (path, init = {}) => {
    this.progress = init.onProgress ?? this.progress;
    if (this.isUnreachable) {
      throw new TypeError('Failed to fetch');
    }
    if (path.startsWith('events')) {
      return this.openStream(path, init);
    }
    const call = `${init.method} ${path}`;
    const body =
      typeof init.body === 'string'
        ? JSON.parse(init.body)
        : (init.body ?? null);
    this.calls.push({ call, body });
    const answer = this.answers.get(call);
    if (!answer) {
      return refuse(404, { code: 'not-found', message: `no ${call}` });
    }
    const result = await answer(body);
    return result instanceof Response ? result : Response.json(result);
  };

  protected openStream(path: string, init: RequestInit): Response {
    if (this.streamStatus !== 200) {
      return new Response(null, { status: this.streamStatus });
    }
    if (this.isBuffered) {
      return new Response(new ReadableStream());
    }
    const stream = new FakeStream(path, new Headers(init.headers), init.signal);
    this.streams.push(stream);
    return new Response(stream.body);
  }
}

interface Entry {
  seq: number;
  event: string;
  data: { session_id?: string; sessions?: Summary[] };
  isEverywhere: boolean;
}

/** Numbers its events and replays them, as the real server does. */
export class JournalServer extends FakeServer {
  readonly counts = new Map<string, number>();
  private run = 1;
  private entries: Entry[] = [];
  private readonly pings = setInterval(() => this.ping(), 4_500);

  get cursor(): string {
    return `${this.epoch}.${this.entries.length}`;
  }

  /** In base 36, so that they sort as text. */
  private get epoch(): string {
    return `e${this.run.toString(36)}`;
  }

  get open(): FakeStream[] {
    return this.streams.filter(({ isOpen }) => isOpen);
  }

  add(...ids: string[]): void {
    for (const id of ids) {
      this.counts.set(id, 0);
      this.on(`GET sessions/${id}`, () => this.detail(id));
    }
    const sessions = () => ids.map(id => this.detail(id));
    this.on('GET sessions?limit=50', () => listed(sessions()));
    this.on('GET questions', () => ({ questions: [] }));
    this.on('GET status', () => ({ epoch: this.cursor, agent: {} }));
  }

  /** Each delta says which one of its conversation it is. */
  say(id: string): void {
    const count = (this.counts.get(id) ?? 0) + 1;
    this.counts.set(id, count);
    const data = { session_id: id, message_id: 'm', text: String(count) };
    this.publish('message.delta', data, false);
  }

  publish(event: string, data: Entry['data'], isEverywhere = true): void {
    const seq = this.entries.length + 1;
    const entry = { seq, event, data, isEverywhere };
    this.entries.push(entry);
    this.open.forEach(stream => this.tell(stream, entry));
  }

  /** Tells every page that the row of a conversation has changed. */
  publishRow(id: string): void {
    const data = { sessions: [this.detail(id)] };
    this.publish('sessions', data);
  }

  /** What was said is kept; its events are not. */
  restart(): void {
    this.run += 1;
    this.entries = [];
    this.open.forEach(stream => stream.end());
  }

  stop(): void {
    clearInterval(this.pings);
  }

  protected override openStream(path: string, init: RequestInit): Response {
    const response = super.openStream(path, init);
    if (!response.ok) {
      return response;
    }
    const { stream } = this;
    const [epoch, seq] = (stream.cursor ?? '').split('.');
    if (epoch === this.epoch && Number(seq) <= this.entries.length) {
      const missed = this.entries.filter(entry => entry.seq > Number(seq));
      missed.forEach(entry => this.tell(stream, entry));
    } else {
      stream.send(this.cursor, 'agent', { state: 'ready' });
      stream.sessions.forEach(id =>
        stream.send(this.cursor, 'snapshot', this.detail(id))
      );
    }
    return response;
  }

  private detail(id: string): Detail {
    const message_count = this.counts.get(id) ?? 0;
    return detail({ id, message_count, cursor: this.cursor });
  }

  private tell(stream: FakeStream, entry: Entry): void {
    const { seq, event, data, isEverywhere } = entry;
    if (isEverywhere || stream.sessions.includes(data.session_id ?? '')) {
      stream.send(`${this.epoch}.${seq}`, event, data);
    }
  }

  private ping(): void {
    this.open.forEach(stream => stream.send(this.cursor, 'ping', { t: 0 }));
  }
}

export function refuse(status: number, error: Failure): Response {
  return Response.json({ error }, { status });
}

const CAPABILITIES: readonly Capability[] = [
  ...(['prompt', 'interrupt', 'steer', 'undo', 'compress', 'answer'] as const),
  ...(['rename', 'archive', 'delete', 'branch', 'export'] as const)
];

/** A page of the list. */
export function listed(
  sessions: Summary[],
  changes: Partial<SessionsPage> = {}
): SessionsPage {
  const total = sessions.length;
  return { sessions, next_cursor: null, total, sources: [], ...changes };
}

export function detail(changes: Partial<Detail> = {}): Detail {
  return {
    id: 'c1',
    tip_id: 'c1',
    title: 'A conversation',
    preview: null,
    source: null,
    source_label: null,
    relation: 'root',
    parent_id: null,
    segment_count: 1,
    subagent_count: 0,
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
    skip_approvals: false,
    capabilities: [...CAPABILITIES],
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
