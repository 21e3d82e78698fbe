import { describe, expect, it } from 'vitest';
import { Drafts } from '../src/model/drafts';
import { MemoryStorage } from './fake-server';

describe('Drafts', () => {
  it('keeps the parts of a draft apart, and conversations too', () => {
    const drafts = new Drafts(new MemoryStorage());
    const answer = { question: 'q1', values: ['a'], text: 'a' };
    drafts.change('c1', { prompt: 'one' });
    drafts.change('c1', { answer });
    drafts.change('c2', { prompt: 'two' });
    expect(drafts.get('c1')).toMatchObject({
      prompt: 'one',
      answer,
      edit: null
    });
    expect(drafts.get('c2').prompt).toBe('two');
    expect(drafts.get('').prompt).toBe('');
  });

  it('lets go of those that were touched longest ago', () => {
    const drafts = new Drafts(new MemoryStorage());
    for (let n = 0; n < 60; n++) {
      drafts.change(`c${n}`, { prompt: 'x' });
      drafts.change('c0', { prompt: `after ${n}` });
    }
    const kept = Array.from({ length: 60 }, (_, n) => drafts.get(`c${n}`));
    expect(kept.filter(({ prompt }) => prompt)).toHaveLength(50);
    expect(drafts.get('c0').prompt).toBe('after 59');
    expect(drafts.get('c1').prompt).toBe('');
  });

  it('does without a storage that is full, or that holds something else', () => {
    const storage = new MemoryStorage();
    storage.setItem('hermes-jupyter:draft:c1', 'not JSON');
    storage.setItem('hermes-jupyter:drafts', '{}');
    const drafts = new Drafts(storage);
    expect(drafts.get('c1').prompt).toBe('');
    drafts.change('c1', { prompt: 'one' });
    expect(drafts.get('c1').prompt).toBe('one');
    storage.setItem = () => {
      throw new Error('QuotaExceededError');
    };
    expect(() => drafts.change('c1', { prompt: 'two' })).not.toThrow();
  });

  it('does not keep what is too long, nor an older version of it', () => {
    const drafts = new Drafts(new MemoryStorage());
    drafts.change('c1', { prompt: 'short' });
    drafts.change('c1', { prompt: 'x'.repeat(300_000) });
    expect(drafts.get('c1').prompt).toBe('');
  });
});
