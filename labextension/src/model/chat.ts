import { batch, computed, effect, signal, type Signal } from '@preact/signals';
import {
  ApiError,
  type Answer,
  type Found,
  type Question
} from '../client/api';
import { isGone } from '../client/calls';
import type { HermesClient } from '../client/client';
import { isInTouch } from '../client/connection';
import type { Observable } from '../client/observable';
import { Conversation, isUnfinished, type Outgoing } from './conversation';

/** Keeps what was typed and not sent. */
export type DraftStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Earlier messages that are loaded at a time. */
const EARLIER = 50;

/** How far back a message that was found is looked for. */
const SEEK = { pages: 10, messages: 200 };

export interface ChatOptions {
  /** What others read of where an answer was given. */
  name: string;
  storage: DraftStorage;
  /** The notebook that a new conversation works beside. */
  place: () => { notebook?: string };
}

/** The chat a panel shows: one conversation, or the draft of one. */
export class ChatModel {
  readonly conversation = signal(new Conversation());
  readonly draft: Signal<string>;
  readonly error = signal<ApiError | null>(null);
  /** A question which somebody else had answered when we did. */
  readonly answeredElsewhere = signal<Question | null>(null);
  readonly id = computed(() => this.conversation.value.id.value);
  /** Whether a person has the conversation before their eyes. */
  readonly isShown = signal(false);

  private readonly ends: (() => void)[];
  private unfollow: () => void = () => undefined;
  /** A prompt which failed, to be sent again under the same id. */
  private failed: Outgoing | null = null;
  private readonly preparing = new Map<Conversation, Promise<void>>();
  private readonly extending = new Map<Conversation, Promise<void>>();

  constructor(
    private readonly client: HermesClient,
    private readonly options: ChatOptions
  ) {
    this.draft = signal(this.storedDraft(''));
    this.ends = [
      client.connection.subscribe(connection => {
        const conversation = this.conversation.value;
        const isMissing = this.id.value !== '' && !conversation.loaded.value;
        if (isInTouch(connection) && isMissing) {
          void this.load(conversation);
        }
      }),
      effect(() => this.markRead())
    ];
  }

  dispose(): void {
    this.ends.forEach(end => end());
    this.unfollow();
  }

  newChat(): void {
    this.show(new Conversation());
  }

  async open(id: string): Promise<void> {
    if (id === this.id.value) {
      return;
    }
    const conversation = new Conversation();
    conversation.id.value = id;
    this.show(conversation);
    await this.load(conversation);
  }

  /** Opens a conversation at a message that was found in it. */
  async openAt(found: Found): Promise<void> {
    await this.open(found.session_id);
    const conversation = this.conversation.value;
    if (this.id.value === found.session_id && conversation.loaded.value) {
      await this.seek(found, conversation);
    }
  }

  private async seek(found: Found, conversation: Conversation): Promise<void> {
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
      if (extendError.value || this.conversation.value !== conversation) {
        return;
      }
    }
    isMissing.value = true;
  }

  /** Loads the messages before those that are loaded. */
  loadEarlier(): Promise<void> {
    return this.extend(this.conversation.value, EARLIER);
  }

  /** Leaves a conversation that is gone, with what was typed in it. */
  leave(): void {
    const typed = this.draft.value;
    this.setDraft('');
    this.newChat();
    this.setDraft(joined(this.draft.value, typed));
  }

  setDraft(text: string): void {
    this.draft.value = text;
    this.storeDraft(this.id.value, text);
  }

  /** Sends the draft, byte for byte; what fails comes back into it. */
  async send(text = this.draft.value): Promise<void> {
    if (text.trim() === '') {
      return;
    }
    const conversation = this.conversation.value;
    const prompt =
      this.failed?.text === text ? this.failed : { clientId: newId(), text };
    batch(() => {
      this.error.value = null;
      this.answeredElsewhere.value = null;
      if (text === this.draft.value) {
        this.setDraft('');
      }
      conversation.send(prompt);
    });
    try {
      await this.ready(conversation);
      const { turn_id, state } = await this.client.prompt(
        conversation.id.value,
        { text, client_id: prompt.clientId }
      );
      this.failed = null;
      conversation.accepted(prompt, turn_id, state);
    } catch (error) {
      this.failed = prompt;
      conversation.withdraw(prompt.clientId);
      this.giveBack(text, conversation);
      this.fail(error, conversation);
    }
  }

  /** Stops the turn that is seen to run, and no later one. */
  async stop(): Promise<void> {
    const conversation = this.conversation.value;
    const turn = conversation.running.value;
    if (!turn) {
      return;
    }
    try {
      await this.client.interrupt(conversation.id.value, turn.turn_id);
    } catch (error) {
      // A conflict says that the turn is over: that was the wish.
      if (ApiError.from(error).status !== 409) {
        this.fail(error, conversation);
      }
    }
  }

  /** Resolves once the server took the answer; else throws an `ApiError`. */
  async answer(question: Question, answer: Answer): Promise<void> {
    await this.settle(question, async () => {
      const { state } = await this.client.answer(
        question.id,
        answer,
        this.options.name
      );
      return { ...question, ...said(answer), state };
    });
  }

  async dismiss(question: Question): Promise<void> {
    await this.settle(question, async () => {
      await this.client.dismiss(question.id, this.options.name);
      return { ...question, state: 'dismissed' };
    });
  }

  private async settle(
    question: Question,
    act: () => Promise<Question>
  ): Promise<void> {
    const conversation = this.conversation.value;
    this.answeredElsewhere.value = null;
    try {
      const settled = await act();
      // The stream tells more, and may have been faster.
      if (conversation.questions.value.includes(question)) {
        conversation.setQuestion(settled);
      }
    } catch (thrown) {
      const error = ApiError.from(thrown);
      if (!error.question || isUnfinished(error.question)) {
        throw error;
      }
      conversation.setQuestion(error.question);
      this.answeredElsewhere.value = error.question;
    }
  }

  private show(conversation: Conversation): void {
    this.unfollow();
    this.unfollow = () => undefined;
    this.failed = null;
    batch(() => {
      this.conversation.value = conversation;
      this.draft.value = this.storedDraft(conversation.id.value);
      this.error.value = null;
      this.answeredElsewhere.value = null;
    });
  }

  private async load(conversation: Conversation): Promise<void> {
    this.error.value = null;
    try {
      await this.ready(conversation);
    } catch (error) {
      const isShown = this.conversation.value === conversation;
      if (isShown && ApiError.from(error).status === 404) {
        this.leave();
        this.fail(error, this.conversation.value);
      } else {
        this.fail(error, conversation);
      }
    }
  }

  /** Resolves when the conversation exists and is followed. */
  private ready(conversation: Conversation): Promise<void> {
    if (conversation.loaded.value) {
      return Promise.resolve();
    }
    const ready =
      this.preparing.get(conversation) ??
      this.prepare(conversation).finally(() =>
        this.preparing.delete(conversation)
      );
    this.preparing.set(conversation, ready);
    return ready;
  }

  private async prepare(conversation: Conversation): Promise<void> {
    if (conversation.id.value === '') {
      await this.create(conversation);
    }
    const end = await this.client.follow(conversation.id.value, event =>
      conversation.apply(event)
    );
    if (this.conversation.value === conversation) {
      this.unfollow = end;
      void this.nameParent(conversation);
    } else {
      end();
    }
  }

  private async nameParent(conversation: Conversation): Promise<void> {
    const { parentId, parentName } = conversation;
    if (parentId.value === '') {
      return;
    }
    try {
      const { title, preview } = await this.client.session(parentId.value);
      parentName.value = title || preview || '';
    } catch (error) {
      if (isGone(error)) {
        parentId.value = '';
      }
    }
  }

  private extend(conversation: Conversation, limit: number): Promise<void> {
    const extending =
      this.extending.get(conversation) ??
      this.askEarlier(conversation, limit).finally(() =>
        this.extending.delete(conversation)
      );
    this.extending.set(conversation, extending);
    return extending;
  }

  private async askEarlier(
    conversation: Conversation,
    limit: number
  ): Promise<void> {
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

  /** Takes note that all of the conversation has been seen. */
  private markRead(): void {
    const { id, unread, running } = this.conversation.value;
    if (this.isShown.value && unread.value && running.value === null) {
      unread.value = false;
      // Not taken, it is unread still, and so it is told again.
      this.client
        .changeSession(id.peek(), { read: true })
        .catch(() => undefined);
    }
  }

  /** Makes a conversation of a draft: at its first prompt, not before. */
  private async create(conversation: Conversation): Promise<void> {
    const { id } = await this.client.createSession(this.options.place());
    conversation.id.value = id;
    if (this.conversation.value === conversation) {
      // What was typed meanwhile belongs to the new conversation.
      this.storeDraft('', '');
      this.storeDraft(id, this.draft.value);
    }
  }

  private fail(error: unknown, conversation: Conversation): void {
    if (this.conversation.value === conversation) {
      this.error.value = ApiError.from(error);
    }
  }

  private giveBack(text: string, conversation: Conversation): void {
    if (this.conversation.value === conversation) {
      this.setDraft(joined(text, this.draft.value));
    } else {
      this.storeDraft(conversation.id.value, text);
    }
  }

  private storedDraft(id: string): string {
    return this.options.storage.getItem(draftKey(id)) ?? '';
  }

  private storeDraft(id: string, text: string): void {
    if (text) {
      this.options.storage.setItem(draftKey(id), text);
    } else {
      this.options.storage.removeItem(draftKey(id));
    }
  }
}

/** Keeps a chat and the page on the same conversation, both ways. */
export function followCurrent(
  chat: ChatModel,
  current: Observable<string>
): () => void {
  const show = (id: string): void => {
    if (id === '') {
      if (chat.id.value !== '') {
        chat.newChat();
      }
    } else {
      void chat.open(id);
    }
  };
  show(current.get());
  const ends = [
    effect(() => current.set(chat.id.value)),
    current.subscribe(show)
  ];
  return () => ends.forEach(end => end());
}

function said(answer: Answer): Partial<Question> {
  if ('answer' in answer) {
    return { answer: answer.answer };
  }
  if ('answers' in answer) {
    return { answer: answer.answers };
  }
  // A password or secret is not kept, not even here.
  return 'choice' in answer ? { answer: answer.choice } : {};
}

/** Two texts that were typed, of which neither may be lost. */
function joined(first: string, second: string): string {
  return [first, second].filter(Boolean).join('\n\n');
}

function draftKey(id: string): string {
  return `hermes-jupyter:draft:${id || 'new'}`;
}

/** `crypto.randomUUID` is missing on plain http, this is not. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}
