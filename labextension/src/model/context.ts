import { batch, computed, signal, type ReadonlySignal } from '@preact/signals';
import type { Completion } from '../client/api';
import type { ContextItem } from '../client/notebooks';

/** A cell, or a part of one, that goes with the next prompt as it was. */
export type ContextChip = Exclude<ContextItem, { kind: 'notebook' }> & {
  label: string;
};

/** A completion; `take` does what it brings beside its text. */
export interface Option extends Completion {
  take?: () => void;
}

/** The notebook beside the panel. */
export interface NotebookName {
  path: string;
  name: string;
}

/** What the context asks of the notebook that a person works in. */
export interface NotebookBeside {
  /** Null while none is open. */
  readonly notebook: ReadonlySignal<NotebookName | null>;
  /** Cells whose number begins so; without one, those about the active cell. */
  cells(number: string): readonly ContextChip[];
}

/** What of it is kept with the draft of a prompt. */
export interface ContextDraft {
  chips: readonly ContextChip[];
  /** The notebook is not told of in this conversation. */
  isAlone: boolean;
}

/** What the server takes with one prompt: characters, and items. */
const MOST_TEXT = 20_000;
const MOST_CHIPS = 19;

/** A cell that is being named after an `@`, by its number. */
const MENTION = /(?<![\w/])@(?:c|ce|cel|cell ?(\d*))?$/i;

/** What goes with the next prompt of the conversation beside its words. */
export class PromptContext {
  readonly chips = signal<readonly ContextChip[]>([]);
  readonly isAlone = signal(false);
  /** The one that it can be told of. */
  readonly offered: ReadonlySignal<NotebookName | null>;
  /** The notebook that the agent is told of. */
  readonly notebook = computed(() =>
    this.isAlone.value ? null : this.offered.value
  );
  /** Why it cannot go. */
  readonly obstacle = computed((): 'too-long' | 'too-many' | null => {
    if (this.chips.value.length > MOST_CHIPS) {
      return 'too-many';
    }
    return this.size.value > MOST_TEXT ? 'too-long' : null;
  });
  readonly size = computed(() =>
    this.chips.value.reduce((sum, chip) => sum + textOf(chip).length, 0)
  );
  readonly most = MOST_TEXT;

  /** `keep` keeps it with the draft. */
  constructor(
    private readonly beside: NotebookBeside,
    private readonly keep: (draft: ContextDraft | null) => void
  ) {
    this.offered = beside.notebook;
  }

  add(chips: readonly ContextChip[]): void {
    const isNew = (chip: ContextChip): boolean =>
      !chips.some(added => isSame(added, chip));
    // The newest of a cell is what is meant.
    this.set([...this.chips.value.filter(isNew), ...chips]);
  }

  remove(chip: ContextChip): void {
    this.set(this.chips.value.filter(other => other !== chip));
  }

  /** Tells the agent of the notebook in this conversation, or not. */
  setAlone(isAlone: boolean): void {
    this.isAlone.value = isAlone;
    this.keepAll();
  }

  /** Takes what was added, for a prompt. */
  take(): readonly ContextChip[] {
    const taken = this.chips.value;
    this.set([]);
    return taken;
  }

  /** All that is sent with these. */
  itemsWith(chips: readonly ContextChip[]): ContextItem[] {
    const notebook = this.notebook.value;
    const items = chips.map(({ label: _, ...item }): ContextItem => item);
    return notebook
      ? [{ kind: 'notebook', path: notebook.path }, ...items]
      : items;
  }

  /** Shows what was kept of another draft. */
  restore(draft: ContextDraft | null): void {
    batch(() => {
      this.chips.value = draft?.chips ?? [];
      this.isAlone.value = draft?.isAlone ?? false;
    });
  }

  get draft(): ContextDraft | null {
    const [chips, isAlone] = [this.chips.value, this.isAlone.value];
    return chips.length > 0 || isAlone ? { chips, isAlone } : null;
  }

  /** The cells that the end of a text may mean, which begins at `from`. */
  mentioned(text: string): { from: number; options: Option[] } | null {
    const mention = MENTION.exec(text);
    const cells = mention ? this.beside.cells(mention[1] ?? '') : [];
    if (!mention || cells.length === 0) {
      return null;
    }
    const options = cells.map(chip => ({
      // The chip says which one; an `@` is the agent's sign for a file.
      text: `${chip.label} `,
      label: `@${chip.label}`,
      detail: textOf(chip).trim().split('\n', 1)[0]!.slice(0, 80),
      take: () => this.add([chip])
    }));
    return { from: mention.index, options };
  }

  private set(chips: readonly ContextChip[]): void {
    this.chips.value = chips;
    this.keepAll();
  }

  private keepAll(): void {
    this.keep(this.draft);
  }
}

/** What the model reads of it. */
export function textOf(chip: ContextChip): string {
  return chip.kind === 'cell'
    ? [chip.source, chip.output].filter(Boolean).join('\n\n')
    : chip.text;
}

function isSame(a: ContextChip, b: ContextChip): boolean {
  return (
    a.kind === b.kind &&
    a.path === b.path &&
    a.cell_id === b.cell_id &&
    (a.kind === 'cell' || textOf(a) === textOf(b))
  );
}
