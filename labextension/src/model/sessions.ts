import { signal } from '@preact/signals';
import { ApiError, type HermesEvent, type Summary } from '../client/api';
import type { HermesClient } from '../client/client';
import { isInTouch } from '../client/connection';

function byActivity(a: Summary, b: Summary): number {
  return b.last_active - a.last_active;
}

/** The list of conversations, kept up to date once it was loaded. */
export class SessionsModel {
  readonly rows = signal<readonly Summary[] | null>(null);
  readonly error = signal<ApiError | null>(null);

  private readonly ends: (() => void)[];

  constructor(private readonly client: HermesClient) {
    this.ends = [
      client.listen(event => this.apply(event)),
      client.connection.subscribe(connection => {
        if (isInTouch(connection) && this.rows.value !== null) {
          void this.load();
        }
      })
    ];
  }

  dispose(): void {
    this.ends.forEach(end => end());
  }

  async load(): Promise<void> {
    try {
      const { sessions } = await this.client.sessions();
      this.rows.value = sessions;
      this.error.value = null;
    } catch (error) {
      this.error.value = ApiError.from(error);
    }
  }

  apply(event: HermesEvent): void {
    const rows = this.rows.value;
    if (event.event !== 'sessions' || rows === null) {
      return;
    }
    const { sessions, removed = [] } = event.data;
    const replaced = new Set([...removed, ...sessions.map(({ id }) => id)]);
    this.rows.value = [
      ...rows.filter(({ id }) => !replaced.has(id)),
      ...sessions.filter(({ archived }) => !archived)
    ].sort(byActivity);
  }
}
