import { signal } from '@preact/signals';
import type {
  AttachmentName,
  Compaction,
  Message,
  MessageStatus,
  NoticeLevel,
  Question,
  Tool
} from '../client/api';
import type { ContextLabel } from '../client/notebooks';

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
  readonly attachments = signal<readonly AttachmentName[]>([]);
  readonly context = signal<readonly ContextLabel[]>([]);
  readonly level: NoticeLevel;
  readonly compaction = signal<Compaction | null>(null);
  /** Said into a turn that ran. */
  readonly steered: boolean;
  /** Seconds of reasoning, where this page has seen its begin and its end. */
  readonly thought = signal<number | null>(null);
  private thinkingSince: number | null = null;

  constructor(message: Message, level: NoticeLevel = 'info') {
    this.id = message.id;
    this.role = message.role;
    this.turnId = message.turn_id ?? null;
    this.at = message.at ?? null;
    this.level = level;
    this.steered = message.steered ?? false;
    this.update(message);
  }

  /** Takes over the message as the server has it. */
  update(message: Message): void {
    this.text.value = message.text;
    this.reasoning.value = message.reasoning ?? '';
    this.status.value = message.status ?? 'complete';
    this.tool.value = message.tool ?? null;
    this.question.value = message.question ?? null;
    this.attachments.value = message.attachments ?? [];
    this.context.value = message.context ?? [];
    this.compaction.value = message.compaction ?? null;
  }

  append(text: string): void {
    this.endThinking();
    this.status.value = 'streaming';
    this.text.value += text;
  }

  appendReasoning(text: string): void {
    if (this.reasoning.value === '') {
      this.thinkingSince = Date.now();
    }
    this.status.value = 'streaming';
    this.reasoning.value += text;
  }

  complete(text: string, status: MessageStatus): void {
    this.endThinking();
    this.text.value = text;
    this.status.value = status;
  }

  private endThinking(): void {
    if (this.thinkingSince !== null) {
      this.thought.value = (Date.now() - this.thinkingSince) / 1000;
      this.thinkingSince = null;
    }
  }
}
