import type { RenderMarkdown } from '../client/page';

const FENCE = /^ {0,3}(```+|~~~+)/;

/**
 * Where the last finished block after `start` ends. A block is finished when
 * a blank line follows it, outside of a fence, and the next line begins at
 * the margin: an indented one may still belong to a list.
 */
export function endOfFinishedBlocks(text: string, start: number): number {
  let end = start;
  let fence = '';
  let afterBlank = false;
  for (let at = start; at < text.length;) {
    const newline = text.indexOf('\n', at);
    const line = text.slice(at, newline < 0 ? undefined : newline);
    if (afterBlank && !fence && /^\S/.test(line)) {
      end = at;
    }
    const mark = FENCE.exec(line)?.[1];
    if (mark && !fence) {
      fence = mark;
    } else if (mark?.startsWith(fence)) {
      fence = '';
    }
    afterBlank = line.trim() === '';
    at = newline < 0 ? text.length : newline + 1;
  }
  return end;
}

/**
 * Paints a growing Markdown text into a node. Finished blocks are rendered
 * once; only the open one at the end is rendered again.
 */
export class StreamedMarkdown {
  private finished = '';
  private open: HTMLElement | null = null;

  constructor(
    private readonly node: HTMLElement,
    private readonly render: RenderMarkdown
  ) {}

  async paint(text: string): Promise<void> {
    if (!text.startsWith(this.finished)) {
      this.finished = '';
      this.node.replaceChildren();
      this.open = null;
    }
    const end = endOfFinishedBlocks(text, this.finished.length);
    if (end > this.finished.length) {
      const block = text.slice(this.finished.length, end);
      await this.render(this.open ?? this.addBlock(), block);
      this.open = null;
      this.finished = text.slice(0, end);
    }
    if (end < text.length) {
      await this.render(this.open ?? this.addBlock(), text.slice(end));
    }
  }

  /**
   * Paints the whole text as one: what refers from one block to another, such
   * as a footnote, only resolves now.
   */
  async finish(text: string): Promise<void> {
    const whole = document.createElement('div');
    this.node.append(whole);
    whole.hidden = true;
    await this.render(whole, text);
    whole.hidden = false;
    this.node.replaceChildren(whole);
    this.open = whole;
    this.finished = '';
  }

  private addBlock(): HTMLElement {
    this.open = document.createElement('div');
    this.node.append(this.open);
    return this.open;
  }
}
