import {
  batch,
  computed,
  effect,
  signal,
  type ReadonlySignal
} from '@preact/signals';
import {
  ApiError,
  type Answer,
  type AttachmentName,
  type Found,
  type ModelChange,
  type Models,
  type Question,
  type Turn,
  type WhenBusy
} from '../client/api';
import { isGone } from '../client/calls';
import type { HermesClient } from '../client/client';
import { isInTouch } from '../client/connection';
import type { Observable } from '../client/observable';
import type { Attachments } from './attachments';
import { Completions } from './completions';
import type { ContextChip, ContextDraft, PromptContext } from './context';
import { Conversation, isUnfinished, type Outgoing } from './conversation';
import { Drafts, type DraftStorage } from './drafts';
import { Files } from './files';
import { History } from './history';
import type { MessageModel } from './message';
import { joined, Writing } from './writing';

export interface ChatOptions {
  /** What others read of where an answer was given. */
  name: string;
  storage: DraftStorage;
  /** The notebook that a new conversation works beside. */
  place: () => { notebook?: string; cwd?: string };
  /** Makes what of notebooks goes with prompts; without it, nothing does. */
  context?: (keep: (draft: ContextDraft | null) => void) => PromptContext;
  /** Where the text for a new conversation is kept; that of all, if not given. */
  draft?: string;
}

/** A prompt, and all that is needed to send it once more. */
type Sending = Outgoing & {
  replaces?: string;
  context: readonly ContextChip[];
};

/** The chat a panel shows: one conversation, or the draft of one. */
export class ChatModel {
  readonly conversation = signal(new Conversation());
  readonly writing: Writing;
  readonly draft: ReadonlySignal<string>;
  /** The files for the next prompt; each conversation has its own. */
  readonly attachments: ReadonlySignal<Attachments>;
  /** What of notebooks goes with the next prompt. */
  readonly context: PromptContext | null;
  readonly completions: Completions;
  readonly error = signal<ApiError | null>(null);
  /** A question which somebody else had answered when we did. */
  readonly answeredElsewhere = signal<Question | null>(null);
  /** Whether the list of conversations is shown in place of this one. */
  readonly listing = signal(false);
  readonly id = computed(() => this.conversation.value.id.value);
  /** Whether a person has the conversation before their eyes. */
  readonly isShown = signal(false);

  private readonly files: Files;
  private readonly history: History;
  private readonly ends: (() => void)[];
  private unfollow: () => void = () => undefined;
  /** A prompt which failed, to be sent again under the same id. */
  private failed: Sending | null = null;
  /** What went with prompts that wait, by their turns. */
  private readonly waiting = new Map<string, readonly ContextChip[]>();
  private readonly preparing = new Map<Conversation, Promise<void>>();

  constructor(
    private readonly client: HermesClient,
    private readonly options: ChatOptions
  ) {
    const drafts = new Drafts(options.storage, options.draft);
    this.context =
      options.context?.(context => drafts.change(this.id.value, { context })) ??
      null;
    this.writing = new Writing(drafts, this.conversation, this.context);
    this.draft = this.writing.draft;
    this.history = new History(client);
    this.completions = new Completions(
      client,
      () => this.id.value,
      this.context
    );
    this.files = new Files(client, this.conversation, conversation =>
      this.ready(conversation)
    );
    this.attachments = this.files.attachments;
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
    this.writing.dispose();
    this.completions.close();
    this.files.dispose();
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

  /** Opens a conversation at a message that was found in it. */
  async openAt(found: Found): Promise<void> {
    await this.open(found.session_id);
    const conversation = this.conversation.value;
    if (this.id.value === found.session_id && conversation.loaded.value) {
      await this.history.seek(found, conversation, () =>
        this.isCurrent(conversation)
      );
    }
  }

  /** Loads the messages before those that are loaded. */
  loadEarlier(): Promise<void> {
    return this.history.extend(this.conversation.value);
  }

  /** Leaves a conversation that is gone, with what was typed in it. */
  leave(): void {
    const typed = this.draft.value;
    this.setDraft('');
    this.newChat();
    this.writing.keep(typed);
  }

  setDraft(text: string): void {
    this.writing.setDraft(text);
  }

  /**
   * Sends the draft, byte for byte, with the files; what fails comes back.
   * What begins with a command that there is has it run instead.
   * While a turn is in hand, it waits for its end, goes into it, or ends it.
   */
  async send(
    text = this.draft.value,
    whenBusy: WhenBusy = 'queue'
  ): Promise<void> {
    const attachments = this.attachments.value;
    const isEmpty = text.trim() === '' && attachments.list.value.length === 0;
    if (isEmpty || attachments.obstacle.value || this.context?.obstacle.value) {
      return;
    }
    const context = this.context?.take();
    const prompt = this.promptOf(text, attachments.take(), context);
    if (text === this.draft.value) {
      this.setDraft('');
    }
    this.completions.close();
    await this.dispatch(prompt, whenBusy);
  }

  /** Sends what a command asks for; what is in the composer stays there. */
  async ask(text: string, context: readonly ContextChip[]): Promise<void> {
    await this.dispatch(this.promptOf(text, [], context), 'queue');
  }

  private async dispatch(prompt: Sending, whenBusy: WhenBusy): Promise<void> {
    const { text } = prompt;
    const conversation = this.conversation.value;
    batch(() => {
      this.error.value = null;
      this.answeredElsewhere.value = null;
      conversation.send(prompt);
    });
    try {
      if (await this.completions.isCommand(text)) {
        await this.command(conversation, prompt);
      } else {
        await this.say(conversation, prompt, whenBusy);
      }
    } catch (error) {
      conversation.withdraw(prompt.clientId);
      this.giveBack(prompt, conversation);
      this.fail(error, conversation);
    }
  }

  private async command(
    conversation: Conversation,
    { clientId, text, attachments, context }: Sending
  ): Promise<void> {
    await this.ready(conversation);
    const { session_id } = await this.client.command(
      conversation.id.value,
      text,
      this.options.name
    );
    conversation.withdraw(clientId);
    // A command takes no files, and no cells.
    this.files.of(conversation).giveBack(attachments);
    this.writing.giveBackContext(context, conversation);
    if (this.isCurrent(conversation) && session_id !== this.id.value) {
      await this.open(session_id);
    }
  }

  /** A file of a message of this conversation. */
  attachment(name: string): Promise<File> {
    return this.client.attachment(this.id.value, name);
  }

  /**
   * Says `text` instead of a message, which is taken back with all that
   * followed. Resolves once the server took it; else throws an `ApiError`.
   */
  async replace(message: MessageModel, text: string): Promise<void> {
    const conversation = this.conversation.value;
    this.error.value = null;
    await this.writing.submit(message.id, async () => {
      const files = message.attachments.value;
      const prompt = this.promptOf(text, files, [], message.id);
      await this.say(conversation, prompt);
      if (this.writing.edit.value?.message === message.id) {
        this.writing.setEdit(null);
      }
    });
  }

  /** Says the prompt of the turn that failed once more, in its own place. */
  async retry(): Promise<void> {
    const conversation = this.conversation.value;
    const prompt = conversation.retriable.value;
    if (prompt) {
      await this.replace(prompt, prompt.text.value);
    }
  }

  /** Takes the last prompt back, and all that followed. */
  async undo(): Promise<void> {
    const conversation = this.conversation.value;
    const prompt = conversation.lastPrompt.value;
    this.error.value = null;
    const { turn_id, state } = await this.client.undo(conversation.id.value);
    conversation.began({ turn_id, state, origin: 'user', action: 'undo' });
    if (prompt && this.draft.value === '' && this.isCurrent(conversation)) {
      this.compose({
        text: prompt.text.value,
        attachments: [...prompt.attachments.value]
      });
    }
  }

  /** Begins a prompt with what was said, or was to be. */
  compose({
    text,
    attachments = []
  }: Pick<Turn, 'text' | 'attachments'>): void {
    this.setDraft(text ?? '');
    this.attachments.value.giveBack(attachments);
  }

  /** Makes room in the context; `focus` says what is to be kept. */
  async compress(focus: string): Promise<void> {
    const conversation = this.conversation.value;
    this.error.value = null;
    const { turn_id, state } = await this.client.compress(
      conversation.id.value,
      focus.trim() ? { focus } : {}
    );
    conversation.began({ turn_id, state, origin: 'user', action: 'compress' });
  }

  /** What this conversation can think with, and what it does. */
  models(): Promise<Models> {
    return this.client.models(this.id.value);
  }

  /** Changes it for this conversation alone, which is made if need be. */
  async switchModel(
    change: ModelChange
  ): Promise<Pick<Models, 'model' | 'provider' | 'reasoning'>> {
    const conversation = this.conversation.value;
    this.error.value = null;
    await this.ready(conversation);
    const id = conversation.id.value;
    const chosen = await this.client.switchModel(id, change);
    conversation.model.value = chosen.model;
    return chosen;
  }

  /** Takes back a prompt that waits: it comes to the composer. */
  async withdraw({ turn_id, text, attachments = [] }: Turn): Promise<void> {
    const conversation = this.conversation.value;
    this.error.value = null;
    try {
      await this.client.withdraw(conversation.id.value, turn_id);
    } catch (error) {
      return this.fail(error, conversation);
    }
    conversation.dequeue(turn_id);
    this.files.of(conversation).giveBack(attachments);
    const context = this.waiting.get(turn_id) ?? [];
    this.writing.giveBackContext(context, conversation);
    this.waiting.delete(turn_id);
    if (this.isCurrent(conversation)) {
      this.writing.keep(text ?? '');
    } else {
      this.writing.store(text ?? '', conversation.id.value);
    }
  }

  /** Allows all that the agent does in this conversation, or asks again. */
  async skipApprovals(on: boolean): Promise<void> {
    const conversation = this.conversation.value;
    this.error.value = null;
    const { skip_approvals } = await this.client.skipApprovals(
      conversation.id.value,
      on,
      this.options.name
    );
    conversation.skipsApprovals.value = skip_approvals;
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
    await this.writing.submit(question.id, async () => {
      try {
        const settled = await act();
        this.writing.dropAnswer(question);
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
    });
  }

  private promptOf(
    text: string,
    attachments: readonly AttachmentName[],
    context: readonly ContextChip[] = [],
    replaces?: string
  ): Sending {
    const { failed } = this;
    const isSame =
      failed?.text === text &&
      failed.replaces === replaces &&
      String(namesOf(failed)) === String(namesOf({ attachments })) &&
      JSON.stringify(failed.context) === JSON.stringify(context);
    return isSame
      ? failed
      : { clientId: newId(), text, attachments, context, replaces };
  }

  private async say(
    conversation: Conversation,
    prompt: Sending,
    whenBusy: WhenBusy = 'queue'
  ): Promise<void> {
    const { clientId, text, replaces } = prompt;
    const names = namesOf(prompt);
    const context = this.context?.itemsWith(prompt.context) ?? [];
    try {
      await this.ready(conversation);
      const { turn_id, state } = await this.client.prompt(
        conversation.id.value,
        {
          text,
          client_id: clientId,
          when_busy: whenBusy,
          replaces,
          ...(names.length > 0 && { attachments: names }),
          ...(context.length > 0 && { context })
        }
      );
      this.failed = null;
      if (state === 'queued' && prompt.context.length > 0) {
        this.waiting.set(turn_id, prompt.context);
      }
      conversation.accepted(prompt, turn_id, state);
    } catch (error) {
      this.failed = prompt;
      throw error;
    }
  }

  private show(conversation: Conversation): void {
    this.files.leave();
    this.unfollow();
    this.unfollow = () => undefined;
    this.failed = null;
    this.completions.close();
    batch(() => {
      this.conversation.value = conversation;
      this.files.show(conversation);
      this.listing.value = false;
      this.writing.take(conversation.id.value);
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
      this.writing.moveTo(id);
    }
  }

  private isCurrent(conversation: Conversation): boolean {
    return this.conversation.value === conversation;
  }

  private fail(error: unknown, conversation: Conversation): void {
    if (this.isCurrent(conversation)) {
      this.error.value = ApiError.from(error);
    }
  }

  private giveBack(prompt: Sending, conversation: Conversation): void {
    const { text, attachments, context } = prompt;
    this.files.of(conversation).giveBack(attachments);
    this.writing.giveBackContext(context, conversation);
    if (this.isCurrent(conversation)) {
      this.setDraft(joined(text, this.draft.value));
    } else {
      this.writing.store(text, conversation.id.value);
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

function namesOf({ attachments }: Pick<Outgoing, 'attachments'>): string[] {
  return attachments.map(({ name }) => name);
}

/** `crypto.randomUUID` is missing on plain http, this is not. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}
