import { ApiError, type Found } from '../client/api';
import type { HermesClient } from '../client/client';
import type { Conversation } from './conversation';

/** Earlier messages that are loaded at a time. */
const EARLIER = 50;

/** How far back a message that was found is looked for. */
const SEEK = { pages: 10, messages: 200 };

/** The way back through conversations, page by page. */
export class History {
  private readonly extending = new Map<Conversation, Promise<void>>();

  constructor(private readonly client: HermesClient) {}

  /** Loads the messages before those that are loaded. */
  extend(conversation: Conversation, limit = EARLIER): Promise<void> {
    const extending =
      this.extending.get(conversation) ??
      this.ask(conversation, limit).finally(() =>
        this.extending.delete(conversation)
      );
    this.extending.set(conversation, extending);
    return extending;
  }

  /** Goes back to a message that was found, while `isShown`. */
  async seek(
    found: Found,
    conversation: Conversation,
    isShown: () => boolean
  ): Promise<void> {
    const { lit, isMissing, extendError } = conversation;
    lit.value = null;
    isMissing.value = false;
    for (let page = 0; page < SEEK.pages; page += 1) {
      const message = conversation.find(found);
      if (message) {
        lit.value = message.id;
        return;
      }
      if (!conversation.beginsAfter(found.at)) {
        break;
      }
      await this.extend(conversation, SEEK.messages);
      if (extendError.value || !isShown()) {
        return;
      }
    }
    isMissing.value = true;
  }

  private async ask(conversation: Conversation, limit: number): Promise<void> {
    const { id, earlier, isExtending, extendError } = conversation;
    const place = earlier.value;
    if (place === null) {
      return;
    }
    isExtending.value = true;
    extendError.value = null;
    try {
      const page = await this.client.messages(id.value, place, limit);
      conversation.prepend(place, page);
    } catch (error) {
      extendError.value = ApiError.from(error);
    } finally {
      isExtending.value = false;
    }
  }
}
