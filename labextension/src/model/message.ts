import { signal } from '@preact/signals';
import type {
  Message,
  MessageStatus,
  NoticeLevel,
  Question,
  Tool
} from '../client/api';

/** What a compaction of the context left, in tokens. */
export interface Compaction {
  before: number | null;
  after: number | null;
}

/**
 * One entry of the transcript. Its parts are signals of their own, so that a
 * delta costs the same in a short conversation and in a long one.
 */
export class MessageModel {
  readonly id: string;
  readonly role: Message['role'];
  readonly turnId: string | null;
  readonly at: number | null;
  readonly text = signal('');
  readonly reasoning = signal('');
  readonly status = signal<MessageStatus>('complete');
  readonly tool = signal<Tool | null>(null);
  readonly progress = signal('');
  readonly question = signal<Question | null>(null);
  readonly level: NoticeLevel;
  readonly compaction: Compaction | null;

  constructor(
    message: Message,
    notice: { level?: NoticeLevel; compaction?: Compaction } = {}
  ) {
    this.id = message.id;
    this.role = message.role;
    this.turnId = message.turn_id ?? null;
    this.at = message.at ?? null;
    this.level = notice.level ?? 'info';
    this.compaction = notice.compaction ?? null;
    this.update(message);
  }

  /** Takes over the message as the server has it. */
  update(message: Message): void {
    this.text.value = message.text;
    this.reasoning.value = message.reasoning ?? '';
    this.status.value = message.status ?? 'complete';
    this.tool.value = message.tool ?? null;
    this.question.value = message.question ?? null;
  }

  append(text: string): void {
    this.status.value = 'streaming';
    this.text.value += text;
  }

  appendReasoning(text: string): void {
    this.status.value = 'streaming';
    this.reasoning.value += text;
  }

  complete(text: string, status: MessageStatus): void {
    this.text.value = text;
    this.status.value = status;
  }
}
