// @vitest-environment happy-dom
import { screen } from '@testing-library/preact';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message } from '../src/client/api';
import { MessageModel } from '../src/model/message';
import { stretchesOf, type Stretch } from '../src/model/stretches';
import { host } from './fake-host';
import { FakeServer } from './fake-server';
import { FakeView } from './fake-view';
import { Stage } from './stage';

const MOST = 24;

describe('stretches of a transcript', () => {
  const model = (role: Message['role']) =>
    new MessageModel({ id: '', role, text: '' });
  const entry = fc
    .constantFrom<Message['role'][]>('user', 'assistant', 'tool', 'tool')
    .map(model);
  const entries = fc.array(entry, { maxLength: 60 });
  const change = fc.record({
    at: fc.oneof(fc.constant(0), fc.constant(Infinity), fc.nat()),
    remove: fc.nat({ max: 40 }),
    add: entries
  });

  it('hold every message once and in order, whatever comes and goes', () => {
    fc.assert(
      fc.property(entries, fc.array(change), (start, changes) => {
        let messages: readonly MessageModel[] = start;
        let stretches = stretchesOf(messages, []);
        const look = () => {
          expect(stretches.flat()).toEqual(messages);
          expect(stretches.every(isOfRightLength)).toBe(true);
        };
        look();
        for (const { at, remove, add } of changes) {
          const place = Math.min(at, messages.length);
          messages = messages.toSpliced(place, remove, ...add);
          stretches = stretchesOf(messages, stretches);
          look();
        }
      })
    );
  });

  it('stay the same objects where nothing changed', () => {
    fc.assert(
      fc.property(entries, entries, entries, (before, known, after) => {
        const old = stretchesOf(known, []);
        const all = stretchesOf([...before, ...known, ...after], old);
        const kept = old.slice(0, after.length > 0 ? -1 : undefined);
        expect(kept.every(stretch => all.includes(stretch))).toBe(true);
      })
    );
  });
});

function isOfRightLength({ length }: Stretch): boolean {
  return length > 0 && length <= MOST;
}

describe('a long transcript', () => {
  let stage: Stage;
  let painted: string[];

  const message = (n: number): Message => ({
    id: String(n),
    role: 'assistant',
    text: `text ${n}`,
    at: n
  });
  const rows = Array.from({ length: 200 }, (_, n) => message(n));
  const stretches = () => [...document.querySelectorAll('.hj-stretch')];
  const settled = () =>
    vi.waitFor(() =>
      expect(painted).toHaveLength(
        document.querySelectorAll('.hj-entry').length
      )
    );

  beforeEach(async () => {
    vi.stubGlobal('IntersectionObserver', FakeView);
    stage = new Stage(new FakeServer());
    painted = [];
    await stage.show(
      { messages: rows },
      {
        renderMarkdown: async (node, text) => {
          painted.push(text);
          await host.renderMarkdown(node, text);
        }
      }
    );
    await settled();
  });

  afterEach(() => {
    stage.dispose();
    vi.unstubAllGlobals();
  });

  it('is there to be read, of which only the end is painted', () => {
    expect(painted.length).toBeLessThan(20);
    expect(painted.at(-1)).toBe('text 199');
    const { textContent } = screen.getByRole('log');
    expect(textContent.match(/text \d+/g)).toHaveLength(200);
    expect(stretches().at(0)!.getAttribute('aria-live')).toBe('off');
    expect(stretches().at(-1)!.hasAttribute('aria-live')).toBe(false);
  });

  it('is painted where it comes near, and then stays so', async () => {
    const first = stretches()[0]!;
    FakeView.show(node => node === first);
    await vi.waitFor(() => expect(painted).toContain('text 0'));
    await settled();
    FakeView.show(() => false);
    stage.chat.conversation.value.apply({
      event: 'message.start',
      id: 'e1.11',
      data: { session_id: 'c1', message_id: 't1.1', role: 'user', text: 'and' }
    });
    await screen.findByText('and');
    expect(first.querySelectorAll('.hj-entry').length).toBeGreaterThan(0);
    expect(painted.filter(text => text === 'text 0')).toHaveLength(1);
  });

  it('is painted one stretch in a frame', async () => {
    const count = () => document.querySelectorAll('.hj-put-off').length;
    const counts = new Set<number>([count()]);
    const observer = new MutationObserver(() => counts.add(count()));
    observer.observe(document.body, { subtree: true, childList: true });
    FakeView.show(() => true);
    await vi.waitFor(() => expect(count()).toBe(0), 10_000);
    observer.disconnect();
    expect([...counts]).toEqual(
      Array.from({ length: counts.size }, (_, i) => counts.size - 1 - i)
    );
  });

  it('does not paint what was only passed by', async () => {
    const [first, second] = stretches();
    FakeView.show(node => node === first);
    FakeView.show(node => node === second);
    await vi.waitFor(() => expect(painted).toContain('text 8'));
    await settled();
    expect(painted).not.toContain('text 0');
  });

  it('paints the message that a search has led to', async () => {
    stage.chat.conversation.value.lit.value = '100';
    await vi.waitFor(() =>
      expect(document.activeElement?.getAttribute('data-key')).toBe('100')
    );
    await vi.waitFor(() => expect(painted).toContain('text 100'));
  });
});
