import { batch, signal } from '@preact/signals';
import type { Command, Completion } from '../client/api';
import type { HermesClient } from '../client/client';

/** A command that is being typed, and what is typed to go with it. */
const COMMAND = /^\/([^\s/]*)(?:[ ]([^\s]*))?$/;

/** A path that is being typed at the end of a text, as the agent reads it. */
const PATH = /(?<![\w/])@(?:`[^`\n]*|[^\s`]*)$/;

/** A pause in typing, in milliseconds; then the server is asked. */
const PAUSE_MS = 120;

/** How what is being typed may go on: a command, or a path after an `@`. */
export class Completions {
  readonly options = signal<readonly Completion[]>([]);
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
    private readonly id: () => string
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
      this.pause = setTimeout(() => void this.lookForPaths(), PAUSE_MS);
    } else {
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
  accept(text: string, option: Completion): string {
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
        this.show(found.replace_from, found.completions);
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

  private show(from: number, options: readonly Completion[]): void {
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
