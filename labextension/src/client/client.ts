import {
  ApiError,
  type Answer,
  type Detail,
  type EventName,
  type Failure,
  type HermesEvent,
  type Question,
  type QuestionState,
  type Status,
  type Summary,
  type TurnState
} from './api';
import { earlier, isNewer } from './cursor';
import type { Observable } from './observable';
import type { Frame } from './sse';
import { EventStream, type Connection } from './stream';

/** Sends a request to a path below the API; how is the host's business. */
export type Request = (path: string, init?: RequestInit) => Promise<Response>;

export type EventListener = (event: HermesEvent) => void;

interface Follower {
  id: string;
  seen: string;
  listener: EventListener;
}

const PAGE_EVENTS: ReadonlySet<EventName> = new Set<EventName>([
  'sessions',
  'question',
  'agent',
  'current',
  'notice',
  // On the stream it says that there was a gap.
  'snapshot'
]);

/**
 * The server as a page sees it: typed calls, and one event stream for all
 * the conversations that the page follows.
 */
export class HermesClient {
  private readonly followers = new Set<Follower>();
  private readonly listeners = new Set<EventListener>();
  private readonly stream: EventStream;
  /** The conversations that the open stream was asked for. */
  private streamed: ReadonlySet<string> = new Set();
  /** The last event handed to `listeners`. */
  private heard: string | null = null;

  constructor(private readonly request: Request) {
    this.stream = new EventStream(
      (cursor, signal) => this.openStream(cursor, signal),
      frame => this.dispatch(frame)
    );
  }

  get connection(): Observable<Connection> {
    return this.stream.connection;
  }

  retryNow(): void {
    this.stream.retryNow();
  }

  dispose(): void {
    this.stream.stop();
    this.followers.clear();
    this.listeners.clear();
  }

  /** Hears what belongs to the page and not to one conversation. */
  listen(listener: EventListener): () => void {
    this.listeners.add(listener);
    this.stream.start();
    return () => {
      this.listeners.delete(listener);
    };
  }

  /**
   * Delivers the conversation as it is, as a `snapshot`, and then each event
   * after that exactly once, until the returned end.
   */
  async follow(
    sessionId: string,
    listener: EventListener
  ): Promise<() => void> {
    const detail = await this.session(sessionId);
    const follower = { id: detail.id, seen: detail.cursor, listener };
    this.followers.add(follower);
    listener({ event: 'snapshot', id: detail.cursor, data: detail });
    this.readOn(detail);
    // The stream may carry it until it is next reopened: nobody listens.
    return () => {
      this.followers.delete(follower);
    };
  }

  status(): Promise<Status> {
    return this.call('GET', 'status');
  }

  sessions(limit = 50): Promise<{ sessions: Summary[] }> {
    return this.call('GET', `sessions?limit=${limit}`);
  }

  session(id: string): Promise<Detail> {
    return this.call('GET', `sessions/${encodeURIComponent(id)}`);
  }

  createSession(place: { notebook?: string; cwd?: string }): Promise<Detail> {
    return this.call('POST', 'sessions', place);
  }

  prompt(
    id: string,
    prompt: { text: string; client_id: string }
  ): Promise<{ turn_id: string; state: TurnState }> {
    const path = `sessions/${encodeURIComponent(id)}/prompt`;
    return this.call('POST', path, { ...prompt, when_busy: 'queue' });
  }

  interrupt(id: string, turnId: string): Promise<unknown> {
    const path = `sessions/${encodeURIComponent(id)}/interrupt`;
    return this.call('POST', path, { turn_id: turnId });
  }

  questions(): Promise<{ questions: Question[] }> {
    return this.call('GET', 'questions');
  }

  /** `client` is what others are told that it was answered in. */
  answer(
    questionId: string,
    answer: Answer,
    client: string
  ): Promise<{ state: QuestionState; turn_id?: string }> {
    const path = `questions/${encodeURIComponent(questionId)}/answer`;
    return this.call('POST', path, { ...answer, client });
  }

  dismiss(questionId: string, client: string): Promise<unknown> {
    const path = `questions/${encodeURIComponent(questionId)}/dismiss`;
    return this.call('POST', path, { client });
  }

  restartAgent(): Promise<unknown> {
    return this.call('POST', 'agent/restart');
  }

  /** The conversation that a kernel and its page speak of. */
  current(kernelId: string): Promise<{ session_id: string | null }> {
    return this.call(
      'GET',
      `current?kernel_id=${encodeURIComponent(kernelId)}`
    );
  }

  setCurrent(kernelIds: string[], sessionId: string | null): Promise<unknown> {
    const body = { kernel_ids: kernelIds, session_id: sessionId };
    return this.call('PUT', 'current', body);
  }

  private async call<T>(
    method: string,
    path: string,
    body?: object
  ): Promise<T> {
    const init: RequestInit = { method };
    if (method !== 'GET') {
      init.body = JSON.stringify(body ?? {});
    }
    const response = await this.reach(path, init);
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok) {
      throw refusal(response, answer);
    }
    return answer as T;
  }

  private async reach(path: string, init: RequestInit): Promise<Response> {
    try {
      return await this.request(path, init);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new ApiError({ code: 'unreachable', message }, 0);
    }
  }

  private async openStream(
    cursor: string | null,
    signal: AbortSignal
  ): Promise<Response> {
    this.streamed = new Set([...this.followers].map(({ id }) => id));
    const query = new URLSearchParams();
    this.streamed.forEach(id => query.append('session_id', id));
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (cursor !== null) {
      query.set('cursor', cursor);
      headers['Last-Event-ID'] = cursor;
    }
    const response = await this.request(`events?${query}`, { headers, signal });
    if (response.status === 404) {
      await this.forgetMissing();
    }
    return response;
  }

  /** One conversation that is gone must not keep the others from streaming. */
  private async forgetMissing(): Promise<void> {
    for (const follower of [...this.followers]) {
      await this.session(follower.id).catch((error: ApiError) => {
        if (error.status === 404) {
          this.followers.delete(follower);
        }
      });
    }
  }

  /** Sees to it that the stream carries all that follows this snapshot. */
  private readOn(detail: Detail): void {
    const { cursor } = this.stream;
    const ranAhead = cursor !== null && isNewer(cursor, detail.cursor);
    if (ranAhead || !this.streamed.has(detail.id)) {
      this.stream.reopenFrom(earlier(cursor, detail.cursor));
    }
    this.stream.start();
  }

  private dispatch(frame: Frame): void {
    const event = {
      event: frame.event,
      id: frame.id,
      data: JSON.parse(frame.data)
    } as HermesEvent;

    if (event.event === 'session' && event.data.was) {
      this.rename(event.data.was, event.data.session_id);
    }
    // A fresh stream begins with several events at the same place.
    const isRepeated = this.heard !== null && isNewer(this.heard, event.id);
    if (PAGE_EVENTS.has(event.event) && !isRepeated) {
      this.heard = event.id;
      this.listeners.forEach(listener => listener(event));
    }
    for (const follower of [...this.followers]) {
      if (follower.id === conversationOf(event)) {
        pass(event, follower);
      }
    }
  }

  private rename(was: string, id: string): void {
    for (const follower of this.followers) {
      if (follower.id === was) {
        follower.id = id;
      }
    }
  }
}

function conversationOf(event: HermesEvent): string | null {
  if (event.event === 'snapshot') {
    return event.data.id;
  }
  return 'session_id' in event.data ? (event.data.session_id ?? null) : null;
}

/** Hands on what is new; a reopened stream repeats what others still lack. */
function pass(event: HermesEvent, follower: Follower): void {
  if (event.event === 'snapshot') {
    follower.seen = event.data.cursor;
    follower.listener(event);
  } else if (isNewer(event.id, follower.seen)) {
    follower.seen = event.id;
    follower.listener(event);
  }
}

function refusal(response: Response, answer: unknown): ApiError {
  const { error } = (answer ?? {}) as { error?: Failure };
  const unknown = {
    code: `http-${response.status}`,
    message: `${response.status} ${response.statusText}`.trim()
  };
  return new ApiError(error ?? unknown, response.status);
}
