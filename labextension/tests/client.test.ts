import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, type HermesEvent } from '../src/client/api';
import { HermesClient } from '../src/client/client';
import { detail, FakeServer, question, refuse } from './fake-server';

function names(events: HermesEvent[]): string[] {
  return events.map(({ event, id }) => `${event} ${id}`);
}

const delta = { session_id: 'c1', message_id: 't1.1', text: 'a' };

describe('HermesClient', () => {
  let server: FakeServer;
  let client: HermesClient;

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer();
    client = new HermesClient(server.request);
  });

  afterEach(() => {
    client.dispose();
    vi.useRealTimers();
  });

  const settle = () => vi.advanceTimersByTimeAsync(0);

  const follow = async (id = 'c1', cursor = 'e1.10') => {
    const events: HermesEvent[] = [];
    server.on(`GET sessions/${id}`, () => detail({ id, cursor }));
    const end = await client.follow(id, event => events.push(event));
    await settle();
    return { events, end };
  };

  it('delivers the snapshot, then reads on from its cursor', async () => {
    const { events } = await follow();
    expect(server.stream.sessions).toEqual(['c1']);
    expect(server.stream.cursor).toBe('e1.10');
    server.stream.send('e1.11', 'message.delta', delta);
    await settle();
    expect(names(events)).toEqual(['snapshot e1.10', 'message.delta e1.11']);
  });

  it('follows a second conversation during the stream and loses nothing', async () => {
    const first = await follow('c1', 'e1.10');
    server.stream.send('e1.20', 'message.delta', delta);
    await settle();
    const second = await follow('c2', 'e1.15');

    expect(server.streams).toHaveLength(2);
    expect(server.stream.sessions).toEqual(['c1', 'c2']);
    expect(server.stream.cursor).toBe('e1.15');

    server.stream.send('e1.18', 'message.delta', {
      ...delta,
      session_id: 'c2'
    });
    server.stream.send('e1.20', 'message.delta', delta);
    server.stream.send('e1.21', 'message.delta', delta);
    await settle();
    expect(names(first.events)).toEqual([
      'snapshot e1.10',
      'message.delta e1.20',
      'message.delta e1.21'
    ]);
    expect(names(second.events)).toEqual([
      'snapshot e1.15',
      'message.delta e1.18'
    ]);
  });

  it('does not reopen for a conversation that is streamed already', async () => {
    const { end } = await follow();
    end();
    await follow();
    expect(server.streams).toHaveLength(1);
  });

  it('reconnects at the last event, which it does not repeat', async () => {
    const { events } = await follow();
    server.stream.send('e1.11', 'message.delta', delta);
    await settle();
    server.stream.end();
    await settle();
    expect(client.connection.get().state).toBe('lost');

    await vi.advanceTimersByTimeAsync(1300);
    expect(server.streams).toHaveLength(2);
    expect(server.stream.headers.get('Last-Event-ID')).toBe('e1.11');
    server.stream.send('e1.11', 'message.delta', delta);
    server.stream.send('e1.12', 'message.delta', delta);
    await settle();
    expect(names(events)).toEqual([
      'snapshot e1.10',
      'message.delta e1.11',
      'message.delta e1.12'
    ]);
  });

  it('comes back at once when the server ends a stream in order', async () => {
    await follow();
    for (let n = 11; n < 18; n += 1) {
      server.stream.send(`e1.${n}`, 'message.delta', delta);
      await vi.advanceTimersByTimeAsync(10_000);
    }
    const states: string[] = [];
    client.connection.subscribe(({ state }) => states.push(state));
    server.stream.end();
    await settle();
    expect(server.streams).toHaveLength(2);
    expect(server.stream.cursor).toBe('e1.17');
    expect(new Set(states)).not.toContain('lost');
    server.stream.end();
    await settle();
    expect(client.connection.get().state).toBe('lost');
  });

  it('takes the snapshot of a new epoch', async () => {
    const { events } = await follow('c1', 'e1.500');
    server.stream.send('e2.3', 'snapshot', detail({ cursor: 'e2.3' }));
    server.stream.send('e2.4', 'message.delta', delta);
    await settle();
    expect(names(events)).toEqual([
      'snapshot e1.500',
      'snapshot e2.3',
      'message.delta e2.4'
    ]);
  });

  it('keeps following under a new id', async () => {
    const { events } = await follow();
    server.stream.send('e1.11', 'session', { session_id: 'c9', was: 'c1' });
    await settle();
    expect(server.stream.sessions).toEqual(['c9']);
    expect(server.stream.cursor).toBe('e1.11');
    server.stream.send('e1.12', 'message.delta', {
      ...delta,
      session_id: 'c9'
    });
    await settle();
    expect(names(events)).toEqual([
      'snapshot e1.10',
      'session e1.11',
      'message.delta e1.12'
    ]);
  });

  it('tells the page what belongs to no conversation, once', async () => {
    const heard: HermesEvent[] = [];
    client.listen(event => heard.push(event));
    await settle();
    const first = { session_id: 'c1', question: question() };
    const second = { session_id: 'c1', question: question({ id: 'q2' }) };
    server.stream.send('e1.1', 'question', first);
    server.stream.send('e1.1', 'question', second);
    server.stream.send('e1.2', 'message.delta', delta);
    server.stream.send('e1.3', 'agent', { state: 'ready' });
    await settle();
    await follow('c2', 'e1.0');
    server.stream.send('e1.1', 'question', first);
    server.stream.send('e1.3', 'agent', { state: 'ready' });
    await settle();
    expect(names(heard)).toEqual([
      'question e1.1',
      'question e1.1',
      'agent e1.3'
    ]);
  });

  it('gives up a stream that fell silent', async () => {
    await follow();
    const silent = server.stream;
    await vi.advanceTimersByTimeAsync(14_000);
    silent.send('e1.11', 'ping', { t: 1 });
    await vi.advanceTimersByTimeAsync(14_000);
    expect(silent.signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1_100);
    expect(silent.signal?.aborted).toBe(true);
    expect(client.connection.get().state).toBe('lost');
  });

  it('waits longer each time, up to half a minute, and retries on demand', async () => {
    server.streamStatus = 503;
    const waits: number[] = [];
    client.connection.subscribe(connection => {
      if (connection.state === 'lost') {
        waits.push((connection.retryAt - Date.now()) / 1000);
      }
    });
    client.listen(() => undefined);
    await vi.advanceTimersByTimeAsync(200_000);
    [1, 2, 4, 8, 16, 30, 30].forEach((wait, i) => {
      expect(waits[i]).toBeGreaterThanOrEqual(wait * 0.75);
      expect(waits[i]).toBeLessThanOrEqual(wait * 1.25);
    });

    server.streamStatus = 200;
    client.retryNow();
    await settle();
    expect(client.connection.get().state).toBe('open');
  });

  it.each([401, 403])('stops at %i until asked to retry', async status => {
    server.streamStatus = status;
    client.listen(() => undefined);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(client.connection.get().state).toBe('signed-out');

    server.streamStatus = 200;
    client.retryNow();
    await settle();
    expect(client.connection.get().state).toBe('open');
  });

  const prompt = { text: 'hello', client_id: 'x' };

  it.each<[string, object, (client: HermesClient) => Promise<unknown>]>([
    [
      'POST sessions/a%2Fb/prompt',
      { ...prompt, when_busy: 'queue' },
      client => client.prompt('a/b', prompt)
    ],
    [
      'POST sessions/c1/prompt',
      { ...prompt, when_busy: 'interrupt', replaces: 'm1' },
      client =>
        client.prompt('c1', {
          ...prompt,
          when_busy: 'interrupt',
          replaces: 'm1'
        })
    ],
    [
      'POST sessions/c1/compress',
      { focus: 'the plot' },
      client => client.compress('c1', { focus: 'the plot' })
    ],
    ['POST sessions/c1/compress', {}, client => client.compress('c1')],
    ['POST sessions/c1/undo', {}, client => client.undo('c1')],
    ['DELETE sessions/c1/turns/t1', {}, client => client.withdraw('c1', 't1')],
    [
      'PUT sessions/c1/skip-approvals',
      { on: true, client: 'test' },
      client => client.skipApprovals('c1', true, 'test')
    ]
  ])('calls %s with %j', async (call, body, act) => {
    server.on(call, () => ({}));
    await act(client);
    expect(server.calls).toEqual([{ call, body }]);
  });

  it('words refusals as the server does', async () => {
    server.on('POST questions/q1/answer', () =>
      refuse(409, {
        code: 'question_answered',
        message: 'Answered.',
        hint: { text: 'Look above.' },
        question: question({ state: 'answered' })
      })
    );
    const error = await client
      .answer('q1', { answer: 'csv' }, 'test')
      .catch((thrown: ApiError) => thrown);
    expect(error).toMatchObject({
      name: 'ApiError',
      code: 'question_answered',
      message: 'Answered.',
      hint: { text: 'Look above.' },
      status: 409,
      question: { state: 'answered' }
    });
  });

  it('forgets a conversation that is gone, and streams the others', async () => {
    await follow('c1');
    await follow('c2');
    server.on('GET sessions/c2', () =>
      refuse(404, { code: 'session_not_found', message: 'Gone.' })
    );
    server.streamStatus = 404;
    server.stream.end();
    await vi.advanceTimersByTimeAsync(1300);
    server.streamStatus = 200;
    await vi.advanceTimersByTimeAsync(4000);
    expect(server.stream.sessions).toEqual(['c1']);
  });

  it('names a server it cannot reach', async () => {
    const offline = new HermesClient(() => Promise.reject(new TypeError('no')));
    await expect(offline.status()).rejects.toMatchObject({
      code: 'unreachable',
      status: 0
    });
  });

  it('survives an answer that is not ours', async () => {
    server.on('GET status', () => new Response('<html>', { status: 502 }));
    await expect(client.status()).rejects.toMatchObject({ code: 'http-502' });
  });
});
