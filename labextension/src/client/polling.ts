import type { Detail, Question, Status, Summary } from './api';
import { isGone } from './calls';
import { Observable } from './observable';
import type { Server } from './server';

/** What a stream would have told, asked for at one moment. */
export interface Poll {
  /** By the id that the conversation was asked for with. */
  details: Record<string, Detail>;
  sessions: Summary[];
  questions: Question[];
  status: Status;
}

const BUSY_MS = 3_000;
const IDLE_MS = 10_000;
/** A round that takes longer has failed. */
const PATIENCE_MS = 15_000;
/** Rows of the list, as many as a panel shows. */
const ROWS = 50;

/** Asks now and then, one round at a time, where streams do not come through. */
export class Polling {
  /** Whether the last round was answered. */
  readonly works = new Observable(false);

  private rounds: AbortController | null = null;
  private isDue = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly server: Server,
    private readonly to: {
      wanted: () => Iterable<string>;
      deliver: (poll: Poll) => void;
      gone: (sessionId: string) => void;
    }
  ) {}

  /** Begins with a round at once. */
  start(): void {
    if (!this.rounds) {
      this.rounds = new AbortController();
      void this.run(this.rounds.signal);
    }
  }

  stop(): void {
    this.rounds?.abort();
    this.rounds = null;
    this.wake();
  }

  /** Asks now: something has been done that changes what there is to tell. */
  refresh(): void {
    this.isDue = true;
    this.wake();
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.isDue = false;
      const poll = await this.round(signal);
      if (signal.aborted) {
        return;
      }
      this.works.set(poll !== null);
      if (poll) {
        this.to.deliver(poll);
      }
      if (!this.isDue) {
        await this.pause(poll && isBusy(poll) ? BUSY_MS : IDLE_MS);
      }
    }
  }

  /** Resolves with null when something was not answered. */
  private async round(signal: AbortSignal): Promise<Poll | null> {
    const round = new AbortController();
    const end = (): void => round.abort();
    const timer = setTimeout(end, PATIENCE_MS);
    signal.addEventListener('abort', end);
    try {
      return await this.ask(round.signal);
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  }

  private async ask(signal: AbortSignal): Promise<Poll> {
    const details: Record<string, Detail> = {};
    const detail = async (id: string): Promise<void> => {
      try {
        details[id] = await this.server.session(id, signal);
      } catch (error) {
        if (!isGone(error)) {
          throw error;
        }
        this.to.gone(id);
      }
    };
    const [{ sessions }, { questions }, status] = await Promise.all([
      this.server.sessions({ limit: ROWS }, signal),
      this.server.questions(signal),
      this.server.status(signal),
      ...[...this.to.wanted()].map(detail)
    ]);
    return { details, sessions, questions, status };
  }

  private pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms * (0.75 + Math.random() / 2));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function isBusy({ details, sessions, questions }: Poll): boolean {
  const isWorking = ({ state }: Summary): boolean =>
    state === 'running' || state === 'waiting';
  return (
    questions.length > 0 ||
    sessions.some(isWorking) ||
    Object.values(details).some(isWorking)
  );
}
