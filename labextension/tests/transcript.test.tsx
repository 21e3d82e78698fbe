// @vitest-environment happy-dom
import { signal } from '@preact/signals';
import { act, fireEvent, screen, within } from '@testing-library/preact';
import { options, type VNode } from 'preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type {
  Detail,
  EventData,
  EventName,
  HermesEvent,
  Message,
  Tool
} from '../src/client/api';
import { ChatModel } from '../src/model/chat';
import type { Host } from '../src/ui/host';
import { FakeServer, refuse } from './fake-server';
import { Stage } from './stage';

const PROMPT = 'POST sessions/c1/prompt';
const UNDO = 'POST sessions/c1/undo';

const messages: Message[] = [
  { id: 'm1', role: 'user', text: 'first', turn_id: 't0' },
  { id: 'm2', role: 'assistant', text: 'One.', turn_id: 't0' },
  { id: 'm3', role: 'user', text: 'second', turn_id: 't1' },
  { id: 'm4', role: 'assistant', text: 'Two.', turn_id: 't1' }
];

describe('the transcript', () => {
  let server: FakeServer;
  let stage: Stage;
  let chat: ChatModel;
  let seq = 10;

  const show = async (
    changes: Partial<Detail> = {},
    around: Partial<Host> = {}
  ) => {
    return stage.show({ messages, ...changes }, around);
  };
  const apply = <Name extends EventName>(
    name: Name,
    data: Omit<EventData[Name], 'session_id'>
  ) =>
    act(() =>
      chat.conversation.value.apply({
        event: name,
        id: `e1.${++seq}`,
        data: { session_id: 'c1', ...data }
      } as HermesEvent)
    );
  const bodyOf = (call: string) => stage.bodiesOf(call);
  const button = (name: string, where = screen.getByRole('log')) =>
    within(where).getByRole<HTMLButtonElement>('button', { name });
  const yours = (at: number) =>
    screen.getAllByRole('article', { name: 'You' })[at]!;
  const editor = () =>
    screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Your message' });

  beforeEach(() => {
    server = new FakeServer().on(PROMPT, () => ({
      turn_id: 't2',
      state: 'starting'
    }));
    stage = new Stage(server);
    ({ chat } = stage);
  });

  afterEach(() => {
    stage.dispose();
    vi.restoreAllMocks();
  });

  describe('an edit', () => {
    it('says what it takes back, and replaces', async () => {
      await show();
      fireEvent.click(button('Edit', yours(0)));
      expect(document.activeElement).toBe(editor());
      expect(yours(0).textContent).toContain('all that followed');
      fireEvent.input(editor(), { target: { value: 'better' } });
      fireEvent.keyDown(editor(), { key: 'Enter' });
      await vi.waitFor(() =>
        expect(bodyOf(PROMPT)).toMatchObject([
          { text: 'better', replaces: 'm1' }
        ])
      );
      await vi.waitFor(() =>
        expect(
          screen.queryByRole('textbox', { name: 'Your message' })
        ).toBeNull()
      );
    });

    it('is cancelled by Escape, with the focus where it was', async () => {
      await show();
      fireEvent.click(button('Edit', yours(0)));
      fireEvent.keyDown(editor(), { key: 'Escape' });
      await vi.waitFor(() =>
        expect(document.activeElement).toBe(button('Edit', yours(0)))
      );
      expect(yours(0).textContent).toContain('first');
      expect(bodyOf(PROMPT)).toEqual([]);
    });

    it('keeps its words when it is refused', async () => {
      server.on(PROMPT, () => refuse(409, { code: 'busy', message: 'Busy.' }));
      await show();
      fireEvent.click(button('Edit', yours(0)));
      fireEvent.input(editor(), { target: { value: 'better' } });
      fireEvent.click(button('Replace and send'));
      await screen.findByText('Busy.');
      expect(editor().value).toBe('better');
    });

    it('takes no focus where it was begun before a reload', async () => {
      const { unmount } = await show();
      fireEvent.click(button('Edit', yours(0)));
      unmount();
      await show();
      expect(editor().value).toBe('first');
      expect(document.activeElement).not.toBe(editor());
    });

    it('waits for the end of a turn', async () => {
      await show();
      fireEvent.click(button('Edit', yours(0)));
      apply('turn', { turn_id: 't9', state: 'running', origin: 'agent' });
      expect(button('Replace and send').disabled).toBe(true);
      expect(screen.getByText(/A turn is running/)).toBeTruthy();
    });
  });

  it('takes the last prompt back after a word of warning', async () => {
    server.on(UNDO, () => ({ turn_id: 't2', state: 'starting' }));
    await show();
    expect(within(yours(0)).queryByRole('button', { name: 'Undo' })).toBeNull();
    fireEvent.click(button('Undo', yours(1)));
    expect(document.activeElement).toBe(button('Cancel'));
    expect(bodyOf(UNDO)).toEqual([]);
    fireEvent.click(button('Take back'));
    await screen.findByText('Taking back…');
    expect(chat.draft.value).toBe('second');
  });

  it.each<[string, Partial<Detail>]>([
    [
      'while a turn runs',
      { turn: { turn_id: 't1', state: 'running', origin: 'user' } }
    ],
    ['where that cannot be', { capabilities: ['prompt'] }]
  ])('offers no change %s', async (_, changes) => {
    await show(changes);
    expect(screen.queryByRole('button', { name: 'Edit' })).toBeNull();
    expect(screen.queryByRole('button', { name: 'Undo' })).toBeNull();
    expect(screen.queryByRole('button', { name: 'Retry' })).toBeNull();
    expect(
      screen.getAllByRole('button', { name: 'Copy your message' })
    ).toHaveLength(2);
  });

  it.each(['error', 'interrupted'] as const)(
    'retries a turn that ended with %s',
    async state => {
      await show({ turn: { turn_id: 't1', state, origin: 'user' } });
      fireEvent.click(button('Retry'));
      await vi.waitFor(() =>
        expect(bodyOf(PROMPT)).toMatchObject([
          { text: 'second', replaces: 'm3' }
        ])
      );
      await vi.waitFor(() =>
        expect(screen.queryByRole('button', { name: 'Retry' })).toBeNull()
      );
    }
  );

  it('shows the words that a failed turn did not say', async () => {
    await show({
      turn: {
        turn_id: 't7',
        state: 'error',
        origin: 'user',
        text: 'changed words',
        error: { code: 'compacted', message: 'It was compacted.' }
      }
    });
    expect(screen.getByText('changed words')).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Retry' })).toBeNull();
    fireEvent.click(button('Put it into the composer'));
    expect(chat.draft.value).toBe('changed words');
  });

  it('copies an answer as the Markdown it was', async () => {
    const write = vi
      .spyOn(navigator.clipboard, 'writeText')
      .mockResolvedValue();
    await show();
    fireEvent.click(
      screen.getAllByRole('button', { name: /^Copy the answer/ })[0]!
    );
    await screen.findByRole('button', { name: 'Copied' });
    expect(write).toHaveBeenCalledWith('One.');
  });

  describe('a block of code', () => {
    const code: Partial<Host> = {
      renderMarkdown: async (node, text) => {
        const block = document.createElement('pre');
        block.textContent = `${text}\n`;
        node.replaceChildren(block);
      }
    };

    it('goes into the notebook that is open, where one wants it', async () => {
      const insert = vi.fn();
      const name = signal<string | null>(null);
      await show(
        {},
        {
          ...code,
          notebook: { name, insert, insertAnswer: vi.fn(), show: vi.fn() }
        }
      );
      const [above] = await screen.findAllByRole<HTMLButtonElement>('button', {
        name: 'Above'
      });
      expect(above!.disabled).toBe(true);
      expect(above!.title).toBe('No notebook is open');
      act(() => {
        name.value = 'a.ipynb';
      });
      expect(above!.title).toContain('a.ipynb');
      for (const place of ['Above', 'Below', 'Replace']) {
        fireEvent.click(screen.getAllByRole('button', { name: place })[0]!);
      }
      expect(insert.mock.calls).toEqual([
        ['One.', 'above'],
        ['One.', 'below'],
        ['One.', 'selection']
      ]);
    });

    it('is only copied where there are no notebooks', async () => {
      await show({}, code);
      expect(
        await screen.findAllByRole('button', { name: 'Copy the code' })
      ).toHaveLength(2);
      expect(screen.queryByRole('button', { name: 'Above' })).toBeNull();
    });
  });

  describe('a tool', () => {
    const open = async (tool: Partial<Tool>, status: Message['status']) => {
      const message: Message = {
        id: 'm9',
        role: 'tool',
        text: '',
        status,
        tool: { id: 'x', name: 'terminal', ...tool }
      };
      await show({ messages: [message] });
      const card = screen.getByText('terminal').closest('details')!;
      card.open = true;
      fireEvent(card, new Event('toggle'));
      await within(card).findAllByRole('heading');
      return card;
    };

    it('shows its arguments by name and its output as text', async () => {
      const card = await open(
        {
          args: { command: 'ls', timeout: 5 },
          result: { output: '\x1b[31ma.py\x1b[0m\nb.py', exit_code: 2 },
          duration: 1.25
        },
        'complete'
      );
      expect(within(card).getByText('command')).toBeTruthy();
      expect(within(card).getByText('timeout')).toBeTruthy();
      expect(within(card).getByLabelText('output').textContent).toBe(
        'a.py\nb.py'
      );
      expect(within(card).getByText('exit 2')).toBeTruthy();
      expect(within(card).getByText('1.3 s')).toBeTruthy();
    });

    it('shows a diff with its marks', async () => {
      const diff = '--- a.py\n+++ b.py\n@@ -1 +1 @@\n-old\n+new\n same\n';
      const card = await open({ result: { success: true, diff } }, 'complete');
      const block = within(card).getByLabelText('diff');
      expect(block.textContent).toBe(diff);
      expect(block.querySelector('del')?.textContent).toBe('-old\n');
      expect(block.querySelector('ins')?.textContent).toBe('+new\n');
      expect(block.querySelectorAll('ins, del')).toHaveLength(2);
    });

    it('bounds a long result until all of it is asked for', async () => {
      const output = 'x'.repeat(49_000);
      const card = await open({ result: output }, 'complete');
      const block = within(card).getByLabelText('Result');
      expect(block.textContent.length).toBeLessThan(10_000);
      const all = within(card).getByRole('button', { name: /^Show all/ });
      all.focus();
      fireEvent.click(all);
      expect(block.textContent).toBe(output);
      await vi.waitFor(() => expect(document.activeElement).toBe(block));
    });

    it.each([
      [{ error: 'No such file' }, 'error', 'failed', 'No such file'],
      [{ error: 'Cut off.' }, 'interrupted', 'stopped', 'Cut off.']
    ] as const)('says that it failed: %j', async (tool, status, word, text) => {
      const card = await open(tool, status);
      expect(within(card).getByText(word)).toBeTruthy();
      expect(within(card).getByLabelText('Error').textContent).toBe(text);
    });
  });

  it('folds the reasoning, and says how long it took', async () => {
    vi.spyOn(Date, 'now').mockReturnValue(10_000);
    await show({ turn: { turn_id: 't1', state: 'running', origin: 'user' } });
    apply('reasoning.delta', { message_id: 't1.5', text: 'Let me see' });
    const summary = screen.getByText('Thinking…');
    expect(screen.queryByText('Let me see')).toBeNull();
    const fold = summary.closest('details')!;
    fold.open = true;
    fireEvent(fold, new Event('toggle'));
    apply('reasoning.delta', { message_id: 't1.5', text: ' now' });
    expect(screen.getByText('Let me see now')).toBeTruthy();
    vi.spyOn(Date, 'now').mockReturnValue(14_000);
    apply('message.delta', { message_id: 't1.5', text: 'So.' });
    expect(screen.getByText('Thought for 4 s')).toBeTruthy();
  });

  it('tells of an answer by its parts, and of none that is old', async () => {
    const told = () => screen.getByRole('log').parentElement!.lastElementChild!;
    await show({ turn: { turn_id: 't1', state: 'running', origin: 'user' } });
    apply('message.start', { message_id: 't1.5', role: 'assistant' });
    apply('message.delta', { message_id: 't1.5', text: 'One part.\n\nAnd' });
    await vi.waitFor(() => expect(told().textContent).toBe('One part.\n\n'));
    const answer = screen.getAllByRole('article', { name: 'Hermes' }).at(-1)!;
    expect(answer.getAttribute('aria-live')).toBe('off');
    apply('message.delta', { message_id: 't1.5', text: ' more' });
    apply('message.complete', {
      message_id: 't1.5',
      text: 'One part.\n\nAnd more',
      status: 'complete'
    });
    await vi.waitFor(() => expect(told().textContent).toBe('And more'));
    expect(told().getAttribute('aria-live')).toBe('polite');
  });

  it('renders nothing per token but the message that grows', async () => {
    await show({
      turn: { turn_id: 't2', state: 'running', origin: 'user' },
      messages: Array.from({ length: 50 }, (_, n) => messages[n % 4]!).map(
        (message, n) => ({ ...message, id: `h${n}` })
      )
    });
    apply('message.delta', { message_id: 't2.1', text: 'So' });
    const rendered: string[] = [];
    const hooks = options as { __r?: (vnode: VNode) => void };
    const { __r: stock } = hooks;
    hooks.__r = vnode => {
      rendered.push((vnode.type as { name: string }).name);
      stock?.(vnode);
    };
    for (let n = 0; n < 100; n++) {
      apply('message.delta', { message_id: 't2.1', text: ` ${n}` });
    }
    expect(rendered).toEqual([]);
    apply('message.start', { message_id: 't2.2', role: 'assistant' });
    hooks.__r = stock;
    // The list has changed; of its entries, only the new one is rendered.
    expect(rendered.filter(name => name === 'MessageView')).toHaveLength(1);
  });

  it('paints what streams at most ten times a second', async () => {
    let painted = 0;
    const renderMarkdown: Host['renderMarkdown'] = async (node, text) => {
      painted += 1;
      node.textContent = text;
    };
    const turn = { turn_id: 't2', state: 'running', origin: 'user' } as const;
    await show({ messages: [], turn }, { renderMarkdown });
    vi.useFakeTimers();
    try {
      for (let n = 0; n < 100; n++) {
        apply('message.delta', { message_id: 't2.1', text: `${n} ` });
        await vi.advanceTimersByTimeAsync(20);
      }
      expect(painted).toBeGreaterThan(10);
      expect(painted).toBeLessThanOrEqual(21);
    } finally {
      vi.useRealTimers();
    }
  });

  it('shows a very long answer in part, and all of it when asked', async () => {
    const rendered: number[] = [];
    const paragraph = `${'word '.repeat(200)}\n\n`;
    const text = paragraph.repeat(5000);
    await show(
      { messages: [{ id: 'm1', role: 'assistant', text }] },
      {
        renderMarkdown: async (node, part) => {
          rendered.push(part.length);
          node.textContent = part;
        }
      }
    );
    const answer = screen.getByRole('article', { name: 'Hermes' });
    await vi.waitFor(() =>
      expect(rendered.reduce((sum, length) => sum + length, 0)).toBe(100_000)
    );
    fireEvent.click(within(answer).getByRole('button', { name: /^Show all/ }));
    await vi.waitFor(
      () => expect(answer.textContent.length).toBeGreaterThan(5_000_000),
      10_000
    );
    expect(Math.max(...rendered)).toBeLessThanOrEqual(20_000);
  });
});
