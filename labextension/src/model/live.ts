import { computed, signal, type ReadonlySignal } from '@preact/signals';
import type { HermesEvent, Question, Summary } from '../client/api';
import type { HermesClient } from '../client/client';
import { isInTouch } from '../client/connection';
import { isBusy } from './conversation';

/** Of the newest conversations, so many are looked at. */
const MOST = 50;

/** The conversations in which the agent works now. */
export class LiveModel {
  readonly rows = computed((): readonly Summary[] => {
    const asking = this.questions.value
      .filter(({ state }) => state === 'open')
      .map(({ session_id }) => session_id);
    return this.candidates.value.filter(
      // A question can wait for an answer when its turn is long over.
      ({ id, state }) => state === 'running' || asking.includes(id)
    );
  });

  private readonly candidates = signal<readonly Summary[]>([]);
  private readonly ends: (() => void)[];

  constructor(
    private readonly client: HermesClient,
    private readonly questions: ReadonlySignal<readonly Question[]>
  ) {
    this.ends = [
      client.listen(event => this.apply(event)),
      client.connection.subscribe(connection => {
        if (isInTouch(connection)) {
          void this.refresh();
        }
      })
    ];
  }

  dispose(): void {
    this.ends.forEach(end => end());
  }

  /** Asks for what changed while no stream was open. */
  async refresh(): Promise<void> {
    try {
      // Newest activity comes first, so what is alive is among the first.
      const { sessions } = await this.client.sessions({ limit: MOST });
      this.candidates.value = sessions.filter(isAlive);
    } catch {
      // The next contact asks again.
    }
  }

  /** Stops the turn that runs in a conversation now. */
  async stop(id: string): Promise<void> {
    const { turn } = await this.client.session(id);
    if (turn && isBusy(turn)) {
      await this.client.interrupt(id, turn.turn_id);
    }
  }

  private apply(event: HermesEvent): void {
    if (event.event === 'snapshot') {
      void this.refresh();
    }
    if (event.event !== 'sessions') {
      return;
    }
    const { sessions, removed = [] } = event.data;
    const told = new Set([...removed, ...sessions.map(({ id }) => id)]);
    this.candidates.value = [
      ...this.candidates.value.filter(({ id }) => !told.has(id)),
      ...sessions.filter(isAlive)
    ];
  }
}

function isAlive({ state }: Summary): boolean {
  return state === 'running' || state === 'waiting';
}
