import type { Browser, Channel } from './browser';
import {
  covers,
  type Message,
  type Opened,
  type ToLeader,
  type ToPages,
  type Wish
} from './channel';
import { isSame, type Connection } from './connection';
import { earlier, isNewer } from './cursor';
import { LockElection, LonelyElection, type Election } from './election';
import { Leader } from './leader';
import { Observable } from './observable';
import type { Poll } from './polling';
import type { Server } from './server';
import type { Frame } from './sse';

/** The leader pings every five seconds while its stream is open. */
const SILENCE_MS = 20_000;
/** A page that starts up is busy for a while, and not frozen. */
const ANSWER_MS = 10_000;

export interface PageStreamListener {
  /** `isRepeated`: of use only for a conversation that is followed anew. */
  frame(frame: Frame, isRepeated: boolean): void;
  poll(poll: Poll): void;
  /** The conversation is there no more. */
  gone(sessionId: string): void;
}

/**
 * A page's part of the one stream that all pages of a browser share.
 *
 * It says what it wishes for and from which place on, and reads only streams
 * which have all of that: what a stream lacks comes with the next one, which
 * the leader opens from that place. So a page misses nothing, also between
 * two leaders; and by its place it knows what it has read already.
 */
export class PageStream {
  readonly connection = new Observable<Connection>({ state: 'connecting' });

  private readonly election: Election;
  private readonly channel: Channel | null = null;
  private readonly endWatching: () => void;
  private isStarted = false;
  /** Suspended: it is not there for the others, and takes no part. */
  private isAway = false;
  private isOver = false;
  private leader: Leader | null = null;
  private doubt: ReturnType<typeof setTimeout> | undefined;

  private sessions: readonly string[] = [];
  /** Up to here, this page has all that it wishes for. */
  private cursor: string | null = null;
  /** The furthest place it has ever been at. */
  private heard: string | null = null;
  private joined: { opened: Opened; heard: string | null } | null = null;
  /** What the leader last streamed, for whoever takes over. */
  private streamed: readonly string[] = [];

  constructor(
    private readonly browser: Browser,
    private readonly server: Server,
    private readonly listener: PageStreamListener
  ) {
    const { life, meeting } = browser;
    const lead = (): (() => void) => this.lead();
    if (meeting) {
      this.channel = meeting.openChannel(meeting.name);
      this.channel.addEventListener('message', ({ data }) =>
        this.hear(data as Message)
      );
      this.election = new LockElection(meeting.locks, meeting.name, {
        present: () => this.arrive(),
        lead
      });
    } else {
      this.election = new LonelyElection(lead, life);
    }
    this.endWatching = life.watch(change => {
      switch (change) {
        case 'suspended':
          return this.suspend();
        case 'resumed':
          return this.resume();
        case 'shown':
        case 'hidden':
          return this.tell();
      }
    });
  }

  start(): void {
    if (!this.isStarted && !this.isOver) {
      this.isStarted = true;
      if (!this.isAway) {
        this.election.stand();
      }
    }
  }

  stop(): void {
    this.suspend();
    this.isStarted = false;
    this.isOver = true;
    this.endWatching();
    this.channel?.close();
  }

  /**
   * Wishes for these conversations; for all that happened to them since
   * `snapshot`, if that is given.
   */
  want(sessions: readonly string[], snapshot?: string): void {
    this.sessions = sessions;
    if (snapshot !== undefined) {
      if (this.cursor !== null && isNewer(this.cursor, snapshot)) {
        this.joined = null;
      }
      if (this.cursor === null || !this.joined) {
        this.cursor = earlier(this.cursor ?? snapshot, snapshot);
      }
    }
    const carried = this.joined?.opened.sessions ?? [];
    if (!sessions.every(id => carried.includes(id))) {
      this.joined = null;
    }
    this.start();
    this.tell();
  }

  retryNow(): void {
    this.post({ kind: 'retry' });
  }

  /** Has polling, if it goes on, look for the effect of what was done here. */
  refresh(): void {
    if (this.connection.get().state === 'polling') {
      this.post({ kind: 'refresh' });
    }
  }

  private suspend(): void {
    this.joined = null;
    if (this.isStarted) {
      this.post({ kind: 'leave', page: this.election.page });
      this.election.withdraw();
    }
    this.isAway = true;
    clearTimeout(this.doubt);
  }

  private resume(): void {
    this.isAway = false;
    if (this.isStarted) {
      this.election.stand();
    }
  }

  private arrive(): void {
    this.tell();
    this.askAfter(ANSWER_MS);
  }

  private lead(): () => void {
    clearTimeout(this.doubt);
    const leader = new Leader({
      server: this.server,
      post: message => this.post(message),
      watch: (page, gone) => {
        if (page !== this.election.page) {
          this.election.watch(page, gone);
        }
      },
      connection: this.connection.get(),
      sessions: this.streamed
    });
    this.leader = leader;
    this.post({ kind: 'lead' });
    return () => {
      leader.stop();
      this.leader = null;
      this.askAfter(SILENCE_MS);
    };
  }

  private get wish(): Wish {
    const { sessions, cursor } = this;
    return { sessions, cursor, isVisible: this.browser.life.isVisible() };
  }

  /** Tells the leader, whoever that is. */
  private tell(): void {
    if (this.isStarted && !this.isAway) {
      const { page } = this.election;
      this.post({ kind: 'wish', page, wish: this.wish });
    }
  }

  private post(message: Message): void {
    if (this.isOver) {
      return;
    }
    this.channel?.postMessage(message);
    // A channel does not tell the page that speaks.
    this.hear(message);
  }

  private hear(message: Message): void {
    if (this.isAway) {
      return;
    }
    if (isToLeader(message)) {
      this.leader?.hear(message);
      return;
    }
    if (!this.leader) {
      this.askAfter(SILENCE_MS);
    }
    this.obey(message);
  }

  /** A page that the browser stopped in silence holds its lock, and is mute. */
  private askAfter(ms: number): void {
    clearTimeout(this.doubt);
    this.doubt = setTimeout(() => {
      this.tell();
      this.doubt = setTimeout(() => this.election.seize(), ANSWER_MS);
    }, ms);
  }

  private obey(message: ToPages): void {
    switch (message.kind) {
      case 'lead':
        return this.tell();
      case 'opened':
        return this.join(message.opened);
      case 'frame':
        return this.read(message.stream, message.frame);
      case 'poll':
        return this.listener.poll(message.poll);
      case 'gone':
        return this.listener.gone(message.sessionId);
      case 'connection':
        if (!isSame(message.connection, this.connection.get())) {
          this.connection.set(message.connection);
        }
    }
  }

  private join(opened: Opened): void {
    this.streamed = opened.sessions;
    if (this.joined?.opened.stream === opened.stream) {
      return;
    }
    if (covers(opened, this.wish)) {
      this.joined = { opened, heard: this.heard };
      this.cursor ??= opened.cursor;
    } else {
      this.joined = null;
      this.tell();
    }
  }

  private read(stream: string, frame: Frame): void {
    if (stream !== this.joined?.opened.stream) {
      // A page that woke up late may have led this one astray.
      if (frame.event === 'ping') {
        this.tell();
      }
      return;
    }
    const isRepeated = !isNewer(frame.id, this.joined.heard);
    this.cursor = frame.id;
    if (isNewer(frame.id, this.heard)) {
      this.heard = frame.id;
    }
    this.listener.frame(frame, isRepeated);
  }
}

function isToLeader(message: Message): message is ToLeader {
  switch (message.kind) {
    case 'wish':
    case 'leave':
    case 'retry':
    case 'refresh':
      return true;
    default:
      return false;
  }
}
