// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { piecesOf } from '../src/ui/pieces';
import { StreamedMarkdown } from '../src/ui/streamed-markdown';

describe('StreamedMarkdown', () => {
  const TEXT =
    '# Title\n\n- one\n\n  still one\n\n```py\na = 1\n\nb = 2\n```\n\nThe end\n\nof it';

  const paintAll = async () => {
    const node = document.createElement('div');
    const rendered: string[] = [];
    const painter = new StreamedMarkdown(node, async (target, text) => {
      target.textContent = text;
      rendered.push(text);
    });
    for (let length = 1; length <= TEXT.length; length++) {
      await painter.paint(TEXT.slice(0, length));
      expect(node.textContent).toBe(TEXT.slice(0, length));
    }
    return { node, painter, rendered };
  };

  it('cuts neither a fence nor a list', async () => {
    const { node } = await paintAll();
    expect([...node.children].map(block => block.textContent)).toEqual([
      '# Title\n\n',
      '- one\n\n  still one\n\n',
      '```py\na = 1\n\nb = 2\n```\n\n',
      'The end\n\n',
      'of it'
    ]);
  });

  it('does not render a finished block again', async () => {
    const { rendered } = await paintAll();
    const after = rendered.lastIndexOf('# Title\n\n');
    const later = rendered.slice(after + 1);
    expect(later.some(text => text.includes('Title'))).toBe(false);
  });

  it('tells each part of a growing text once, when it is whole', async () => {
    const told: string[] = [];
    const node = document.createElement('div');
    const painter = new StreamedMarkdown(
      node,
      async (target, text) => {
        target.textContent = text;
      },
      undefined,
      words => told.push(words)
    );
    for (let length = 1; length <= TEXT.length; length += 3) {
      await painter.paint(TEXT.slice(0, length));
    }
    expect(told).toHaveLength(4);
    await painter.finish(TEXT);
    expect(told).toEqual([
      '# Title\n\n',
      '- one\n\n  still one\n\n',
      '```py\na = 1\n\nb = 2\n```\n\n',
      'The end\n\n',
      'of it'
    ]);
    await painter.finish(TEXT);
    expect(told).toHaveLength(5);
  });

  it('ends as one piece', async () => {
    const { node, painter } = await paintAll();
    await painter.finish(TEXT);
    expect(node.children).toHaveLength(1);
    expect(node.textContent).toBe(TEXT);
  });

  const LINE = 'x'.repeat(100_000);

  it('gives the page its turn between the pieces of a long text', async () => {
    const node = document.createElement('div');
    const sizes: number[] = [];
    let turns = 0;
    let isDone = false;
    const painter = new StreamedMarkdown(node, async (target, text) => {
      target.textContent = text;
      sizes.push(text.length);
    });
    const text = `${'word '.repeat(100)}\n\n`.repeat(1000);
    const painted = painter.finish(text).then(() => {
      isDone = true;
    });
    while (!isDone) {
      turns += 1;
      await new Promise(resolve => setTimeout(resolve));
    }
    await painted;
    expect(node.textContent).toBe(text);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(20_000);
    expect(turns).toBeGreaterThan(20);
  });

  it('shows an endless line as it is, and never paints it again', async () => {
    const node = document.createElement('div');
    let rendered = 0;
    const painter = new StreamedMarkdown(node, async (target, text) => {
      rendered += text.length;
      target.textContent = text;
    });
    await painter.paint(LINE);
    const pieces = [...node.querySelectorAll('.hj-piece')];
    await painter.paint(`${LINE}${LINE}`);
    const more = [...node.querySelectorAll('.hj-piece')];
    expect(more.slice(0, pieces.length - 1)).toEqual(pieces.slice(0, -1));
    expect(more.length).toBeGreaterThan(pieces.length);
    await painter.finish(`${LINE}${LINE}`);
    expect(node.textContent).toBe(LINE + LINE);
    expect(rendered).toBe(0);
  });

  it('starts anew when the text is another one', async () => {
    const { node, painter } = await paintAll();
    await painter.paint('Other\n\nwords');
    expect([...node.children].map(block => block.textContent)).toEqual([
      'Other\n\n',
      'words'
    ]);
  });
});

/** A half of a character at either end. */
const HALF = /^[\udc00-\udfff]|[\ud800-\udbff]$/;

describe('piecesOf', () => {
  it('makes the text again, and halves no character', () => {
    for (const text of [
      '',
      'short',
      '🪽'.repeat(30_001),
      `x${'🪽'.repeat(30_000)}`,
      'line\n'.repeat(50_000)
    ]) {
      const pieces = piecesOf(text);
      expect(pieces.join('')).toBe(text);
      expect(pieces.some(piece => HALF.test(piece))).toBe(false);
      expect(pieces.every(({ length }) => length <= 20_000)).toBe(true);
    }
  });

  it('cuts at the ends of lines', () => {
    const pieces = piecesOf('a line of text\n'.repeat(5000));
    expect(pieces.every(piece => piece.endsWith('\n') || !piece)).toBe(true);
  });
});
