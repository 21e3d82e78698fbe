import { signal, type ReadonlySignal } from '@preact/signals';
import type { HermesClient } from '../client/client';
import { Attachments } from './attachments';
import type { Conversation } from './conversation';

/** The files for the next prompt; each conversation has its own. */
export class Files {
  /** Those of the conversation that is shown. */
  readonly attachments;

  /** Those of conversations that were left, by their ids. */
  private readonly left = new Map<string, Attachments>();

  /** `ready` makes a conversation of what is a draft of one. */
  constructor(
    private readonly client: HermesClient,
    private readonly conversation: ReadonlySignal<Conversation>,
    private readonly ready: (conversation: Conversation) => Promise<void>
  ) {
    this.attachments = signal(this.take(conversation.value));
  }

  dispose(): void {
    this.attachments.value.dispose();
    this.left.forEach(attachments => attachments.dispose());
  }

  /** Keeps those of the conversation that is left. */
  leave(): void {
    const id = this.conversation.value.id.value;
    if (id && this.attachments.value.list.value.length > 0) {
      this.left.set(id, this.attachments.value);
    }
  }

  show(conversation: Conversation): void {
    this.attachments.value = this.take(conversation);
  }

  /** Those of a conversation, be it shown or left. */
  of(conversation: Conversation): Attachments {
    const id = conversation.id.value;
    const shown = this.conversation.value;
    if (shown === conversation || (id && id === shown.id.value)) {
      return this.attachments.value;
    }
    const attachments = this.left.get(id) ?? this.begin(conversation);
    this.left.set(id, attachments);
    return attachments;
  }

  private take(conversation: Conversation): Attachments {
    const id = conversation.id.value;
    const attachments = this.left.get(id) ?? this.begin(conversation);
    this.left.delete(id);
    return attachments;
  }

  private begin(conversation: Conversation): Attachments {
    const attachments: Attachments = new Attachments(this.client, async () => {
      await this.ready(conversation);
      const isLeft = this.attachments.value !== attachments;
      if (isLeft && attachments.list.value.length > 0) {
        // Maybe it was left before it had an id.
        this.left.set(conversation.id.value, attachments);
      }
      return conversation.id.value;
    });
    return attachments;
  }
}
