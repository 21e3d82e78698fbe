import type { Connection } from './connection';
import { isNewer } from './cursor';
import type { Poll } from './polling';
import type { Frame } from './sse';

/**
 * Changes with the messages. Pages of two builds, which an upgrade leaves
 * side by side, do not hear each other: each build has a stream of its own.
 */
const PROTOCOL = 1;

/** Servers of a hub share an origin, hence the base URL in the name. */
export function channelName(baseUrl: string): string {
  return `hermes-jupyter/${PROTOCOL}/${baseUrl}`;
}

/** What a page wants to be told. */
export interface Wish {
  sessions: readonly string[];
  /** The place up to which it has everything; null: it begins now. */
  cursor: string | null;
  isVisible: boolean;
}

/** A stream that is open, and the place it goes on from. */
export interface Opened {
  stream: string;
  sessions: readonly string[];
  /** Null: it begins with a snapshot of each conversation. */
  cursor: string | null;
}

export type ToLeader =
  | { kind: 'wish'; page: string; wish: Wish }
  | { kind: 'leave'; page: string }
  | { kind: 'retry' }
  | { kind: 'refresh' };

export type ToPages =
  /** There is a new leader, to be told all wishes. */
  | { kind: 'lead' }
  | { kind: 'opened'; opened: Opened }
  | { kind: 'frame'; stream: string; frame: Frame }
  | { kind: 'poll'; poll: Poll }
  | { kind: 'gone'; sessionId: string }
  | { kind: 'connection'; connection: Connection };

export type Message = ToLeader | ToPages;

/** Whether a page that joins this stream misses nothing it wishes for. */
export function covers(
  opened: Pick<Opened, 'sessions' | 'cursor'>,
  wish: Pick<Wish, 'sessions' | 'cursor'>
): boolean {
  const isLate =
    opened.cursor !== null &&
    wish.cursor !== null &&
    isNewer(opened.cursor, wish.cursor);
  return !isLate && wish.sessions.every(id => opened.sessions.includes(id));
}
