import {
  covers,
  type Opened,
  type ToLeader,
  type ToPages,
  type Wish
} from './channel';
import { isGone } from './calls';
import type { Connection } from './connection';
import { earlier } from './cursor';
import { Polling } from './polling';
import type { Server } from './server';
import { EventStream } from './stream';

/** Reopening costs more than carrying what nobody listens to for a while. */
const LINGER_MS = 30_000;

export interface LeaderOptions {
  server: Server;
  /** Tells all pages, this one too. */
  post: (message: ToPages) => void;
  /** Calls `gone` when that page is there no more. */
  watch: (page: string, gone: () => void) => void;
  /** How the pages stood with the server under the leader before. */
  connection: Connection;
  /** What they wished for then. */
  sessions: readonly string[];
}

/**
 * What the elected page does for all: it holds one stream with everything
 * that any page wishes for, from the oldest place that any of them is at.
 */
export class Leader {
  private readonly wishes = new Map<string, Wish>();
  /** Of the leader before, until the pages have told what they wish for. */
  private readonly inherited: Set<string>;
  private readonly stream: EventStream;
  private readonly polling: Polling;
  private readonly name = Math.random().toString(36).slice(2);
  private opened: Opened;
  private opens = 0;
  private isStarted = false;
  private isOver = false;
  private linger: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: LeaderOptions) {
    const { server, connection, sessions } = options;
    this.opened = { stream: '', sessions, cursor: null };
    this.inherited = new Set(sessions);
    this.stream = new EventStream(
      (cursor, signal) => this.open(cursor, signal),
      frame => this.post({ kind: 'frame', stream: this.opened.stream, frame }),
      // Between two leaders, an open stream is not told to be lost.
      connection.state === 'open' ? connection : { state: 'connecting' }
    );
    this.polling = new Polling(server, {
      wanted: () => this.wanted(),
      deliver: poll => this.post({ kind: 'poll', poll }),
      gone: id => this.drop(id)
    });
    this.stream.connection.subscribe(() => this.tellConnection());
    this.stream.isBarren.subscribe(() => {
      this.pollIfNeeded();
      this.tellConnection();
    });
    this.polling.works.subscribe(() => this.tellConnection());
  }

  /** Nothing is told from here on. */
  stop(): void {
    this.isOver = true;
    this.stream.stop();
    this.polling.stop();
    clearTimeout(this.linger);
  }

  hear(message: ToLeader): void {
    switch (message.kind) {
      case 'wish':
        return this.serve(message.page, message.wish);
      case 'leave':
        return this.forget(message.page);
      case 'retry':
        return this.stream.retryNow();
      case 'refresh':
        return this.polling.refresh();
    }
  }

  private get connection(): Connection {
    return this.stream.isBarren.get() && this.polling.works.get()
      ? { state: 'polling' }
      : this.stream.connection.get();
  }

  private serve(page: string, wish: Wish): void {
    if (!this.wishes.has(page)) {
      this.options.watch(page, () => this.forget(page));
    }
    this.wishes.set(page, wish);
    const { cursor } = this.stream;
    const { sessions, stream } = this.opened;
    if (!this.isStarted) {
      this.isStarted = true;
      this.stream.cursor = wish.cursor;
      this.stream.start();
    } else if (!covers({ sessions, cursor }, wish)) {
      this.reopenFrom(
        cursor && wish.cursor ? earlier(cursor, wish.cursor) : cursor
      );
    } else if (stream !== '') {
      this.post({ kind: 'opened', opened: { stream, sessions, cursor } });
    }
    this.pollIfNeeded();
    this.tellConnection();
    this.dropUnwanted();
  }

  private reopenFrom(cursor: string | null): void {
    // The open stream does not go on from there: nobody is to join it now.
    this.opened = { ...this.opened, stream: '' };
    this.stream.reopenFrom(cursor);
  }

  private forget(page: string): void {
    if (this.wishes.delete(page) && !this.isOver) {
      this.pollIfNeeded();
      this.dropUnwanted();
    }
  }

  private wanted(): Set<string> {
    const wishes = [...this.wishes.values()];
    return new Set(wishes.flatMap(({ sessions }) => sessions));
  }

  private async open(
    cursor: string | null,
    signal: AbortSignal
  ): Promise<Response> {
    const sessions = [...new Set([...this.wanted(), ...this.inherited])];
    // What comes now is of no open stream, until the server has answered.
    this.opened = { stream: '', sessions, cursor };
    const { server } = this.options;
    const response = await server.events(sessions, cursor, signal);
    if (response.status === 404) {
      await this.dropMissing(sessions);
    } else if (response.ok && !signal.aborted) {
      this.opens += 1;
      this.opened = { ...this.opened, stream: `${this.name}.${this.opens}` };
      this.post({ kind: 'opened', opened: this.opened });
    }
    return response;
  }

  /** One conversation that is gone must not keep the others from streaming. */
  private async dropMissing(sessions: readonly string[]): Promise<void> {
    for (const id of sessions) {
      try {
        await this.options.server.session(id);
      } catch (error) {
        if (isGone(error)) {
          this.drop(id);
        }
      }
    }
  }

  private drop(sessionId: string): void {
    this.inherited.delete(sessionId);
    const sessions = this.opened.sessions.filter(id => id !== sessionId);
    this.opened = { ...this.opened, sessions };
    for (const [page, wish] of this.wishes) {
      const sessions = wish.sessions.filter(id => id !== sessionId);
      this.wishes.set(page, { ...wish, sessions });
    }
    this.post({ kind: 'gone', sessionId });
  }

  /** The next stream is without them; in a while, there is a next one. */
  private dropUnwanted(): void {
    if (this.unwanted().length === 0 || this.linger !== undefined) {
      return;
    }
    this.linger = setTimeout(() => {
      this.linger = undefined;
      this.inherited.clear();
      if (this.unwanted().length > 0) {
        this.reopenFrom(this.stream.cursor);
      }
    }, LINGER_MS);
  }

  private unwanted(): string[] {
    const wanted = this.wanted();
    return this.opened.sessions.filter(id => !wanted.has(id));
  }

  /** Nobody polls for pages that nobody sees. */
  private pollIfNeeded(): void {
    const isBarren = this.stream.isBarren.get();
    const isSeen = [...this.wishes.values()].some(wish => wish.isVisible);
    if (isBarren && isSeen) {
      this.polling.start();
    } else {
      this.polling.stop();
    }
    if (!isBarren) {
      this.polling.works.set(false);
    }
  }

  private tellConnection(): void {
    this.post({ kind: 'connection', connection: this.connection });
  }

  private post(message: ToPages): void {
    if (!this.isOver) {
      this.options.post(message);
    }
  }
}
