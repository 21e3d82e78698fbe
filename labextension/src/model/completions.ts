import { batch, signal } from '@preact/signals';
import type { Command } from '../client/api';
import type { HermesClient } from '../client/client';
import type { Option, PromptContext } from './context';

/** A command that is being typed, and what is typed to go with it. */
const COMMAND = /^\/([^\s/]*)(?:[ ]([^\s]*))?$/;

/** A path that is being typed at the end of a text, as the agent reads it. */
const PATH = /(?<![\w/])@(?:`[^`\n]*|[^\s`]*)$/;

/** A pause in typing, in milliseconds; then the server is asked. */
const PAUSE_MS = 120;

/** How what is being typed may go on: a command; a path or a cell after an `@`. */
export class Completions {
  readonly options = signal<readonly Option[]>([]);
  /** The place of the option that is chosen by Enter. */
  readonly active = signal(0);

  private from = 0;
  /** The text of which is asked; null: of none. */
  private typed: string | null = null;
  private commands: readonly Command[] = [];
  private asking: Promise<readonly Command[]> | null = null;
  private pause: ReturnType<typeof setTimeout> | undefined;
  private isAskingPaths = false;

  /** `id` is that of the conversation; paths are seen from its folder. */
  constructor(
    private readonly client: HermesClient,
    private readonly id: () => string,
    private readonly context: PromptContext | null = null
  ) {}

  /** Looks for what may follow a text, which ends where it is typed. */
  look(text: string): void {
    clearTimeout(this.pause);
    this.typed = text;
    if (COMMAND.test(text)) {
      this.lookForCommands(text);
    } else if (PATH.test(text)) {
      if (PATH.exec(text)!.index !== this.from) {
        this.show(0, []);
      }
      this.showCells(text);
      this.pause = setTimeout(() => void this.lookForPaths(), PAUSE_MS);
    } else if (!this.showCells(text)) {
      this.close();
    }
  }

  close(): void {
    clearTimeout(this.pause);
    this.typed = null;
    this.show(0, []);
  }

  move(by: 1 | -1): void {
    const count = this.options.value.length;
    this.active.value = (this.active.value + by + count) % count;
  }

  /** Whether `text` says what is chosen already. */
  isAll(text: string): boolean {
    const chosen = this.options.value[this.active.value];
    return chosen?.text.trim() === text.slice(this.from).trim();
  }

  /** The text with an option at its end. */
  accept(text: string, option: Option): string {
    option.take?.();
    return text.slice(0, this.from) + option.text;
  }

  /** Whether a text begins with a command that there is. */
  async isCommand(text: string): Promise<boolean> {
    const name = /^\s*\/([^\s/]+)(\s|$)/.exec(text)?.[1]?.toLowerCase();
    if (!name) {
      return false;
    }
    const known = this.commands.length > 0 ? this.commands : this.ask();
    return (await known).some(command => isCalled(command, name));
  }

  private lookForCommands(text: string): void {
    this.lookAmongCommands(text);
    if (text === '/' || this.commands.length === 0) {
      // They change with the skills of the agent.
      this.ask().then(
        () => this.typed === text && this.lookAmongCommands(text),
        // Sending it says why not.
        () => undefined
      );
    }
  }

  private lookAmongCommands(text: string): void {
    const [, name = '', typed] = COMMAND.exec(text)!;
    if (typed === undefined) {
      const fitting = this.commands.filter(command =>
        [command.name, ...command.aliases].some(known =>
          known.startsWith(name.toLowerCase())
        )
      );
      return this.show(
        0,
        fitting.map(({ name, args, description }) => ({
          text: `/${name} `,
          label: `/${name} ${args}`.trim(),
          detail: description
        }))
      );
    }
    const choices =
      this.commands.find(command => isCalled(command, name))?.choices ?? [];
    this.show(
      text.length - typed.length,
      choices
        .filter(choice => choice.startsWith(typed))
        .map(choice => ({ text: choice, label: choice, detail: '' }))
    );
  }

  /** Cells that may be meant, whether there are any. */
  private showCells(text: string): boolean {
    const cells = this.context?.mentioned(text);
    if (cells) {
      this.show(cells.from, cells.options);
    }
    return Boolean(cells);
  }

  private ask(): Promise<readonly Command[]> {
    this.asking ??= this.client
      .commands()
      .then(({ commands }) => (this.commands = commands))
      .finally(() => {
        this.asking = null;
      });
    return this.asking;
  }

  /** One request at a time: what is typed meanwhile is asked for after it. */
  private async lookForPaths(): Promise<void> {
    const text = this.typed;
    if (this.isAskingPaths || text === null || !PATH.test(text)) {
      return;
    }
    this.isAskingPaths = true;
    try {
      const found = await this.client.complete(this.id(), text);
      if (this.typed === text) {
        const cells = this.context?.mentioned(text);
        const isSame = cells?.from === found.replace_from;
        this.show(found.replace_from, [
          ...(isSame ? cells.options : []),
          ...found.completions
        ]);
      }
    } catch {
      // It is typed in full, then.
    } finally {
      this.isAskingPaths = false;
    }
    if (this.typed !== text) {
      await this.lookForPaths();
    }
  }

  private show(from: number, options: readonly Option[]): void {
    batch(() => {
      this.from = from;
      this.options.value = options;
      this.active.value = 0;
    });
  }
}

function isCalled({ name, aliases }: Command, typed: string): boolean {
  return [name, ...aliases].some(known => known.toLowerCase() === typed);
}
