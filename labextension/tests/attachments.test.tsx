// @vitest-environment happy-dom
import { fireEvent, screen } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Detail, Message, Turn } from '../src/client/api';
import { ChatModel } from '../src/model/chat';
import { detail, FakeServer, refuse } from './fake-server';
import { Stage } from './stage';

const PROMPT = 'POST sessions/c1/prompt';
const CSV = 'POST sessions/c1/attachments?name=a.csv';
const DELETE = 'DELETE sessions/c1/attachments/a.csv';

const csv = (content = 'a,b', name = 'a.csv') =>
  new File([content], name, { type: 'text/csv' });
const stored = (name: string, type = 'text/csv') => ({
  name,
  path: `/files/${name}`,
  size: 3,
  type
});
const said = (attachments: Message['attachments']): Message => ({
  id: 'm1',
  role: 'user',
  text: 'look',
  attachments
});

describe('attachments', () => {
  let server: FakeServer;
  let stage: Stage;
  let chat: ChatModel;

  const show = async (changes: Partial<Detail> = {}) => {
    server.on('GET sessions/c1', () => detail(changes));
    await chat.open('c1');
    return draw();
  };
  const draw = () => {
    return stage.draw();
  };
  const callsOf = (call: string) => stage.bodiesOf(call);
  const button = (name: string) =>
    screen.getByRole<HTMLButtonElement>('button', { name });
  const input = () =>
    screen.getByRole<HTMLTextAreaElement>('textbox', {
      name: 'Message to Hermes'
    });
  const choose = (...files: File[]) =>
    fireEvent.change(document.querySelector('input[type="file"]')!, {
      target: { files }
    });
  const chips = () =>
    screen.queryByRole('list', { name: 'Files for this prompt' })?.textContent;
  const untilStored = () =>
    vi.waitFor(() => expect(chat.attachments.value.obstacle.value).toBeNull());
  /** Holds the answer to an upload back. */
  const hold = () => {
    let release = (_: unknown): void => undefined;
    server.on(CSV, () => new Promise(resolve => (release = resolve)));
    return (answer: unknown = stored('a.csv')) => release(answer);
  };

  beforeEach(() => {
    server = new FakeServer()
      .on('POST sessions', () => detail())
      .on('GET sessions/c1', () => detail())
      .on('GET sessions/c2', () => detail({ id: 'c2' }))
      .on('GET status', () => ({
        epoch: 'e1',
        agent: { state: 'ready' },
        max_upload: 2048
      }))
      .on('GET questions', () => ({ questions: [] }))
      .on(CSV, () => stored('a.csv'))
      .on(DELETE, () => ({ deleted: 'a.csv' }))
      .on(PROMPT, () => ({ turn_id: 't1', state: 'starting' }));
    stage = new Stage(server);
    ({ chat } = stage);
  });

  afterEach(() => {
    stage.dispose();
  });

  it('makes a conversation of a draft, and goes without any text', async () => {
    draw();
    choose(csv());
    await untilStored();
    expect(callsOf('POST sessions')).toHaveLength(1);
    expect(callsOf(CSV)).toEqual([expect.any(File)]);
    fireEvent.keyDown(input(), { key: 'Enter' });
    await vi.waitFor(() =>
      expect(callsOf(PROMPT)).toMatchObject([
        { text: '', attachments: ['a.csv'] }
      ])
    );
    expect(chips()).toBeUndefined();
    expect(screen.getByRole('log').textContent).toContain('a.csv');
  });

  it('keeps Send back while a file is on its way, and says so', async () => {
    await show();
    const release = hold();
    choose(csv());
    fireEvent.input(input(), { target: { value: 'look' } });
    await vi.waitFor(() => expect(callsOf(CSV)).toHaveLength(1));
    expect(chips()).toContain('Uploading…');
    server.progress(0.4);
    await vi.waitFor(() => expect(chips()).toContain('Uploading… 40 %'));
    expect(
      screen
        .getByRole('progressbar', { name: 'Upload of a.csv' })
        .getAttribute('aria-valuenow')
    ).toBe('40');
    expect(button('Send').disabled).toBe(true);
    expect(button('Send').title).toContain('uploading');
    fireEvent.keyDown(input(), { key: 'Enter' });
    expect(callsOf(PROMPT)).toEqual([]);
    expect(input().value).toBe('look');
    release();
    await vi.waitFor(() => expect(button('Send').disabled).toBe(false));
    expect(chips()).toContain('3 bytes');
  });

  it('shows and sends the name a file is stored under', async () => {
    await show();
    server.on(CSV, () => stored('a-2.csv'));
    choose(csv());
    await untilStored();
    expect(chips()).toContain('a-2.csv');
    await chat.send('look');
    expect(callsOf(PROMPT)).toMatchObject([{ attachments: ['a-2.csv'] }]);
  });

  it('refuses what is too large before it is sent', async () => {
    await show();
    chat.attachments.value.add([csv('x'.repeat(2049))], 2048);
    await vi.waitFor(() =>
      expect(screen.getByRole('alert').textContent).toContain(
        'at most 2 KB can be attached'
      )
    );
    expect(callsOf(CSV)).toEqual([]);
    expect(screen.queryByRole('button', { name: 'Retry' })).toBeNull();
    expect(chat.attachments.value.obstacle.value).toBe('failed');
    fireEvent.click(button('Remove a.csv'));
    await vi.waitFor(() => expect(chips()).toBeUndefined());
    expect(callsOf(DELETE)).toEqual([]);
    expect(document.activeElement).toBe(input());
  });

  it('asks the server what is too large', async () => {
    await show();
    await vi.waitFor(() =>
      expect(stage.page.status.value?.max_upload).toBe(2048)
    );
    choose(csv('x'.repeat(2049)));
    await vi.waitFor(() => expect(chips()).toContain('It is too large'));
  });

  it('shows what failed, and tries it again', async () => {
    await show();
    server.on(CSV, () => refuse(500, { code: 'x', message: 'Disk full.' }));
    choose(csv());
    await vi.waitFor(() =>
      expect(screen.getByRole('alert').textContent).toBe('Disk full.')
    );
    expect(button('Send').title).toContain('retry or remove it');
    server.on(CSV, () => stored('a.csv'));
    fireEvent.click(button('Retry'));
    await untilStored();
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('deletes on the server what is removed', async () => {
    await show();
    choose(csv());
    await untilStored();
    fireEvent.click(button('Remove a.csv'));
    await vi.waitFor(() => expect(callsOf(DELETE)).toHaveLength(1));
  });

  it('deletes what arrived after it was removed', async () => {
    await show();
    const release = hold();
    choose(csv());
    await vi.waitFor(() => expect(callsOf(CSV)).toHaveLength(1));
    fireEvent.click(button('Remove a.csv'));
    expect(callsOf(DELETE)).toEqual([]);
    release();
    await vi.waitFor(() => expect(callsOf(DELETE)).toHaveLength(1));
    expect(chat.attachments.value.list.value).toEqual([]);
  });

  it('uploads one at a time, and not what is removed before its turn', async () => {
    const release = hold();
    await chat.open('c1');
    const files = chat.attachments.value;
    files.add([csv(), csv('c,d', 'b.csv'), csv('e,f', 'c.csv')]);
    server.on('POST sessions/c1/attachments?name=c.csv', () => stored('c.csv'));
    await vi.waitFor(() => expect(callsOf(CSV)).toHaveLength(1));
    files.remove(files.list.value[1]!);
    release();
    await untilStored();
    const uploads = server.calls.filter(({ call }) => call.includes('?name='));
    expect(uploads.map(({ call }) => call.at(-5))).toEqual(['a', 'c']);
  });

  it('gives back text and files of what failed, and sends it as the same', async () => {
    await chat.open('c1');
    chat.attachments.value.add([csv()]);
    await untilStored();
    server.on(PROMPT, () => refuse(503, { code: 'busy', message: 'Later.' }));
    chat.setDraft('look');
    await chat.send();
    expect(chat.draft.value).toBe('look');
    const [file] = chat.attachments.value.list.value;
    expect(file?.name.value).toBe('a.csv');
    server.on(PROMPT, () => ({ turn_id: 't1', state: 'starting' }));
    await chat.send();
    const [first, second] = callsOf(PROMPT) as { client_id: string }[];
    expect(second).toEqual(first);
    expect(chat.attachments.value.list.value).toEqual([]);
  });

  it('is another prompt without its file', async () => {
    await chat.open('c1');
    chat.attachments.value.add([csv()]);
    await untilStored();
    server.on(PROMPT, () => refuse(503, { code: 'busy', message: 'Later.' }));
    chat.setDraft('look');
    await chat.send();
    chat.attachments.value.remove(chat.attachments.value.list.value[0]!);
    await chat.send();
    const [first, second] = callsOf(PROMPT) as { client_id: string }[];
    expect(second).not.toHaveProperty('attachments');
    expect(second?.client_id).not.toBe(first?.client_id);
  });

  it('keeps to each conversation what is its own', async () => {
    await chat.open('c1');
    const release = hold();
    chat.attachments.value.add([csv()]);
    await vi.waitFor(() => expect(callsOf(CSV)).toHaveLength(1));
    await chat.open('c2');
    expect(chat.attachments.value.list.value).toEqual([]);
    release();
    await chat.open('c1');
    await untilStored();
    expect(chat.attachments.value.list.value).toHaveLength(1);
  });

  it('keeps the file of a draft which is left before it was created', async () => {
    let create = (_: Detail): void => undefined;
    server.on('POST sessions', () => new Promise(done => (create = done)));
    chat.attachments.value.add([csv()]);
    await vi.waitFor(() => expect(callsOf('POST sessions')).toHaveLength(1));
    chat.newChat();
    expect(chat.attachments.value.list.value).toEqual([]);
    create(detail());
    await vi.waitFor(() => expect(callsOf(CSV)).toHaveLength(1));
    expect(chat.attachments.value.list.value).toEqual([]);
    await chat.open('c1');
    await untilStored();
    expect(chat.attachments.value.list.value).toHaveLength(1);
  });

  it('gives files back to the conversation they failed in', async () => {
    await chat.open('c1');
    chat.attachments.value.add([csv()]);
    await untilStored();
    let fail = (_: Response): void => undefined;
    server.on(PROMPT, () => new Promise(resolve => (fail = resolve)));
    const sending = chat.send('look');
    await vi.waitFor(() => expect(callsOf(PROMPT)).toHaveLength(1));
    await chat.open('c2');
    fail(refuse(503, { code: 'busy', message: 'Later.' }));
    await sending;
    expect(chat.attachments.value.list.value).toEqual([]);
    await chat.open('c1');
    expect(chat.attachments.value.list.value).toHaveLength(1);
  });

  it('brings the files of a queued prompt back with it', async () => {
    const files = [{ name: 'a.csv', type: 'text/csv' }];
    const turn: Turn = {
      turn_id: 't2',
      state: 'queued',
      origin: 'user',
      text: '',
      attachments: files
    };
    server.on('DELETE sessions/c1/turns/t2', () => ({}));
    await show({ queued: [turn] });
    fireEvent.click(button('Take back: a.csv'));
    await vi.waitFor(() => expect(chips()).toContain('a.csv'));
    expect(chat.attachments.value.obstacle.value).toBeNull();
  });

  it('keeps the files of a message that is changed', async () => {
    await show({ messages: [said([{ name: 'a.csv', type: 'text/csv' }])] });
    await chat.replace(chat.conversation.value.messages.value[0]!, 'better');
    expect(callsOf(PROMPT)).toMatchObject([
      { text: 'better', replaces: 'm1', attachments: ['a.csv'] }
    ]);
  });

  it('takes files that are dropped, and shows where', async () => {
    const { container } = await show();
    const panel = container.querySelector('.hj-chat')!;
    /** Whether the panel has taken it for its own. */
    const drag = (type: string, types: string[], files: File[] = []) => {
      const event = new Event(type, { bubbles: true, cancelable: true });
      Object.assign(event, { dataTransfer: { types, files } });
      return !panel.dispatchEvent(event);
    };
    await vi.waitFor(() => expect(drag('dragover', ['Files'])).toBe(true));
    await screen.findByText('Drop files to attach them');
    drag('dragleave', ['Files']);
    await vi.waitFor(() =>
      expect(screen.queryByText('Drop files to attach them')).toBeNull()
    );
    expect(drag('drop', ['Files'], [csv()])).toBe(true);
    await untilStored();
    expect(chips()).toContain('a.csv');
    expect(drag('dragover', ['text/plain'])).toBe(false);
  });

  it.each([
    ['a file', ['Files'], true],
    ['a picture of a page', ['text/html', 'Files'], true],
    ['cells of a table', ['text/plain', 'text/html', 'Files'], false]
  ])('pastes %s', async (_, types, isTaken) => {
    await show();
    const clipboardData = { types, files: [csv()] };
    expect(fireEvent.paste(input(), { clipboardData })).toBe(!isTaken);
    await untilStored();
    expect(chat.attachments.value.list.value).toHaveLength(isTaken ? 1 : 0);
  });

  describe('of a message', () => {
    const IMAGE = 'GET sessions/c1/attachments/dot.png';
    const image = { name: 'dot.png', type: 'image/png' };
    const file = () =>
      new Response('dot', {
        headers: {
          'Content-Type': 'image/png',
          'Content-Disposition': "attachment; filename*=UTF-8''dot.png"
        }
      });

    beforeEach(() => {
      server.on(IMAGE, file);
      URL.createObjectURL = vi.fn(() => 'blob:dot');
      URL.revokeObjectURL = vi.fn();
    });

    it('shows images, and lets them go with the message', async () => {
      await show({ messages: [said([image])] });
      await vi.waitFor(() =>
        expect(document.querySelector('img')?.src).toBe('blob:dot')
      );
      chat.newChat();
      await vi.waitFor(() =>
        expect(URL.revokeObjectURL).toHaveBeenCalledWith('blob:dot')
      );
    });

    it('shows some of many', async () => {
      const many = Array.from({ length: 30 }, (_, n) => ({
        name: `${n}.png`,
        type: 'image/png'
      }));
      await show({ messages: [said(many)] });
      const asked = () =>
        server.calls.filter(({ call }) => call.endsWith('.png'));
      await vi.waitFor(() => expect(asked()).toHaveLength(4));
      expect(screen.getAllByRole('button', { name: /Download/ })).toHaveLength(
        30
      );
    });

    it('saves a file, or says why not', async () => {
      await show({ messages: [said([{ name: 'a.csv', type: 'text/csv' }])] });
      const path = 'GET sessions/c1/attachments/a.csv';
      expect(callsOf(path)).toEqual([]);
      server.on(path, () => refuse(404, { code: 'x', message: 'Gone.' }));
      fireEvent.click(button('Download a.csv'));
      await vi.waitFor(() =>
        expect(screen.getByRole('alert').textContent).toBe('Gone.')
      );
      server.on(path, file);
      fireEvent.click(button('Download a.csv'));
      await vi.waitFor(() =>
        expect(URL.createObjectURL).toHaveBeenCalledOnce()
      );
    });
  });
});
