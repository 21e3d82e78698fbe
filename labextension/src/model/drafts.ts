import type { AnswerValue } from '../client/api';
import type { ContextDraft } from './context';

export type DraftStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** An answer that was begun; `text` is what of it is in the person's words. */
export interface AnswerDraft {
  question: string;
  values: AnswerValue[];
  text: string;
}

/** A message of the person's that is being changed. */
export interface EditDraft {
  message: string;
  text: string;
}

/** What was typed in one conversation and is not sent. */
export interface Draft {
  prompt: string;
  answer: AnswerDraft | null;
  edit: EditDraft | null;
  context: ContextDraft | null;
}

/** Conversations whose drafts are kept: those of the others that were longest ago go. */
const MOST = 50;

/** Characters of a draft; a longer one is not kept. */
const LONGEST = 200_000;

const PREFIX = 'hermes-jupyter:draft';
const RECENT = 'hermes-jupyter:drafts';

const NOTHING: Draft = { prompt: '', answer: null, edit: null, context: null };

/** Keeps drafts by conversation, through a reload; that of a new one under ''. */
export class Drafts {
  /** `fresh` is what tells the new one of this panel from those of others. */
  constructor(
    private readonly storage: DraftStorage,
    private readonly fresh = 'new'
  ) {}

  get(id: string): Draft {
    return {
      ...NOTHING,
      ...(this.read(this.keyOf(id)) as Partial<Draft> | null)
    };
  }

  /** Changes a part of it, and leaves what other panels keep in the rest. */
  change(id: string, change: Partial<Draft>): void {
    const draft = { ...this.get(id), ...change };
    const text = JSON.stringify(draft);
    const isEmpty = Object.values(draft).every(part => !part);
    try {
      if (isEmpty || text.length > LONGEST) {
        this.storage.removeItem(this.keyOf(id));
      } else {
        this.storage.setItem(this.keyOf(id), text);
        this.touch(id);
      }
    } catch {
      // No room: it is in its field all the same, but not after a reload.
    }
  }

  private touch(id: string): void {
    const known = this.read(RECENT);
    const recent = Array.isArray(known) ? known.map(String) : [];
    if (recent.at(-1) === id) {
      return;
    }
    const order = [...recent.filter(other => other !== id), id];
    order
      .splice(0, order.length - MOST)
      .forEach(old => this.storage.removeItem(this.keyOf(old)));
    this.storage.setItem(RECENT, JSON.stringify(order));
  }

  private read(key: string): unknown {
    try {
      return JSON.parse(this.storage.getItem(key) ?? 'null') as unknown;
    } catch {
      return null;
    }
  }

  private keyOf(id: string): string {
    return `${PREFIX}:${id || this.fresh}`;
  }
}
