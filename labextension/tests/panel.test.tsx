// @vitest-environment happy-dom
import { act, fireEvent, screen, within } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Question } from '../src/client/api';
import { ChatModel } from '../src/model/chat';
import { DEFAULTS, preferences } from './fake-host';
import { detail, FakeServer, question, refuse } from './fake-server';
import { Stage } from './stage';

const RESTART = { text: 'Start it again.', action: 'restart-agent' };
const ANSWER = 'POST questions/q1/answer';

describe('the panel', () => {
  let server: FakeServer;
  let stage: Stage;
  let chat: ChatModel;

  const show = async (questions: Question[] = []) => {
    await stage.show({ questions });
  };
  const bodyOf = (call: string) => stage.bodiesOf(call);
  const button = (name: string) =>
    screen.getByRole<HTMLButtonElement>('button', { name });

  beforeEach(() => {
    server = new FakeServer();
    stage = new Stage(server);
    ({ chat } = stage);
  });

  afterEach(() => {
    preferences.set(DEFAULTS);
    stage.dispose();
  });

  it('says once that the agent has ended', async () => {
    const message = "The agent's process ended: signal 9 (Killed).";
    const agent = { state: 'failed', error: message };
    server.on('GET status', () => ({ epoch: 'e1', agent }));
    await show();
    expect(await screen.findByText(message)).toBeTruthy();
    act(() =>
      chat.conversation.value.apply({
        event: 'turn',
        id: 'e1.100',
        data: {
          session_id: 'c1',
          turn_id: 't1',
          state: 'error',
          origin: 'user',
          error: { code: 'agent_died', message }
        }
      })
    );
    expect(within(screen.getByRole('log')).getByText(message)).toBeTruthy();
    expect(screen.getAllByText(message)).toHaveLength(1);
  });

  it('offers a guest nothing that the server refuses', async () => {
    let can = ['read'];
    const status = () => ({
      agent: { state: 'failed', error: 'Gone.', hint: RESTART },
      can,
      drivers: ['ada']
    });
    server.on('GET status', status);
    await show([question()]);
    expect(
      await screen.findByText(
        'You can read here. Only ada can write to Hermes and answer it.'
      )
    ).toBeTruthy();
    expect(screen.queryByRole('textbox')).toBeNull();
    expect(screen.queryAllByRole('button')).toEqual([]);
    const card = screen.getByRole('region', {
      name: 'Hermes waits for an answer'
    });
    expect(within(card).getByText('Which format?')).toBeTruthy();

    can = ['read', 'write', 'execute'];
    act(() =>
      stage.page.apply({ event: 'snapshot', id: 'e1.100', data: detail() })
    );
    expect(await screen.findByRole('textbox')).toBeTruthy();
    expect(button('Restart the agent')).toBeTruthy();
  });

  it('passes the focus on when its card goes, and takes none', async () => {
    const [first, second] = [question(), question({ id: 'q2', asked_at: 2 })];
    const end = (one: Question) =>
      act(() =>
        chat.conversation.value.setQuestion({ ...one, state: 'cancelled' })
      );
    const input = () => screen.getByRole('textbox', { name: /Message/ });
    await show([first, second]);
    button('csv').focus();
    await end(first);
    await vi.waitFor(() =>
      expect(document.activeElement?.className).toBe('hj-question')
    );
    button('csv').focus();
    await end(second);
    await vi.waitFor(() => expect(document.activeElement).toBe(input()));
    const third = question({ id: 'q3', asked_at: 3 });
    await act(() => chat.conversation.value.setQuestion(third));
    button('csv').focus();
    button('Attach files').focus();
    await end(third);
    expect(document.activeElement).toBe(button('Attach files'));
  });

  it('leaves the focus to nobody for who has let go of it', async () => {
    await show([question()]);
    button('csv').focus();
    fireEvent.pointerDown(document.body);
    button('csv').blur();
    await act(() =>
      chat.conversation.value.setQuestion(question({ state: 'cancelled' }))
    );
    await new Promise(resolve => setTimeout(resolve));
    expect(document.activeElement).toBe(document.body);
  });

  it('tells once of a question to those who hear it', async () => {
    const told = () => document.querySelector('[aria-live="assertive"]')!;
    await show([question()]);
    const text = 'Hermes waits for an answer: Which format?';
    await vi.waitFor(() => expect(told().textContent).toBe(text));
    const heard = vi.fn();
    new MutationObserver(heard).observe(told(), {
      childList: true,
      characterData: true,
      subtree: true
    });
    fireEvent.click(button('Other…'));
    await screen.findByRole('textbox', { name: 'Which format?' });
    expect(heard).not.toHaveBeenCalled();
    expect(told().contains(button('csv'))).toBe(false);
  });

  describe('a clarify card', () => {
    it('answers with a click, and leaves when the server took it', async () => {
      let take = (_: object): void => undefined;
      server.on(ANSWER, () => new Promise(done => (take = done)));
      await show([question()]);
      const card = screen.getByRole('group', { name: 'Which format?' });
      fireEvent.click(within(card).getByRole('button', { name: 'parquet' }));
      await vi.waitFor(() => expect(bodyOf(ANSWER)).toHaveLength(1));
      expect((card as HTMLFieldSetElement).disabled).toBe(true);
      fireEvent.click(button('csv'));
      take({ state: 'answered' });
      await vi.waitFor(() =>
        expect(screen.queryByRole('button', { name: 'csv' })).toBeNull()
      );
      expect(bodyOf(ANSWER)).toEqual([{ answer: 'parquet', client: 'test' }]);
      expect(screen.getByText('Answered: parquet')).toBeTruthy();
    });

    it('comes back with the error when the answer did not arrive', async () => {
      server.on(ANSWER, () =>
        refuse(500, {
          code: 'x',
          message: 'It broke.',
          hint: { text: 'Try again.' }
        })
      );
      await show([question()]);
      fireEvent.click(button('Other…'));
      const text = screen.getByRole<HTMLTextAreaElement>('textbox', {
        name: 'Which format?'
      });
      await vi.waitFor(() => expect(document.activeElement).toBe(text));
      fireEvent.input(text, { target: { value: 'feather' } });
      fireEvent.click(button('Answer'));
      const alert = await screen.findByRole('alert');
      expect(alert.textContent).toContain('It broke.');
      expect(alert.textContent).toContain('Try again.');
      expect(text.value).toBe('feather');
      expect(button('Answer').closest('fieldset')?.disabled).toBe(false);
      expect(bodyOf(ANSWER)).toEqual([{ answer: 'feather', client: 'test' }]);
    });

    it('says who was faster', async () => {
      server.on(ANSWER, () =>
        refuse(409, {
          code: 'question_answered',
          message: 'Answered.',
          question: question({
            state: 'answered',
            answer: 'csv',
            answered_by: { client: 'cell', user: 'ada' }
          })
        })
      );
      await show([question()]);
      fireEvent.click(button('parquet'));
      await screen.findByText('Already answered by ada in a cell: csv');
      expect(screen.queryByRole('button', { name: 'parquet' })).toBeNull();
    });

    it('shows the head of the queue and its length', async () => {
      const second = question({ id: 'q2', asked_at: 2 });
      await show([question(), second]);
      expect(screen.getByText('1 of 2')).toBeTruthy();
      expect(screen.getAllByRole('button', { name: 'csv' })).toHaveLength(1);
    });

    it('takes several answers to several questions', async () => {
      server.on(ANSWER, () => ({ state: 'answered' }));
      await show([
        question({
          questions: [
            { text: 'Which?', choices: ['a', 'b', 'c'], multi_select: true },
            { text: 'Why?', choices: null, multi_select: false }
          ]
        })
      ]);
      fireEvent.click(screen.getByRole('checkbox', { name: 'a' }));
      fireEvent.click(screen.getByRole('checkbox', { name: 'c' }));
      fireEvent.input(screen.getByRole('textbox', { name: 'Why?' }), {
        target: { value: 'because' }
      });
      fireEvent.click(button('Answer'));
      await vi.waitFor(() =>
        expect(bodyOf(ANSWER)).toMatchObject([
          { answers: [['a', 'c'], 'because'] }
        ])
      );
    });
  });

  it('approves by a button and by nothing else', async () => {
    server.on(ANSWER, () => ({ state: 'answered' }));
    await show([
      question({
        kind: 'approval',
        questions: [],
        command: 'rm -r build',
        choices: [
          { id: 'once', label: 'Allow once', kind: 'allow' },
          { id: 'deny', label: 'Deny', kind: 'deny' }
        ]
      })
    ]);
    const card = screen.getByRole('region', { name: 'Approval' });
    expect(card.textContent).toContain('rm -r build');
    fireEvent.keyDown(card, { key: 'Enter' });
    expect(bodyOf(ANSWER)).toEqual([]);
    fireEvent.click(button('Deny'));
    await vi.waitFor(() =>
      expect(bodyOf(ANSWER)).toMatchObject([{ choice: 'deny' }])
    );
  });

  it('offers no way around approvals that the administrator wants', async () => {
    server.on('GET status', () => ({ policy: { approval_mode: 'manual' } }));
    const choices = [
      { id: 'once', label: 'Allow once', kind: 'allow' as const }
    ];
    await show([
      question({ kind: 'approval', questions: [], command: 'ls', choices })
    ]);
    await screen.findByText(/Set by your administrator/);
    expect(screen.queryByRole('button', { name: 'Stop asking…' })).toBeNull();
    expect(button('Allow once')).toBeTruthy();
  });

  it('only dismisses an approval that was interrupted', async () => {
    await show([
      question({
        kind: 'approval',
        state: 'interrupted',
        questions: [],
        command: 'rm -r build',
        choices: [{ id: 'once', label: 'Allow once', kind: 'allow' }]
      })
    ]);
    expect(screen.queryByRole('button', { name: 'Allow once' })).toBeNull();
    expect(button('Dismiss')).toBeTruthy();
  });

  it('hides a secret and keeps it out of the transcript', async () => {
    server.on(ANSWER, () => ({ state: 'answered' }));
    await show([
      question({
        kind: 'sudo',
        questions: [{ text: 'Password', choices: null, multi_select: false }]
      })
    ]);
    const input = screen.getByLabelText<HTMLInputElement>('Password');
    expect(input.type).toBe('password');
    fireEvent.input(input, { target: { value: 'hunter2' } });
    fireEvent.submit(input.form!);
    await screen.findByText('Answered');
    expect(bodyOf(ANSWER)).toMatchObject([{ value: 'hunter2' }]);
    expect(document.body.innerHTML).not.toContain('hunter2');
  });

  describe('the composer', () => {
    const PROMPT = 'POST sessions/c1/prompt';
    const input = () =>
      screen.getByRole<HTMLTextAreaElement>('textbox', {
        name: 'Message to Hermes'
      });

    beforeEach(async () => {
      server.on(PROMPT, () => ({ turn_id: 't1', state: 'running' }));
      await show();
      fireEvent.input(input(), { target: { value: 'hello' } });
    });

    it('sends with Enter', async () => {
      fireEvent.keyDown(input(), { key: 'Enter' });
      await vi.waitFor(() => expect(bodyOf(PROMPT)).toHaveLength(1));
      expect(input().value).toBe('');
    });

    it.each([
      ['breaks the line with Shift', { key: 'Enter', shiftKey: true }],
      ['leaves Enter to the input method', { key: 'Enter', isComposing: true }],
      ['knows the key code of composing', { key: 'Enter', keyCode: 229 }]
    ])('%s', (_, key) => {
      fireEvent.keyDown(input(), key);
      expect(bodyOf(PROMPT)).toEqual([]);
    });

    it('leaves Enter to the line where the settings say so', async () => {
      act(() => preferences.set({ ...DEFAULTS, sendWith: 'Ctrl+Enter' }));
      expect(button('Send').title).toBe('Send (Ctrl+Enter)');
      fireEvent.keyDown(input(), { key: 'Enter' });
      expect(bodyOf(PROMPT)).toEqual([]);
      fireEvent.keyDown(input(), { key: 'Enter', ctrlKey: true });
      await vi.waitFor(() => expect(bodyOf(PROMPT)).toHaveLength(1));
    });

    it('gets the text back, with the error and its hint', async () => {
      server.on(PROMPT, () =>
        refuse(503, {
          code: 'no-model',
          message: 'No model.',
          hint: { text: 'Set one.' }
        })
      );
      fireEvent.keyDown(input(), { key: 'Enter' });
      const alert = await screen.findByRole('alert');
      expect(alert.textContent).toContain('No model.');
      expect(alert.textContent).toContain('Set one.');
      expect(input().value).toBe('hello');
    });
  });

  it('says that it polls, and nothing of a loss', async () => {
    await show();
    stage.client.connection.set({ state: 'polling' });
    const line = await screen.findByText(/No live connection/);
    expect(line.getAttribute('role')).toBe('status');
    expect(screen.queryByRole('button', { name: 'Retry now' })).toBeNull();
  });

  it('unfolds the reasoning as the settings say', async () => {
    await show();
    act(() =>
      chat.conversation.value.apply({
        event: 'reasoning.delta',
        id: 'e1.9',
        data: { session_id: 'c1', message_id: 'm1', text: 'Let me see.' }
      })
    );
    const reasoning = screen.getByText('Thinking…').closest('details')!;
    expect(reasoning.open).toBe(false);
    act(() => preferences.set({ ...DEFAULTS, unfoldReasoning: true }));
    expect(reasoning.open).toBe(true);
  });

  it('shows an unknown gauge as unknown', async () => {
    await show();
    const gauge = screen.getByRole('img', { name: 'Context: not known yet' });
    expect(gauge.textContent).toBe('–');
    expect(screen.queryByRole('meter')).toBeNull();
  });
});
