import type {
  Detail,
  Question,
  SessionsPage,
  SessionsQuery,
  Status
} from './api';
import { call, type Request } from './calls';

/** What the page that leads asks the server for, on behalf of all. */
export class Server {
  constructor(private readonly request: Request) {}

  /** The events of these conversations and of every page, after `cursor`. */
  events(
    sessionIds: Iterable<string>,
    cursor: string | null,
    signal: AbortSignal
  ): Promise<Response> {
    const query = new URLSearchParams();
    for (const id of sessionIds) {
      query.append('session_id', id);
    }
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (cursor !== null) {
      query.set('cursor', cursor);
      headers['Last-Event-ID'] = cursor;
    }
    return this.request(`events?${query}`, { headers, signal });
  }

  session(id: string, signal?: AbortSignal): Promise<Detail> {
    return this.get(`sessions/${encodeURIComponent(id)}`, signal);
  }

  sessions(query: SessionsQuery, signal?: AbortSignal): Promise<SessionsPage> {
    const given = Object.entries(query).filter(
      ([, value]) => value !== null && value !== '' && value !== false
    );
    const parameters = given.map(([name, value]) => [name, String(value)]);
    return this.get(`sessions?${new URLSearchParams(parameters)}`, signal);
  }

  questions(signal?: AbortSignal): Promise<{ questions: Question[] }> {
    return this.get('questions', signal);
  }

  status(signal?: AbortSignal): Promise<Status> {
    return this.get('status', signal);
  }

  private get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return call(this.request, 'GET', path, signal ? { signal } : {});
  }
}
