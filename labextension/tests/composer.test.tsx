// @vitest-environment happy-dom
import { fireEvent, screen } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Detail, Gauge, Turn } from '../src/client/api';
import { ChatModel } from '../src/model/chat';
import { FakeServer, question, refuse } from './fake-server';
import { Stage } from './stage';

const PROMPT = 'POST sessions/c1/prompt';
const INTERRUPT = 'POST sessions/c1/interrupt';
const SKIP = 'PUT sessions/c1/skip-approvals';

const running: Turn = {
  turn_id: 't1',
  state: 'running',
  origin: 'user',
  text: 'hi'
};
const waiting = (id: string, text: string): Turn => ({
  turn_id: id,
  state: 'queued',
  origin: 'user',
  text
});

describe('the composer', () => {
  let server: FakeServer;
  let stage: Stage;
  let chat: ChatModel;

  const show = async (changes: Partial<Detail> = {}) => {
    return stage.show(changes);
  };
  const bodyOf = (call: string) => stage.bodiesOf(call);
  const button = (name: string) =>
    screen.getByRole<HTMLButtonElement>('button', { name });
  const input = () =>
    screen.getByRole<HTMLTextAreaElement>('textbox', {
      name: 'Message to Hermes'
    });
  const type = (value: string) =>
    fireEvent.input(input(), { target: { value } });

  beforeEach(() => {
    server = new FakeServer()
      .on(PROMPT, () => ({ turn_id: 't2', state: 'queued' }))
      .on(INTERRUPT, () => ({ turn_id: 't1', state: 'stopping' }));
    stage = new Stage(server);
    ({ chat } = stage);
  });

  afterEach(() => {
    stage.dispose();
  });

  describe('while the agent works', () => {
    it('queues with Enter, and shows what waits', async () => {
      await show({ turn: running });
      type('and then');
      fireEvent.keyDown(input(), { key: 'Enter' });
      const queue = await screen.findByRole('list', {
        name: 'Prompts that wait'
      });
      expect(queue.textContent).toContain('and then');
      expect(bodyOf(PROMPT)).toMatchObject([{ when_busy: 'queue' }]);
      expect(screen.getByRole('log').textContent).not.toContain('and then');
    });

    it.each([
      ['Queue', 'queue'],
      ['Steer', 'steer'],
      ['Interrupt and send', 'interrupt']
    ])('offers %s', async (name, whenBusy) => {
      await show({ turn: running });
      type('and then');
      fireEvent.click(button('Steer or interrupt'));
      fireEvent.click(screen.getByRole('menuitem', { name: RegExp(name) }));
      await vi.waitFor(() =>
        expect(bodyOf(PROMPT)).toMatchObject([
          { text: 'and then', when_busy: whenBusy }
        ])
      );
      expect(document.activeElement).toBe(input());
    });

    it('is used by keyboard alone', async () => {
      await show({ turn: running });
      type('and then');
      fireEvent.click(button('Steer or interrupt'));
      const [first, second, last] = screen.getAllByRole('menuitem');
      expect(document.activeElement).toBe(first);
      fireEvent.keyDown(first!, { key: 'ArrowDown' });
      expect(document.activeElement).toBe(second);
      fireEvent.keyDown(second!, { key: 'ArrowUp' });
      fireEvent.keyDown(first!, { key: 'ArrowUp' });
      expect(document.activeElement).toBe(last);
      fireEvent.keyDown(last!, { key: 'Escape' });
      expect(screen.queryByRole('menu')).toBeNull();
      expect(document.activeElement).toBe(button('Steer or interrupt'));
      expect(bodyOf(PROMPT)).toEqual([]);
    });

    it('offers only what the conversation can', async () => {
      await show({ turn: running, capabilities: ['prompt'] });
      type('and then');
      fireEvent.click(button('Steer or interrupt'));
      expect(screen.getAllByRole('menuitem')).toHaveLength(1);
    });

    it('gives the words back that could not be sent', async () => {
      server.on(PROMPT, () => refuse(409, { code: 'x', message: 'Too many.' }));
      await show({ turn: running });
      type('and then');
      fireEvent.click(button('Steer or interrupt'));
      fireEvent.click(screen.getByRole('menuitem', { name: /^Steer/ }));
      await screen.findByText('Too many.');
      expect(input().value).toBe('and then');
    });

    it('takes back one that waits, and sends the first one now', async () => {
      const queued = [waiting('t2', 'two'), waiting('t3', 'three')];
      server.on('DELETE sessions/c1/turns/t3', () => ({}));
      await show({ turn: running, queued });
      button('Take back: three').focus();
      fireEvent.click(button('Take back: three'));
      await vi.waitFor(() => expect(input().value).toBe('three'));
      expect(document.activeElement).toBe(input());
      expect(screen.getAllByRole('listitem')).toHaveLength(1);
      expect(screen.getAllByRole('button', { name: 'Send now' })).toHaveLength(
        1
      );
      fireEvent.click(button('Send now'));
      await vi.waitFor(() =>
        expect(bodyOf(INTERRUPT)).toEqual([{ turn_id: 't1' }])
      );
    });
  });

  it('sends in one way only while nothing runs', async () => {
    await show();
    type('hello');
    expect(
      screen.queryByRole('button', { name: 'Steer or interrupt' })
    ).toBeNull();
    expect(button('Send')).toBeTruthy();
  });

  it('is not there where a conversation can only be read', async () => {
    await show({ capabilities: ['export'] });
    expect(screen.queryByRole('textbox')).toBeNull();
    expect(screen.getByText(/can only be read/)).toBeTruthy();
  });

  describe('the gauge', () => {
    const context: Gauge = {
      used: 110_000,
      max: 131_072,
      max_source: 'catalogue',
      threshold: 98_304,
      estimate: true,
      compactions: 2,
      cost_usd: 0.25
    };
    const message = { id: 'm1', role: 'user', text: 'hi' } as const;
    const COMPRESS = 'POST sessions/c1/compress';
    const details = () =>
      screen.getByRole('group', { name: 'Context of the model' });

    it('opens to its numbers in words, and closes by Escape', async () => {
      await show({ context, messages: [message] });
      expect(screen.getByRole('meter').dataset.level).toBe('high');
      fireEvent.click(button('About the context'));
      const text = details().textContent;
      for (const part of [
        `${(110_000).toLocaleString()} of ${(131_072).toLocaleString()}`,
        '(84%)',
        'estimate until the next request',
        'nearly full',
        'from the catalogue of models',
        (98_304).toLocaleString(),
        'Compactions2',
        '$0.2500'
      ]) {
        expect(text).toContain(part);
      }
      fireEvent.keyDown(details(), { key: 'Escape' });
      expect(screen.queryByRole('group', { name: /^Context/ })).toBeNull();
      expect(document.activeElement).toBe(button('About the context'));
    });

    it('says when the context is exceeded', async () => {
      await show({ context: { ...context, used: 140_000 } });
      const meter = screen.getByRole('meter');
      expect(meter.dataset.level).toBe('exceeded');
      expect(meter.textContent).toContain('exceeded');
      fireEvent.click(button('About the context'));
      expect(details().textContent).toContain('context is exceeded');
    });

    it('does not invent what is not known', async () => {
      await show({ context: { ...context, used: null } });
      fireEvent.click(button('About the context'));
      expect(details().textContent).toContain('after the first answer');
    });

    it('compacts now, as a turn', async () => {
      server.on(COMPRESS, () => ({ turn_id: 't5', state: 'starting' }));
      await show({ context, messages: [message] });
      fireEvent.click(button('About the context'));
      fireEvent.input(screen.getByLabelText('Keep above all (optional)'), {
        target: { value: 'the numbers' }
      });
      fireEvent.click(button('Compact now'));
      await screen.findByText('Compacting…');
      expect(bodyOf(COMPRESS)).toEqual([{ focus: 'the numbers' }]);
      expect(button('Stop').disabled).toBe(true);
    });

    it('keeps what was typed when that was refused', async () => {
      server.on(COMPRESS, () => refuse(409, { code: 'x', message: 'Full.' }));
      await show({ context, messages: [message] });
      fireEvent.click(button('About the context'));
      const focus = screen.getByLabelText<HTMLInputElement>(/^Keep above all/);
      fireEvent.input(focus, { target: { value: 'the numbers' } });
      fireEvent.click(button('Compact now'));
      await screen.findByText('Full.');
      expect(focus.value).toBe('the numbers');
    });

    it('does not compact while a turn runs, and says why', async () => {
      await show({ context, turn: running });
      fireEvent.click(button('About the context'));
      expect(button('Compact now').closest('fieldset')?.disabled).toBe(true);
      expect(details().textContent).toContain('A turn is running');
    });
  });

  describe('approvals', () => {
    const approval = question({
      kind: 'approval',
      questions: [],
      command: 'rm -r build',
      choices: [{ id: 'once', label: 'Allow once', kind: 'allow' }]
    });

    it('are skipped at the second press, and that is seen', async () => {
      server.on(SKIP, body => ({
        skip_approvals: (body as { on: boolean }).on
      }));
      await show({ questions: [approval] });
      fireEvent.click(button('Stop asking…'));
      expect(bodyOf(SKIP)).toEqual([]);
      fireEvent.click(button('Allow everything in this conversation'));
      await screen.findByText(/without asking\.$/);
      expect(bodyOf(SKIP)).toEqual([{ on: true, client: 'test' }]);
      fireEvent.click(button('Ask again'));
      await vi.waitFor(() =>
        expect(screen.queryByText(/without asking\.$/)).toBeNull()
      );
      expect(bodyOf(SKIP)[1]).toMatchObject({ on: false });
    });

    it('are asked still when the server did not hear of it', async () => {
      server.on(SKIP, () => refuse(503, { code: 'x', message: 'Not now.' }));
      await show({ questions: [approval] });
      fireEvent.click(button('Stop asking…'));
      fireEvent.click(button('Allow everything in this conversation'));
      await screen.findByText('Not now.');
      expect(screen.queryByText(/without asking\.$/)).toBeNull();
      expect(button('Allow once')).toBeTruthy();
    });

    it('were switched off elsewhere: it shows here', async () => {
      await show();
      chat.conversation.value.apply({
        event: 'session',
        id: 'e1.11',
        data: { session_id: 'c1', skip_approvals: true }
      });
      await screen.findByText(/without asking\.$/);
    });
  });

  it('brings an answer back that was begun', async () => {
    const { unmount } = await show({ questions: [question()] });
    fireEvent.click(button('Other…'));
    fireEvent.input(screen.getByRole('textbox', { name: 'Which format?' }), {
      target: { value: 'feather' }
    });
    unmount();
    await show({ questions: [question()] });
    expect(
      screen.getByRole<HTMLTextAreaElement>('textbox', {
        name: 'Which format?'
      }).value
    ).toBe('feather');
  });
});
