// @vitest-environment happy-dom
import { fireEvent, screen } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Detail, HermesEvent, Message } from '../src/client/api';
import { ChatModel } from '../src/model/chat';
import { detail, FakeServer, refuse } from './fake-server';
import { Stage } from './stage';
import { host } from './fake-host';

const rows = (from: number, to: number): Message[] =>
  Array.from({ length: to - from }, (_, i) => ({
    id: String(from + i),
    role: (from + i) % 2 ? 'user' : 'assistant',
    text: `text ${from + i}`,
    at: from + i
  }));

const EARLIER = 'GET sessions/c1/messages?before=101&limit=50';

describe('the transcript', () => {
  let server: FakeServer;
  let stage: Stage;
  let chat: ChatModel;
  let painted: string[];

  const show = async (changes: Partial<Detail>) => {
    const renderMarkdown: typeof host.renderMarkdown = async (node, text) => {
      painted.push(text);
      await host.renderMarkdown(node, text);
    };
    await stage.show(changes, { renderMarkdown });
  };
  const button = (name: string) => screen.getByRole('button', { name });
  /** The messages that can be read, painted or not. */
  const texts = () =>
    screen.getByRole('log').textContent.match(/text \d+/g)!.length;

  beforeEach(() => {
    server = new FakeServer();
    stage = new Stage(server);
    painted = [];
    ({ chat } = stage);
  });

  afterEach(() => {
    stage.dispose();
  });

  it('goes back to the beginning, and says that it is there', async () => {
    server.on(EARLIER, () => ({ messages: rows(90, 101), before: null }));
    await show({ messages: rows(101, 151) });
    expect(texts()).toBe(50);
    button('Earlier messages').focus();
    fireEvent.click(button('Earlier messages'));
    await screen.findByText('The beginning of this conversation');
    expect(texts()).toBe(61);
    await vi.waitFor(() =>
      expect(document.activeElement?.className).toBe('hj-scroll')
    );
  });

  it('says why earlier messages are not there, and tries again', async () => {
    server.on(EARLIER, () => refuse(503, { code: 'x', message: 'Later.' }));
    await show({ messages: rows(101, 151) });
    fireEvent.click(button('Earlier messages'));
    await screen.findByText('Later.');
    server.on(EARLIER, () => ({ messages: rows(51, 101), before: '51' }));
    fireEvent.click(button('Earlier messages'));
    await vi.waitFor(() => expect(texts()).toBe(100));
    expect(screen.queryByText('Later.')).toBeNull();
  });

  it('touches nothing but the message that grows', async () => {
    const turn = { turn_id: 't1', state: 'running', origin: 'user' } as const;
    const open: Message = {
      id: 't1.1',
      role: 'assistant',
      text: 'So',
      at: 200
    };
    await show({
      turn,
      messages: [...rows(101, 151), { ...open, status: 'streaming' }]
    });
    await vi.waitFor(() => expect(painted).toContain('So'));
    painted.length = 0;
    const touched = new Set<Node>();
    const observer = new MutationObserver(changes =>
      changes.forEach(({ target }) => touched.add(target))
    );
    observer.observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true
    });
    for (let n = 0; n < 100; n += 1) {
      chat.conversation.value.apply({
        event: 'message.delta',
        id: `e1.${100 + n}`,
        data: { session_id: 'c1', message_id: 't1.1', text: ` ${n}` }
      } as HermesEvent);
    }
    await vi.waitFor(() => expect(painted.at(-1)).toContain(' 99'));
    await vi.waitFor(() => expect(touched.size).toBeGreaterThan(0));
    observer.disconnect();
    const growing = document.querySelector('[data-key="t1.1"]')!;
    expect([...touched].filter(node => !growing.contains(node))).toEqual([]);
    expect(painted.every(text => text.startsWith('So'))).toBe(true);
  });

  it('gives the message that was found the light and the focus', async () => {
    await show({ messages: rows(101, 151) });
    chat.conversation.value.lit.value = '120';
    await vi.waitFor(() =>
      expect(document.activeElement?.getAttribute('data-key')).toBe('120')
    );
    expect(document.querySelectorAll('[data-lit="true"]')).toHaveLength(1);
  });

  it('leads from a branch to what it is one of', async () => {
    server.on('GET sessions/p1', () => detail({ id: 'p1', title: 'Origin' }));
    await show({
      relation: 'branch',
      parent_id: 'p1',
      messages: rows(1, 3)
    });
    expect(screen.getByText('Branch of')).toBeTruthy();
    fireEvent.click(await screen.findByRole('button', { name: 'Origin' }));
    await vi.waitFor(() => expect(chat.id.value).toBe('p1'));
  });

  it('says of a subagent why nothing can be said, and leads out', async () => {
    server.on('GET sessions/p1', () => detail({ id: 'p1', title: 'Origin' }));
    await show({
      relation: 'subagent',
      parent_id: 'p1',
      capabilities: ['export'],
      messages: rows(1, 3)
    });
    expect(screen.queryByRole('textbox')).toBeNull();
    expect(screen.getByText(/A subagent worked here/)).toBeTruthy();
    fireEvent.click(await screen.findByRole('button', { name: 'Origin' }));
    await screen.findByRole('textbox', { name: 'Message to Hermes' });
  });

  it('says that it was deleted, and takes along what was typed', async () => {
    await show({ messages: rows(1, 3) });
    chat.setDraft('half a thought');
    chat.conversation.value.apply({
      event: 'sessions',
      id: 'e1.99',
      data: { sessions: [], removed: ['c1'] }
    });
    const alert = await screen.findByRole('alert');
    expect(alert.textContent).toContain('This conversation was deleted.');
    expect(screen.getByText('text 1')).toBeTruthy();
    expect(screen.queryByRole('textbox')).toBeNull();
    fireEvent.click(button('New chat'));
    const field = await screen.findByRole<HTMLTextAreaElement>('textbox');
    expect(field.value).toBe('half a thought');
  });
});
