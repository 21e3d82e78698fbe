// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { renderMarkdown } from '../src/widget/markdown';

async function shown(text: string): Promise<HTMLElement> {
  const node = document.createElement('div');
  await renderMarkdown(node, text);
  return node;
}

describe('Markdown in a cell without JupyterLab', () => {
  it('shows what answers are made of', async () => {
    const node = await shown(
      '# A & B\n\nSome **bold** `a < b` [link](https://example.org/?a=1&b=2)\n\n' +
        '```python\nif a < b:\n    pass\n```\n\n3. three\n4. four\n\n' +
        '| x | y |\n|---|---|\n| 1 | *2* |\n\n- [x] done\n'
    );
    expect(node.querySelector('h1')?.textContent).toBe('A & B');
    expect(node.querySelector('strong')?.textContent).toBe('bold');
    expect(node.querySelector('p code')?.textContent).toBe('a < b');
    expect(node.querySelector('pre code')?.textContent).toBe(
      'if a < b:\n    pass'
    );
    expect(node.querySelector('a')?.getAttribute('href')).toBe(
      'https://example.org/?a=1&b=2'
    );
    expect(node.querySelector('ol')?.getAttribute('start')).toBe('3');
    expect(node.querySelectorAll('td')).toHaveLength(2);
    expect(node.querySelector('td em')?.textContent).toBe('2');
    expect(node.querySelector('ul li')?.textContent).toContain('☑ done');
  });

  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    'a <b onclick="alert(1)">b</b>',
    '![x](https://tracker.example/x.png)',
    '[x](javascript:alert(1))',
    '[x](data:text/html,<script>alert(1)</script>)',
    '<iframe src="https://example.org"></iframe>',
    '<form action="https://example.org"><input></form>',
    '<style>* { display: none }</style>',
    '[x](vbscript:a)\n\n<svg/onload=alert(1)>',
    '[ref]\n\n[ref]: javascript:alert(1)'
  ])('makes nothing of %s but text and links', async text => {
    const node = await shown(text);
    const names = [...node.querySelectorAll('*')].map(one => one.localName);
    expect(names.filter(name => !['p', 'a'].includes(name))).toEqual([]);
    for (const link of node.querySelectorAll('a')) {
      expect(link.getAttribute('href') ?? 'https:').toMatch(/^https:/);
      expect(link.getAttributeNames()).not.toContain('onclick');
    }
  });
});
