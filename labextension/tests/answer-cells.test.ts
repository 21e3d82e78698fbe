import { describe, expect, it } from 'vitest';
import { cellsOf } from '../src/model/answer-cells';

describe('an answer as cells', () => {
  it('has its text and its code in order', () => {
    const answer = [
      'First:',
      '',
      '```python',
      'a = 1',
      '',
      "b = '''```'''",
      '```',
      '## Then',
      '```bash',
      'ls',
      '```',
      '~~~py',
      'c = 3'
    ].join('\n');
    expect(cellsOf(answer, 'python')).toEqual([
      { cell_type: 'markdown', source: 'First:' },
      { cell_type: 'code', source: "a = 1\n\nb = '''```'''" },
      { cell_type: 'markdown', source: '## Then\n```bash\nls\n```' },
      { cell_type: 'code', source: 'c = 3' }
    ]);
  });

  it('keeps code in another language, or inside a list, in the text', () => {
    const answer = '1. Do\n\n     ```python\n     a\n     ```\n\n```\nout\n```';
    expect(cellsOf(answer, 'python')).toEqual([
      { cell_type: 'markdown', source: answer }
    ]);
    expect(cellsOf('```r\nx <- 1\n```', 'R')).toEqual([
      { cell_type: 'code', source: 'x <- 1' }
    ]);
  });
});
