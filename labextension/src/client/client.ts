import type {
  Answer,
  AttachmentName,
  Command,
  Completion,
  Detail,
  EventName,
  ExportFormat,
  Found,
  HermesEvent,
  MessagesPage,
  ModelChange,
  Models,
  Prompt,
  Question,
  QuestionState,
  RowChange,
  SessionsPage,
  SessionsQuery,
  Status,
  Summary,
  TurnState
} from './api';
import { alone, type Browser } from './browser';
import {
  call,
  fetchFile,
  upload,
  type Request,
  type RequestOptions
} from './calls';
import type { Connection } from './connection';
import { isNewer } from './cursor';
import { NotebookCalls } from './notebooks';
import type { Observable } from './observable';
import { PageStream } from './page-stream';
import type { Poll } from './polling';
import { Server } from './server';
import type { Frame } from './sse';

export type { Request } from './calls';

export type EventListener = (event: HermesEvent) => void;

interface Follower {
  id: string;
  seen: string;
  listener: EventListener;
}

/** What a prompt, or one of its like, became. */
export interface Accepted {
  turn_id: string;
  state: TurnState;
}

const PAGE_EVENTS: ReadonlySet<EventName> = new Set<EventName>([
  'sessions',
  'question',
  'agent',
  'current',
  'notice',
  'notebook.request',
  'changes',
  // On the stream it says that there was a gap.
  'snapshot'
]);

/**
 * The server as a page sees it: typed calls, and one event stream for all
 * the conversations that the page follows, which it shares with the other
 * pages of its browser.
 */
export class HermesClient {
  readonly notebooks = new NotebookCalls((method, path, options) =>
    call(this.request, method, path, options)
  );
  private readonly followers = new Set<Follower>();
  private readonly listeners = new Set<EventListener>();
  private readonly server: Server;
  private readonly stream: PageStream;
  /** The questions that the listeners take for open. */
  private readonly toldOpen = new Map<string, Question>();

  constructor(
    private readonly request: Request,
    browser: Browser = alone
  ) {
    this.server = new Server(request);
    this.stream = new PageStream(browser, this.server, {
      frame: (frame, isRepeated) => this.dispatch(frame, isRepeated),
      poll: poll => this.takePoll(poll),
      gone: id => this.forget(id)
    });
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
    this.stream.want(this.followed(), detail.cursor);
    return () => {
      this.followers.delete(follower);
      this.stream.want(this.followed());
    };
  }

  status(): Promise<Status> {
    return this.server.status();
  }

  sessions(query: SessionsQuery, signal?: AbortSignal): Promise<SessionsPage> {
    return this.server.sessions(query, signal);
  }

  /** The newest messages in which all words of `text` are found. */
  search(
    text: string,
    limit: number,
    signal?: AbortSignal
  ): Promise<{ results: Found[] }> {
    const query = new URLSearchParams({ q: text, limit: String(limit) });
    const options = signal ? { signal } : {};
    return call(this.request, 'GET', `search?${query}`, options);
  }

  session(id: string): Promise<Detail> {
    return this.server.session(id);
  }

  createSession(place: { notebook?: string; cwd?: string }): Promise<Detail> {
    return this.call('POST', 'sessions', place);
  }

  /** The last `limit` messages before a place, which an answer has given. */
  messages(id: string, before: string, limit: number): Promise<MessagesPage> {
    const query = new URLSearchParams({ before, limit: String(limit) });
    return this.call('GET', `${pathOf(id)}/messages?${query}`);
  }

  changeSession(id: string, change: RowChange): Promise<Summary> {
    return this.call('PATCH', pathOf(id), change);
  }

  /** Deletes it for good. */
  deleteSession(id: string): Promise<unknown> {
    return this.call('DELETE', pathOf(id));
  }

  /** A new conversation that begins with all that was said in this one. */
  branch(id: string): Promise<Detail> {
    return this.call('POST', `${pathOf(id)}/branch`);
  }

  exportSession(id: string, format: ExportFormat): Promise<File> {
    return fetchFile(this.request, `${pathOf(id)}/export?format=${format}`);
  }

  /** Uploads a file for a prompt to name; it may be stored under another name. */
  attach(
    id: string,
    file: File,
    options: Pick<RequestOptions, 'signal' | 'onProgress'>
  ): Promise<AttachmentName> {
    const query = new URLSearchParams({ name: file.name });
    const path = `${pathOf(id)}/attachments?${query}`;
    return upload(this.request, path, file, options);
  }

  /** A file of a message, or one that was uploaded. */
  attachment(id: string, name: string): Promise<File> {
    return fetchFile(this.request, attachmentPath(id, name));
  }

  /** Deletes a file that was not sent. */
  takeBackAttachment(id: string, name: string): Promise<unknown> {
    return this.call('DELETE', attachmentPath(id, name));
  }

  /** Says it now or, while a turn is in hand, as `when_busy` says. */
  prompt(id: string, prompt: Prompt): Promise<Accepted> {
    const body = { when_busy: 'queue', ...prompt };
    return this.call('POST', `${pathOf(id)}/prompt`, body);
  }

  /** Makes room in the context, and keeps what belongs to `focus`. */
  compress(id: string, options: { focus?: string } = {}): Promise<Accepted> {
    return this.call('POST', `${pathOf(id)}/compress`, options);
  }

  /** Takes back the last prompt and all that followed. */
  undo(id: string): Promise<Accepted> {
    return this.call('POST', `${pathOf(id)}/undo`);
  }

  interrupt(id: string, turnId: string): Promise<unknown> {
    return this.call('POST', `${pathOf(id)}/interrupt`, { turn_id: turnId });
  }

  /** Takes back a prompt that still waits. */
  withdraw(id: string, turnId: string): Promise<Accepted> {
    const turn = encodeURIComponent(turnId);
    return this.call('DELETE', `${pathOf(id)}/turns/${turn}`);
  }

  /**
   * Allows all that the agent does in this conversation, or asks again.
   * `client` is what others are told that it was chosen in.
   */
  skipApprovals(
    id: string,
    on: boolean,
    client: string
  ): Promise<{ skip_approvals: boolean }> {
    return this.call('PUT', `${pathOf(id)}/skip-approvals`, { on, client });
  }

  /** What there is; of a conversation, or of a new one. */
  models(id: string): Promise<Models> {
    const query = id && `?${new URLSearchParams({ session_id: id })}`;
    return this.call('GET', `models${query}`);
  }

  /** Changes this conversation alone; the answer is what it has then. */
  switchModel(
    id: string,
    change: ModelChange
  ): Promise<Pick<Models, 'reasoning'> & { model: string; provider: string }> {
    return this.call('POST', `${pathOf(id)}/model`, change);
  }

  commands(): Promise<{ commands: Command[] }> {
    return this.call('GET', 'commands');
  }

  /** Runs a slash command; the answer says in which conversation to go on. */
  command(
    id: string,
    text: string,
    client: string
  ): Promise<{ session_id: string }> {
    return this.call('POST', `${pathOf(id)}/command`, { text, client });
  }

  /** How a text that names a file may go on, from `replace_from` on. */
  complete(
    id: string,
    text: string
  ): Promise<{ replace_from: number; completions: Completion[] }> {
    const of: Record<string, string> = id ? { session_id: id } : {};
    const query = new URLSearchParams({ text, ...of });
    return this.call('GET', `complete?${query}`);
  }

  async questions(): Promise<{ questions: Question[] }> {
    const answer = await this.server.questions();
    answer.questions.forEach(question => this.note(question));
    return answer;
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
    const options = body ? { body } : {};
    const answer = await call<T>(this.request, method, path, options);
    if (method !== 'GET') {
      this.stream.refresh();
    }
    return answer;
  }

  private followed(): string[] {
    return [...new Set([...this.followers].map(({ id }) => id))];
  }

  private dispatch(frame: Frame, isRepeated: boolean): void {
    const event = {
      event: frame.event,
      id: frame.id,
      data: JSON.parse(frame.data)
    } as HermesEvent;

    if (event.event === 'session' && event.data.was) {
      this.rename(event.data.was, event.data.session_id);
    }
    if (!isRepeated) {
      this.tellListeners(event);
    }
    for (const follower of this.followersOf(...conversationsOf(event))) {
      pass(event, follower);
    }
  }

  /** Tells what was asked for as the stream would have told it. */
  private takePoll({ details, sessions, questions, status }: Poll): void {
    for (const [id, detail] of Object.entries(details)) {
      this.rename(id, detail.id);
      const { cursor } = detail;
      for (const follower of this.followersOf(detail.id)) {
        if (isNewer(cursor, follower.seen)) {
          pass({ event: 'snapshot', id: cursor, data: detail }, follower);
        }
      }
    }
    // No place in the sequence: the stream will tell these again.
    const id = `${status.epoch}.0`;
    const open = new Set(questions.map(question => question.id));
    // How these ended is in the snapshots; the listeners count what is open.
    const closed = [...this.toldOpen.values()]
      .filter(question => !open.has(question.id))
      .map((question): Question => ({ ...question, state: 'cancelled' }));
    for (const question of [...questions, ...closed]) {
      const { session_id } = question;
      this.tellListeners({
        event: 'question',
        id,
        data: { session_id, question }
      });
    }
    this.tellListeners({ event: 'agent', id, data: status.agent });
    this.tellListeners({ event: 'sessions', id, data: { sessions } });
  }

  private tellListeners(event: HermesEvent): void {
    if (event.event === 'question') {
      this.note(event.data.question);
    }
    if (PAGE_EVENTS.has(event.event)) {
      this.listeners.forEach(listener => hand(event, listener));
    }
  }

  private note(question: Question): void {
    if (question.state === 'open' || question.state === 'interrupted') {
      this.toldOpen.set(question.id, question);
    } else {
      this.toldOpen.delete(question.id);
    }
  }

  private forget(sessionId: string): void {
    const gone = this.followersOf(sessionId);
    const data = { sessions: [], removed: [sessionId] };
    gone.forEach(follower => {
      this.followers.delete(follower);
      hand({ event: 'sessions', id: follower.seen, data }, follower.listener);
    });
    if (gone.length > 0) {
      this.stream.want(this.followed());
    }
  }

  private rename(was: string, id: string): void {
    const renamed = this.followersOf(was);
    if (was !== id && renamed.length > 0) {
      renamed.forEach(follower => (follower.id = id));
      this.stream.want(this.followed());
    }
  }

  private followersOf(...sessionIds: string[]): Follower[] {
    return [...this.followers].filter(({ id }) => sessionIds.includes(id));
  }
}

function pathOf(sessionId: string): string {
  return `sessions/${encodeURIComponent(sessionId)}`;
}

function attachmentPath(sessionId: string, name: string): string {
  return `${pathOf(sessionId)}/attachments/${encodeURIComponent(name)}`;
}

/** The conversations that an event tells of. */
function conversationsOf(event: HermesEvent): string[] {
  switch (event.event) {
    case 'snapshot':
      return [event.data.id];
    case 'sessions': {
      const { sessions, removed = [] } = event.data;
      return [...sessions.map(({ id }) => id), ...removed];
    }
    default: {
      const id = 'session_id' in event.data ? event.data.session_id : null;
      return id ? [id] : [];
    }
  }
}

/** Hands on what is new; a reopened stream repeats what others still lack. */
function pass(event: HermesEvent, follower: Follower): void {
  const isSnapshot = event.event === 'snapshot';
  const place = isSnapshot ? event.data.cursor : event.id;
  // A snapshot may tell anew what is, never what was.
  if (place === follower.seen ? isSnapshot : isNewer(place, follower.seen)) {
    follower.seen = place;
    hand(event, follower.listener);
  }
}

function hand(event: HermesEvent, listener: EventListener): void {
  try {
    listener(event);
  } catch (error) {
    // One listener's fault is not the others', nor the stream's.
    reportError(error);
  }
}
