import { describe, expect, it } from 'vitest';
import { boundedOutputs, outputText } from '../src/model/outputs';

const image = (characters: number) => ({
  output_type: 'display_data',
  data: { 'image/png': 'x'.repeat(characters), 'text/plain': '<Figure>' },
  metadata: {}
});

describe('the outputs that the agent is given', () => {
  it('are bounded, and say what is left out', () => {
    const [small, big, note, stream, view] = boundedOutputs([
      image(1000),
      image(2_000_000),
      { output_type: 'stream', name: 'stdout', text: 'y'.repeat(50_000_000) },
      { output_type: 'display_data', data: { 'application/x-view': {} } }
    ]);
    expect(small).toEqual(image(1000));
    expect(big!.data).toEqual({ 'text/plain': '<Figure>' });
    expect(note).toEqual({
      output_type: 'stream',
      name: 'stderr',
      text: '[left out: image/png of 2000000 characters]\n'
    });
    expect(String(stream!.text)).toHaveLength(20_000);
    expect(stream!.text).toContain('characters left out');
    expect(view!.text).toBe('[left out: application/x-view]\n');
  });

  it('are told as plain text, the end of it', () => {
    const outputs = [
      { output_type: 'stream', text: ['one\n', 'two\n'] },
      { output_type: 'error', traceback: ['\x1b[31mBoom\x1b[0m', 'line 2'] }
    ];
    expect(outputText(outputs, 100)).toBe('one\ntwo\nBoom\nline 2');
    expect(outputText(outputs, 7)).toBe('…line 2');
  });
});
