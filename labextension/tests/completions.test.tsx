// @vitest-environment happy-dom
import { fireEvent, screen } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChatModel } from '../src/model/chat';
import { detail, FakeServer, refuse } from './fake-server';
import { Stage } from './stage';

const PROMPT = 'POST sessions/c1/prompt';
const COMMAND = 'POST sessions/c1/command';

const command = (name: string, more: object = {}) => ({
  name,
  description: `What ${name} does.`,
  args: '',
  aliases: [],
  choices: [],
  ...more
});
const COMMANDS = [
  command('compress', { aliases: ['compact'], args: '[what matters]' }),
  command('help'),
  command('reasoning', { choices: ['low', 'high'] })
];
const pathsOf = (text: string) =>
  `GET complete?${new URLSearchParams({ text, session_id: 'c1' })}`;
const path = (name: string) => ({ text: `@${name}`, label: name, detail: '' });

describe('completions', () => {
  let server: FakeServer;
  let stage: Stage;
  let chat: ChatModel;

  const callsOf = (call: string) => stage.bodiesOf(call);
  const input = () =>
    screen.getByRole<HTMLTextAreaElement>('textbox', {
      name: 'Message to Hermes'
    });
  const type = (value: string, caret = value.length) => {
    input().value = value;
    input().setSelectionRange(caret, caret);
    fireEvent.input(input());
  };
  const press = (key: string, more: object = {}) =>
    fireEvent.keyDown(input(), { key, ...more });
  const labels = () =>
    screen.queryAllByRole('option').map(node => node.firstChild!.textContent);
  const until = (...expected: string[]) =>
    vi.waitFor(() => expect(labels()).toEqual(expected));
  const chosen = () =>
    document.getElementById(input().getAttribute('aria-activedescendant') ?? '')
      ?.firstChild?.textContent;

  beforeEach(async () => {
    server = new FakeServer()
      .on('GET sessions/c1', () => detail())
      .on('GET commands', () => ({ commands: COMMANDS }))
      .on(COMMAND, () => ({ session_id: 'c1', turn: null, text: 'Done.' }))
      .on(PROMPT, () => ({ turn_id: 't1', state: 'starting' }));
    stage = new Stage(server);
    ({ chat } = stage);
    await chat.open('c1');
    stage.draw();
  });

  afterEach(() => {
    stage.dispose();
  });

  it('tell the commands there are, and narrow to what is typed', async () => {
    type('/');
    await until('/compress [what matters]', '/help', '/reasoning');
    expect(screen.getByRole('listbox').id).toBe(
      input().getAttribute('aria-controls')
    );
    type('/comp');
    await until('/compress [what matters]');
    type('/compact');
    await until('/compress [what matters]');
    type('/nothing');
    await until();
    expect(input().hasAttribute('aria-controls')).toBe(false);
    expect(callsOf('GET commands')).toHaveLength(1);
  });

  it('are chosen by keyboard, and what goes with a command too', async () => {
    type('/');
    await until('/compress [what matters]', '/help', '/reasoning');
    expect(chosen()).toBe('/compress [what matters]');
    press('ArrowUp');
    await vi.waitFor(() => expect(chosen()).toBe('/reasoning'));
    expect(press('Tab')).toBe(false);
    await until('low', 'high');
    expect(input().value).toBe('/reasoning ');
    press('ArrowDown');
    press('Enter');
    await vi.waitFor(() => expect(input().value).toBe('/reasoning high'));
    expect(callsOf(COMMAND)).toEqual([]);
    press('Enter');
    await vi.waitFor(() =>
      expect(callsOf(COMMAND)).toEqual([
        { text: '/reasoning high', client: 'test' }
      ])
    );
    await vi.waitFor(() => expect(input().value).toBe(''));
    expect(callsOf(PROMPT)).toEqual([]);
  });

  it('are chosen by a click, which leaves the focus', async () => {
    type('/h');
    await until('/help');
    const option = screen.getByRole('option', { name: /help/ });
    expect(fireEvent.mouseDown(option)).toBe(false);
    fireEvent.click(option);
    await vi.waitFor(() => expect(input().value).toBe('/help '));
  });

  it('are closed by Escape, and the key goes no further', async () => {
    type('/h');
    await until('/help');
    const around = vi.fn();
    document.body.addEventListener('keydown', around, { once: true });
    press('Escape');
    await until();
    expect(around).not.toHaveBeenCalled();
    expect(input().value).toBe('/h');
    expect(press('Tab')).toBe(true);
  });

  it('do not stand in the way of a command in full', async () => {
    type('/help');
    await until('/help');
    press('Enter');
    await vi.waitFor(() => expect(callsOf(COMMAND)).toHaveLength(1));
    await until();
  });

  it.each([' /home/ada is full', '/unknown  {x}\n', 'see /help', '//'])(
    'leave %j a prompt as it stands',
    async text => {
      await chat.send(text);
      expect(callsOf(PROMPT)).toMatchObject([{ text }]);
      expect(callsOf(COMMAND)).toEqual([]);
    }
  );

  it('run a command by another name, with all that goes with it', async () => {
    await chat.send('/Compact the\nnames');
    expect(callsOf(COMMAND)).toMatchObject([{ text: '/Compact the\nnames' }]);
  });

  it('go on where a command has led', async () => {
    server.on('GET sessions/c2', () => detail({ id: 'c2' }));
    server.on(COMMAND, () => ({ session_id: 'c2', turn: null, text: null }));
    await chat.send('/help');
    expect(chat.id.value).toBe('c2');
  });

  it.each(['GET commands', COMMAND])(
    'give a text back when %s fails',
    async call => {
      server.on(call, () => refuse(503, { code: 'x', message: 'No agent.' }));
      chat.setDraft('/help');
      await chat.send();
      expect(chat.draft.value).toBe('/help');
      expect(chat.error.value?.message).toBe('No agent.');
      expect(chat.conversation.value.outgoing.value).toEqual([]);
      server.on('GET commands', () => ({ commands: COMMANDS }));
      server.on(COMMAND, () => ({ session_id: 'c1' }));
      await chat.send();
      expect(chat.draft.value).toBe('');
    }
  );

  it('put a path where it is typed, and go on into folders', async () => {
    server
      .on(pathsOf('read @da'), () => ({
        replace_from: 5,
        completions: [path('data/')]
      }))
      .on(pathsOf('read @data/'), () => ({
        replace_from: 5,
        completions: [path('data/a.csv')]
      }));
    type('read @da now', 8);
    await until('data/');
    press('Enter');
    await until('data/a.csv');
    expect(input().value).toBe('read @data/ now');
    expect(input().selectionStart).toBe(11);
    press('Tab');
    await vi.waitFor(() => expect(input().value).toBe('read @data/a.csv now'));
    expect(callsOf(PROMPT)).toEqual([]);
  });

  it('ask for one path at a time, and show those of the last', async () => {
    let answer = (_: unknown): void => undefined;
    server
      .on(pathsOf('@a'), () => new Promise(done => (answer = done)))
      .on(pathsOf('@abc'), () => ({
        replace_from: 0,
        completions: [path('abc.py')]
      }));
    type('@a');
    await vi.waitFor(() => expect(callsOf(pathsOf('@a'))).toHaveLength(1));
    type('@ab');
    type('@abc');
    answer({ replace_from: 0, completions: [path('a.py')] });
    await until('abc.py');
    expect(callsOf(pathsOf('@ab'))).toEqual([]);
  });

  it('say nothing of a text that was sent, or left', async () => {
    let answer = (_: unknown): void => undefined;
    server.on(pathsOf('@a'), () => new Promise(done => (answer = done)));
    type('@a');
    await vi.waitFor(() => expect(callsOf(pathsOf('@a'))).toHaveLength(1));
    press('Enter');
    await vi.waitFor(() => expect(callsOf(PROMPT)).toHaveLength(1));
    answer({ replace_from: 0, completions: [path('a.py')] });
    await vi.waitFor(() =>
      expect(chat.conversation.value.outgoing.value).toEqual([])
    );
    expect(labels()).toEqual([]);
  });
});
