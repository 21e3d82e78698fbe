import { describe, expect, it } from 'vitest';
import {
  contentsPath,
  isPlace,
  placeOfLink,
  readPlace
} from '../src/model/file-place';

describe('a place in a file', () => {
  it.each([
    ['plot.png', 'plot.png', null],
    ['data/file.py:12', 'data/file.py', 12],
    ['data/file.py:12:3', 'data/file.py', 12],
    ['My data/a b.csv:7', 'My data/a b.csv', 7],
    ['/home/ada/x.ipynb', '/home/ada/x.ipynb', null]
  ])('%s is read', (text, path, line) => {
    expect(readPlace(text)).toEqual({ path, line });
  });

  const isKnown = (path: string) => /\.(csv|md|png|py|txt)$/.test(path);

  it.each([
    'plot.png',
    './a/b.py:1',
    '../x.md',
    'größe.csv',
    '/tmp/x.txt',
    'conf/app.toml'
  ])('%s is one', text => expect(isPlace(text, isKnown)).toBe(true));

  it.each([
    'python train.py',
    'https://example.org/a.py',
    'print("x.py")',
    '*.py',
    'a=b.py',
    '$HOME/x.py',
    'javascript:alert(1)',
    'df.head',
    'text/markdown',
    ''
  ])('%s is none', text => expect(isPlace(text, isKnown)).toBe(false));

  it.each([
    ['data/a%20b.csv', 'data/a b.csv'],
    ['src/x.py#L12', 'src/x.py:12'],
    ['src/x.py#L12-L20', 'src/x.py:12'],
    ['notes.md#heading', 'notes.md'],
    ['#heading', null],
    ['https://example.org/x.py', null],
    ['//example.org/x.py', null],
    ['javascript:alert(1)', null],
    ['mailto:ada@example.org', null],
    ['%E0%A4%A', null]
  ])('the link %s leads to %s', (href, place) => {
    expect(placeOfLink(href)).toBe(place);
  });

  it.each([
    ['plot.png', '/srv/work/project', 'project/plot.png'],
    ['./plot.png', '/srv/work', 'plot.png'],
    ['../plot.png', '/srv/work/project', 'plot.png'],
    ['/srv/work/a/b.py', '/srv/work/project', 'a/b.py'],
    ['../../secret', '/srv/work/project', null],
    ['/etc/passwd', '/srv/work', null],
    ['/srv/workshop/x.py', '/srv/work', null]
  ])('%s seen from %s', (path, cwd, found) => {
    expect(contentsPath(path, { cwd, root: '/srv/work' })).toBe(found);
  });
});
