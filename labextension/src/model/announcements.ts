import { computed, type ReadonlySignal } from '@preact/signals';
import type { Question } from '../client/api';

export interface AnnouncementOptions {
  /** The unfinished questions of all conversations, oldest first. */
  questions: ReadonlySignal<readonly Question[]>;
  /** The conversations that can be seen in this page now. */
  inSight: ReadonlySignal<readonly string[]>;
  /** Whether this page is the one that the person was last at. */
  isFront: ReadonlySignal<boolean>;
  isWanted: ReadonlySignal<boolean>;
  /** Shared by the pages of a browser. */
  storage: Pick<Storage, 'getItem' | 'setItem'>;
}

const TOLD_KEY = 'hermes-jupyter:told';

/** The questions to tell of beside their conversations, in one page for all. */
export class Announcements {
  /** Those which nobody in front of this page can see. */
  readonly questions = computed((): readonly Question[] => {
    const { questions, inSight, isFront, isWanted } = this.options;
    if (!isFront.value || !isWanted.value) {
      return [];
    }
    return questions.value.filter(
      ({ session_id }) => !inSight.value.includes(session_id)
    );
  });

  constructor(private readonly options: AnnouncementOptions) {}

  /** Whether no page of this browser has told of the question; now one has. */
  tell({ id }: Question): boolean {
    const { questions, storage } = this.options;
    const told = JSON.parse(storage.getItem(TOLD_KEY) ?? '[]') as string[];
    const unfinished = new Set(questions.peek().map(question => question.id));
    const kept = told.filter(other => other !== id && unfinished.has(other));
    storage.setItem(TOLD_KEY, JSON.stringify([...kept, id]));
    return !told.includes(id);
  }
}
