// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
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

  it('ends as one piece', async () => {
    const { node, painter } = await paintAll();
    await painter.finish(TEXT);
    expect(node.children).toHaveLength(1);
    expect(node.textContent).toBe(TEXT);
  });
});
