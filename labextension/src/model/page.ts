import { computed, signal } from '@preact/signals';
import type { EventData, HermesEvent, Question, Status } from '../client/api';
import type { HermesClient } from '../client/client';
import { isInTouch } from '../client/connection';
import { byAge, isUnfinished } from './conversation';

/** What concerns the whole page: the agent, the line, all open questions. */
export class PageModel {
  readonly connection;
  readonly status = signal<Status | null>(null);
  /** The unfinished ones of all conversations, oldest first. */
  readonly questions = signal<readonly Question[]>([]);
  /** The last notice that belongs to no conversation. */
  readonly notice = signal<EventData['notice'] | null>(null);
  readonly agent = computed(() => this.status.value?.agent ?? null);
  /** Set for somebody who may only read here. */
  readonly guest = computed(() => {
    const status = this.status.value;
    return status?.can?.includes('execute') === false ? status : null;
  });

  /** What the administrator has set. */
  readonly policy = computed(() => this.status.value?.policy ?? {});
  readonly waiting = computed(() => this.questions.value.length);

  private readonly ends: (() => void)[];

  constructor(private readonly client: HermesClient) {
    this.connection = signal(client.connection.get());
    this.ends = [
      client.connection.subscribe(connection => {
        this.connection.value = connection;
        this.refreshIfInTouch();
      }),
      client.listen(event => this.apply(event))
    ];
    this.refreshIfInTouch();
  }

  dispose(): void {
    this.ends.forEach(end => end());
  }

  retryNow(): void {
    this.client.retryNow();
  }

  apply(event: HermesEvent): void {
    switch (event.event) {
      case 'agent':
        if (this.status.value) {
          this.status.value = { ...this.status.value, agent: event.data };
        }
        return;
      case 'question':
        return this.setQuestion(event.data.question);
      case 'snapshot':
        return this.refreshIfInTouch();
      case 'notice':
        if (!event.data.session_id) {
          this.notice.value = event.data;
        }
        return;
    }
  }

  private setQuestion(question: Question): void {
    const others = this.questions.value.filter(({ id }) => id !== question.id);
    this.questions.value = isUnfinished(question)
      ? [...others, question].sort(byAge)
      : others;
  }

  /** Asks for what changed while no stream was open. */
  private refreshIfInTouch(): void {
    if (!isInTouch(this.connection.value)) {
      return;
    }
    this.client.status().then(
      status => {
        this.status.value = status;
      },
      () => undefined
    );
    this.client.questions().then(
      ({ questions }) => {
        this.questions.value = questions;
      },
      () => undefined
    );
  }
}
