import {
  effect,
  signal,
  untracked,
  type ReadonlySignal
} from '@preact/signals';
import type { AnswerValue, Question } from '../client/api';
import type { ContextChip, PromptContext } from './context';
import type { Conversation } from './conversation';
import type { AnswerDraft, Drafts, EditDraft } from './drafts';
import type { MessageModel } from './message';

/**
 * What a person writes in the conversation that is shown and has not sent:
 * a prompt and what of notebooks goes with it, an answer, a change of a
 * message. It is kept through a reload.
 */
export class Writing {
  readonly draft = signal('');
  /** The message that is being changed. */
  readonly edit = signal<EditDraft | null>(null);
  readonly dispose: () => void;

  private readonly answer = signal<AnswerDraft | null>(null);
  /** The questions and messages of which the draft is on its way. */
  private readonly submitting = new Set<string>();

  constructor(
    private readonly drafts: Drafts,
    private readonly conversation: ReadonlySignal<Conversation>,
    private readonly context: PromptContext | null
  ) {
    this.take('');
    this.dispose = effect(() => this.rescue());
  }

  private get id(): string {
    return this.conversation.value.id.value;
  }

  /** Goes on with what was written in a conversation before. */
  take(id: string): void {
    const { prompt, answer, edit, context } = this.drafts.get(id);
    this.context?.restore(context);
    this.draft.value = prompt;
    this.answer.value = answer;
    this.edit.value = edit;
  }

  /** The draft of a new conversation belongs to the one that it became. */
  moveTo(id: string): void {
    this.drafts.change('', { prompt: '', context: null });
    const context = this.context?.draft ?? null;
    this.drafts.change(id, { prompt: this.draft.value, context });
  }

  setDraft(text: string): void {
    this.draft.value = text;
    this.drafts.change(this.id, { prompt: text });
  }

  /** Puts a text below what is in the composer. */
  keep(text: string): void {
    this.setDraft(joined(this.draft.value, text));
  }

  /** Puts a text below the draft of a conversation that is not shown. */
  store(text: string, id: string): void {
    const { prompt } = this.drafts.get(id);
    this.drafts.change(id, { prompt: joined(prompt, text) });
  }

  /** Puts cells of notebooks back into a draft, be it shown or not. */
  giveBackContext(
    chips: readonly ContextChip[],
    conversation: Conversation
  ): void {
    const id = conversation.id.value;
    const shown = this.conversation.value;
    if (chips.length === 0) {
      return;
    }
    if (shown === conversation || (id && id === shown.id.value)) {
      this.context?.add(chips);
    } else {
      const { context } = this.drafts.get(id);
      const all = [...(context?.chips ?? []), ...chips];
      const isAlone = context?.isAlone ?? false;
      this.drafts.change(id, { context: { chips: all, isAlone } });
    }
  }

  /** Begins to change a message; what was typed for another one is kept. */
  startEdit({ id, text }: MessageModel): void {
    const before = this.edit.value;
    if (before && before.message !== id) {
      this.keep(before.text);
    }
    this.setEdit({ message: id, text: text.value });
  }

  setEdit(edit: EditDraft | null): void {
    this.edit.value = edit;
    this.drafts.change(this.id, { edit });
  }

  /** What was typed for a question before, by its parts. */
  answerTo(question: Question): AnswerValue[] | null {
    const draft = this.answer.peek();
    return draft?.question === question.id ? draft.values : null;
  }

  keepAnswer(question: Question, values: AnswerValue[]): void {
    const text = writtenIn(question, values);
    const isEmpty = values.every(value => value.length === 0);
    this.setAnswer(isEmpty ? null : { question: question.id, values, text });
  }

  /** It was answered: what was written for it is not needed any more. */
  dropAnswer(question: Question): void {
    if (this.answer.value?.question === question.id) {
      this.setAnswer(null);
    }
  }

  /** Holds the draft that belongs to `id` where it is until `act` is over. */
  async submit(id: string, act: () => Promise<void>): Promise<void> {
    this.submitting.add(id);
    try {
      await act();
    } finally {
      this.submitting.delete(id);
      this.rescue();
    }
  }

  /**
   * An answer that was begun to a question which is no more, and a change of
   * a message that is gone: their words go to the composer.
   */
  private rescue(): void {
    const { loaded, questions, messages } = this.conversation.value;
    if (!loaded.value) {
      return;
    }
    const open = questions.value;
    const entries = messages.value;
    untracked(() => {
      const answer = this.answer.value;
      if (
        answer &&
        !this.submitting.has(answer.question) &&
        !open.some(({ id }) => id === answer.question)
      ) {
        this.setAnswer(null);
        this.keep(answer.text);
      }
      const edit = this.edit.value;
      if (
        edit &&
        !this.submitting.has(edit.message) &&
        !entries.some(({ id }) => id === edit.message)
      ) {
        this.setEdit(null);
        this.keep(edit.text);
      }
    });
  }

  private setAnswer(answer: AnswerDraft | null): void {
    this.answer.value = answer;
    this.drafts.change(this.id, { answer });
  }
}

export function joined(above: string, below: string): string {
  return above && below ? `${above}\n\n${below}` : above || below;
}

/** What of an answer is in the person's own words, not a choice. */
function writtenIn({ questions }: Question, values: AnswerValue[]): string {
  return values
    .filter((value, i) => !questions[i]?.choices?.includes(String(value)))
    .filter(value => typeof value === 'string')
    .reduce(joined, '');
}
