import type { RenderMarkdown } from '../client/page';
import { PIECE, piecesOf } from './pieces';

const FENCE = /^ {0,3}(```+|~~~+)/;

/** Characters up to which a text is rendered as one in the end. */
const WHOLE = 50_000;

/**
 * Finds where the last finished block of a growing text ends, and reads each
 * line once. A block is finished when a blank line follows it, outside of a
 * fence, and the next line begins at the margin: an indented one may still
 * belong to a list.
 */
export class BlockScanner {
  /** Where the finished blocks end that were not taken yet, in order. */
  private ends: number[] = [];
  private last = 0;
  private at = 0;
  private fence = '';
  private afterBlank = false;

  read(text: string): void {
    while (this.at < text.length) {
      const newline = text.indexOf('\n', this.at);
      const begin = text.charAt(this.at);
      if (this.afterBlank && !this.fence && /\S/.test(begin)) {
        if (this.at > this.last) {
          this.ends.push(this.at);
          this.last = this.at;
        }
      }
      if (newline < 0) {
        return;
      }
      const line = text.slice(this.at, newline);
      const mark = FENCE.exec(line)?.[1];
      if (mark && !this.fence) {
        this.fence = mark;
      } else if (mark?.startsWith(this.fence)) {
        this.fence = '';
      }
      this.afterBlank = line.trim() === '';
      this.at = newline + 1;
    }
  }

  /**
   * Takes as many finished blocks as fit within `most` characters after
   * `begin`, one at least; answers where they end, or null if there is none.
   */
  take(begin: number, most: number): number | null {
    const tooFar = this.ends.findIndex(end => end - begin > most);
    const count = tooFar < 0 ? this.ends.length : Math.max(1, tooFar);
    return this.ends.splice(0, count).at(-1) ?? null;
  }

  get hasMore(): boolean {
    return this.ends.length > 0;
  }
}

/**
 * Paints a growing Markdown text into a node. Finished blocks are rendered
 * once; only the open one at the end is rendered again. A text that is there
 * all at once is rendered in pieces, between which the page gets its turn.
 */
export class StreamedMarkdown {
  private finished = '';
  private scanner = new BlockScanner();
  private open: HTMLElement | null = null;
  /** Whether it has grown since it was last finished. */
  private grows = false;

  /** `onFinished` gets each part of the node that stays as it is. */
  constructor(
    private readonly node: HTMLElement,
    private readonly renderMarkdown: RenderMarkdown,
    private readonly onFinished: (part: HTMLElement) => void = () => undefined,
    /** Gets the words of each part of a text that was seen to grow. */
    private readonly onWords: (words: string) => void = () => undefined
  ) {}

  async paint(text: string): Promise<void> {
    this.grows = true;
    await this.paintBlocks(text);
  }

  /**
   * Paints a text that grows no more, as one if it is not too long: what
   * refers from one block to another, such as a footnote, only resolves now.
   */
  async finish(text: string): Promise<void> {
    if (text.length > WHOLE || this.grows) {
      await this.paintBlocks(text);
    }
    if (this.grows && this.open) {
      this.onWords(this.open.textContent);
    }
    this.grows = false;
    if (text.length > WHOLE) {
      if (this.open) {
        this.onFinished(this.open);
      }
      return;
    }
    const whole = document.createElement('div');
    this.node.append(whole);
    whole.hidden = true;
    await this.renderMarkdown(whole, text);
    whole.hidden = false;
    const place = controlsOf(this.node).findIndex(
      control => control === document.activeElement
    );
    this.node.replaceChildren(whole);
    this.onFinished(whole);
    // What had the focus is there again.
    controlsOf(this.node)[place]?.focus({ preventScroll: true });
    this.open = whole;
    this.finished = '';
    this.scanner = new BlockScanner();
  }

  private async paintBlocks(text: string): Promise<void> {
    if (!text.startsWith(this.finished)) {
      this.finished = '';
      this.scanner = new BlockScanner();
      this.node.replaceChildren();
      this.open = null;
    }
    this.scanner.read(text);
    for (;;) {
      const begin = this.finished.length;
      const end = this.scanner.take(begin, PIECE);
      if (end === null) {
        break;
      }
      const part = this.open ?? this.addPart();
      await this.render(part, text.slice(begin, end));
      if (this.grows) {
        this.onWords(part.textContent);
      }
      this.onFinished(part);
      this.open = null;
      this.finished = text.slice(0, end);
      if (this.scanner.hasMore) {
        await new Promise(resolve => setTimeout(resolve));
      }
    }
    if (this.finished.length < text.length) {
      const rest = text.slice(this.finished.length);
      await this.render(this.open ?? this.addPart(), rest);
    }
  }

  private async render(part: HTMLElement, text: string): Promise<void> {
    if (text.length <= PIECE) {
      part.classList.remove('hj-plain');
      await this.renderMarkdown(part, text);
    } else {
      showPlain(part, text);
    }
  }

  private addPart(): HTMLElement {
    this.open = document.createElement('div');
    this.node.append(this.open);
    return this.open;
  }
}

function controlsOf(node: HTMLElement): HTMLElement[] {
  return [...node.querySelectorAll<HTMLElement>('a[href], button')];
}

/** Shows one very long block as it is written; what is there already stays. */
function showPlain(part: HTMLElement, text: string): void {
  if (!part.classList.contains('hj-plain')) {
    part.classList.add('hj-plain');
    part.replaceChildren();
  }
  const known = Math.max(0, part.children.length - 1);
  part.lastElementChild?.remove();
  for (const piece of piecesOf(text).slice(known)) {
    const element = document.createElement('div');
    element.className = 'hj-piece';
    element.textContent = piece;
    part.append(element);
  }
}
