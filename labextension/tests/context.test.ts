import { signal, type Signal } from '@preact/signals';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HermesClient } from '../src/client/client';
import { ChatModel } from '../src/model/chat';
import {
  PromptContext,
  type ContextChip,
  type NotebookName
} from '../src/model/context';
import { detail, FakeServer, MemoryStorage, refuse } from './fake-server';

const PROMPT = 'POST sessions/c1/prompt';

const cell = (number: number, source = 'x = 1'): ContextChip => ({
  kind: 'cell',
  path: 'work/a.ipynb',
  cell_id: `c${number}`,
  cell_type: 'code',
  source,
  label: `a.ipynb · cell ${number}`
});
const { label: _, ...sent } = cell(5);

describe('what goes with a prompt', () => {
  const storage = new MemoryStorage();
  let server: FakeServer;
  let client: HermesClient;
  let chat: ChatModel;
  let notebook: Signal<NotebookName | null>;

  const newChat = (): ChatModel =>
    new ChatModel(client, {
      name: 'test',
      storage,
      place: () => ({}),
      context: keep =>
        new PromptContext(
          {
            notebook,
            cells: number =>
              [5, 51, 6]
                .map(n => cell(n))
                .filter(chip => chip.label.includes(` ${number}`))
          },
          keep
        )
    });
  const bodies = () =>
    server.calls
      .filter(({ call }) => call === PROMPT)
      .map(({ body }) => body as { context?: unknown; client_id: string });

  beforeEach(async () => {
    server = new FakeServer()
      .on('GET sessions/c1', () => detail())
      .on('GET sessions/c2', () => detail({ id: 'c2', tip_id: 'c2' }))
      .on('GET commands', () => ({
        commands: [{ name: 'help', aliases: [], choices: [] }]
      }))
      .on('POST sessions/c1/command', () => ({ session_id: 'c1' }))
      .on(PROMPT, () => ({ turn_id: 't1', state: 'queued' }));
    client = new HermesClient(server.request);
    notebook = signal<NotebookName | null>({
      path: 'work/a.ipynb',
      name: 'a.ipynb'
    });
    chat = newChat();
    await chat.open('c1');
  });

  afterEach(() => {
    chat.context!.take();
    chat.context!.setAlone(false);
    chat.dispose();
    client.dispose();
  });

  it('is the notebook and the cells, which go with this one alone', async () => {
    chat.context!.add([cell(5)]);
    await chat.send('why?');
    await chat.send('and now?');
    const told = { kind: 'notebook', path: 'work/a.ipynb' };
    expect(bodies().map(({ context }) => context)).toEqual([
      [told, sent],
      [told]
    ]);
  });

  it('comes back when the prompt fails, and is sent again as the same', async () => {
    server.on(PROMPT, () => refuse(503, { code: 'busy', message: 'No.' }));
    chat.context!.add([cell(5)]);
    await chat.send('why?');
    expect(chat.context!.chips.value).toEqual([cell(5)]);
    expect(chat.draft.value).toBe('why?');
    server.on(PROMPT, () => ({ turn_id: 't1', state: 'running' }));
    await chat.send();
    const [first, second] = bodies();
    expect(second).toEqual(first);
    expect(chat.context!.chips.value).toEqual([]);
  });

  it('comes back with a prompt that waits, and from a command', async () => {
    chat.context!.add([cell(5)]);
    await chat.send('why?');
    server.on('DELETE sessions/c1/turns/t1', () => ({}));
    await chat.withdraw({ turn_id: 't1', state: 'queued', origin: 'user' });
    expect(chat.context!.chips.value).toEqual([cell(5)]);
    await chat.send('/help');
    expect(chat.context!.chips.value).toEqual([cell(5)]);
    expect(bodies()).toHaveLength(1);
  });

  it('is kept by conversation, and over a reload', async () => {
    chat.context!.add([cell(5)]);
    chat.context!.setAlone(true);
    await chat.open('c2');
    expect(chat.context!.chips.value).toEqual([]);
    expect(chat.context!.notebook.value?.name).toBe('a.ipynb');
    const reloaded = newChat();
    await reloaded.open('c1');
    expect(reloaded.context!.chips.value).toEqual([cell(5)]);
    expect(reloaded.context!.notebook.value).toBeNull();
    reloaded.dispose();
    await chat.open('c1');
  });

  it('is the cell as it was last added, and not more than can go', async () => {
    chat.context!.add([cell(5)]);
    chat.context!.add([cell(5, 'x = 2'), cell(6)]);
    expect(chat.context!.chips.value).toEqual([cell(5, 'x = 2'), cell(6)]);
    chat.context!.add([cell(7, 'y'.repeat(20_000))]);
    expect(chat.context!.obstacle.value).toBe('too-long');
    await chat.send('why?');
    expect(bodies()).toEqual([]);
  });

  it('leaves the composer alone when a command asks', async () => {
    chat.setDraft('not yet');
    chat.context!.add([cell(6)]);
    await chat.ask('Explain this cell.', [cell(5)]);
    expect(bodies()[0]).toMatchObject({
      text: 'Explain this cell.',
      context: [{ kind: 'notebook' }, sent]
    });
    expect(chat.draft.value).toBe('not yet');
    expect(chat.context!.chips.value).toEqual([cell(6)]);
  });

  it('can be mentioned by the number of a cell', () => {
    const { completions } = chat;
    completions.look('see @cell 5');
    expect(completions.options.value.map(({ label }) => label)).toEqual([
      '@a.ipynb · cell 5',
      '@a.ipynb · cell 51'
    ]);
    const text = completions.accept(
      'see @cell 5',
      completions.options.value[0]!
    );
    expect(text).toBe('see a.ipynb · cell 5 ');
    expect(chat.context!.chips.value).toEqual([cell(5)]);
    completions.look('an@cell 5');
    expect(completions.options.value).toEqual([]);
  });
});
