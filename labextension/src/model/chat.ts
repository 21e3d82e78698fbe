import { batch, computed, effect, signal, type Signal } from '@preact/signals';
import { ApiError, type Answer, type Question } from '../client/api';
import type { HermesClient } from '../client/client';
import { isInTouch } from '../client/connection';
import type { Observable } from '../client/observable';
import { Conversation, isUnfinished, type Outgoing } from './conversation';

/** Keeps what was typed and not sent. */
export type DraftStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

export interface ChatOptions {
  /** What others read of where an answer was given. */
  name: string;
  storage: DraftStorage;
  /** The notebook that a new conversation works beside. */
  place: () => { notebook?: string; cwd?: string };
  /** Where the text for a new conversation is kept; that of all, if not given. */
  draft?: string;
}

/** The chat a panel shows: one conversation, or the draft of one. */
export class ChatModel {
  readonly conversation = signal(new Conversation());
  readonly draft: Signal<string>;
  readonly error = signal<ApiError | null>(null);
  /** A question which somebody else had answered when we did. */
  readonly answeredElsewhere = signal<Question | null>(null);
  /** Whether the list of conversations is shown in place of this one. */
  readonly listing = signal(false);
  readonly id = computed(() => this.conversation.value.id.value);

  private readonly endRetrying: () => void;
  private unfollow: () => void = () => undefined;
  /** A prompt which failed, to be sent again under the same id. */
  private failed: Outgoing | null = null;
  private readonly preparing = new Map<Conversation, Promise<void>>();

  constructor(
    private readonly client: HermesClient,
    private readonly options: ChatOptions
  ) {
    this.draft = signal(this.storedDraft(''));
    this.endRetrying = client.connection.subscribe(connection => {
      const conversation = this.conversation.value;
      const isMissing = this.id.value !== '' && !conversation.loaded.value;
      if (isInTouch(connection) && isMissing) {
        void this.load(conversation);
      }
    });
  }

  dispose(): void {
    this.endRetrying();
    this.unfollow();
  }

  newChat(): void {
    this.show(new Conversation());
  }

  async open(id: string): Promise<void> {
    if (id === this.id.value) {
      this.listing.value = false;
      return;
    }
    const conversation = new Conversation();
    conversation.id.value = id;
    this.show(conversation);
    await this.load(conversation);
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
      this.listing.value = false;
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
        this.newChat();
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
    } else {
      end();
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
      const typedSince = this.draft.value;
      this.setDraft(typedSince ? `${text}\n\n${typedSince}` : text);
    } else {
      this.storeDraft(conversation.id.value, text);
    }
  }

  private storedDraft(id: string): string {
    return this.options.storage.getItem(this.draftKey(id)) ?? '';
  }

  private storeDraft(id: string, text: string): void {
    if (text) {
      this.options.storage.setItem(this.draftKey(id), text);
    } else {
      this.options.storage.removeItem(this.draftKey(id));
    }
  }

  private draftKey(id: string): string {
    return `hermes-jupyter:draft:${id || (this.options.draft ?? 'new')}`;
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

/** `crypto.randomUUID` is missing on plain http, this is not. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}
