import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Detail, HermesEvent, Question } from '../src/client/api';
import { HermesClient } from '../src/client/client';
import { PageModel } from '../src/model/page';
import { FakeOrigin, FakePage } from './fake-browser';
import { detail, FakeServer, listed, question } from './fake-server';

const STATUS = { epoch: 'e1', agent: { state: 'ready' } };

describe('where streams do not come through', () => {
  let server: FakeServer;
  let conversation: Detail;
  let questions: Question[];
  let clients: HermesClient[];

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer();
    conversation = detail();
    questions = [];
    clients = [];
    server
      .on('GET sessions/c1', () => conversation)
      .on('GET sessions?limit=50', () => listed([conversation]))
      .on('GET questions', () => ({ questions }))
      .on('GET status', () => STATUS);
  });

  afterEach(() => {
    clients.forEach(client => client.dispose());
    vi.useRealTimers();
  });

  const settle = (ms = 10) => vi.advanceTimersByTimeAsync(ms);

  const open = async (page?: FakePage) => {
    const client = new HermesClient(server.request, page?.browser);
    clients.push(client);
    const events: HermesEvent[] = [];
    const model = new PageModel(client);
    await settle();
    await client.follow('c1', event => events.push(event));
    await settle();
    return { client, events, model };
  };

  const polls = () =>
    server.calls.filter(({ call }) => call === 'GET sessions?limit=50').length;

  const refuseStreams = async () => {
    server.streamStatus = 503;
    const opened = await open();
    await settle(8_000);
    expect(opened.client.connection.get()).toEqual({ state: 'polling' });
    return opened;
  };

  it('asks at once when streams are refused again and again', async () => {
    server.streamStatus = 503;
    const { client, events } = await open();
    expect(polls()).toBe(0);
    conversation = detail({ cursor: 'e1.12', title: 'Renamed' });
    await settle(8_000);
    expect(client.connection.get()).toEqual({ state: 'polling' });
    expect(polls()).toBe(1);
    expect(events.map(({ event, id }) => `${event} ${id}`)).toEqual([
      'snapshot e1.10',
      'snapshot e1.12'
    ]);
    await settle(60_000);
    expect(events).toHaveLength(2);
  });

  it('asks at once when a stream is held back', async () => {
    server.isBuffered = true;
    const { client } = await open();
    await settle(4_900);
    expect(polls()).toBe(0);
    await settle(200);
    expect(polls()).toBe(1);
    expect(client.connection.get().state).toBe('polling');
  });

  it('asks as soon as a stream falls silent that had begun', async () => {
    const { client } = await open();
    server.stream.send('e1.11', 'ping', { t: 0 });
    await settle(14_900);
    expect(polls()).toBe(0);
    server.isBuffered = true;
    await settle(200);
    expect(polls()).toBe(1);
    expect(client.connection.get().state).toBe('polling');
  });

  it('asks every three seconds while something goes on, else every ten', async () => {
    await refuseStreams();
    let before = polls();
    await settle(60_000);
    expect(polls() - before).toBeGreaterThanOrEqual(4);
    expect(polls() - before).toBeLessThanOrEqual(9);
    conversation = detail({ state: 'running' });
    await settle(13_000);
    before = polls();
    await settle(60_000);
    expect(polls() - before).toBeGreaterThanOrEqual(15);
    expect(polls() - before).toBeLessThanOrEqual(28);
  });

  it('asks one round at a time', async () => {
    await refuseStreams();
    server.on('GET questions', () => new Promise(() => undefined));
    await settle(13_000);
    const before = polls();
    await settle(10_000);
    expect(polls() - before).toBeLessThanOrEqual(1);
  });

  it('looks at once for what an own call has changed', async () => {
    const { client } = await refuseStreams();
    const before = polls();
    server.on('POST sessions/c1/prompt', () => ({ turn_id: 't1' }));
    await client.prompt('c1', { text: 'hello', client_id: 'x' });
    await settle();
    expect(polls() - before).toBe(1);
  });

  it('tells of questions as the stream does, and of their end', async () => {
    const { model } = await refuseStreams();
    expect(model.waiting.value).toBe(0);
    questions = [question()];
    await settle(13_000);
    expect(model.waiting.value).toBe(1);
    questions = [];
    await settle(13_000);
    expect(model.waiting.value).toBe(0);
  });

  it('goes back to the stream, from where that had ended', async () => {
    const { client, events } = await open();
    server.stream.send('e1.10', 'ping', { t: 0 });
    await settle();
    server.streamStatus = 503;
    server.stream.end();
    conversation = detail({ cursor: 'e1.12' });
    await settle(20_000);
    expect(client.connection.get()).toEqual({ state: 'polling' });
    server.streamStatus = 200;
    const refused = server.streams.length;
    while (server.streams.length === refused) {
      await settle(500);
    }
    expect(server.stream.cursor).toBe('e1.10');
    const before = polls();
    const delta = { session_id: 'c1', message_id: 'm', text: 'a' };
    ['e1.11', 'e1.12', 'e1.13'].forEach(id =>
      server.stream.send(id, 'message.delta', delta)
    );
    await settle();
    expect(client.connection.get()).toEqual({ state: 'open' });
    expect(events.map(({ event, id }) => `${event} ${id}`)).toEqual([
      'snapshot e1.10',
      'snapshot e1.12',
      'message.delta e1.13'
    ]);
    await settle(14_000);
    expect(polls()).toBe(before);
  });

  it('says that the connection is lost when nothing is answered', async () => {
    const { client } = await refuseStreams();
    server.on('GET status', () => new Response(null, { status: 502 }));
    await settle(13_000);
    expect(client.connection.get().state).not.toBe('polling');
    server.on('GET status', () => STATUS);
    await settle(13_000);
    expect(client.connection.get().state).toBe('polling');
  });

  it('does not ask for a server that is not reached', async () => {
    server.isUnreachable = true;
    const client = new HermesClient(server.request);
    clients.push(client);
    client.listen(() => undefined);
    await settle(120_000);
    expect(polls()).toBe(0);
    expect(client.connection.get().state).toBe('lost');
  });

  it('asks for all pages in one, unless nobody sees any of them', async () => {
    server.streamStatus = 503;
    const origin = new FakeOrigin();
    const pages = ['a', 'b'].map(name => new FakePage(origin, name));
    const [first, second] = [await open(pages[0]), await open(pages[1])];
    await settle(10_000);
    for (const { client } of [first, second]) {
      expect(client.connection.get().state).toBe('polling');
    }
    conversation = detail({ cursor: 'e1.30' });
    pages[0]!.change('hidden');
    const before = polls();
    await settle(20_000);
    expect(polls() - before).toBeGreaterThan(0);
    expect(polls() - before).toBeLessThanOrEqual(3);
    expect(first.events.at(-1)?.id).toBe('e1.30');
    expect(second.events.at(-1)?.id).toBe('e1.30');

    pages[1]!.change('hidden');
    await settle();
    const unseen = polls();
    await settle(60_000);
    expect(polls()).toBe(unseen);
    pages[0]!.change('shown');
    await settle();
    expect(polls()).toBe(unseen + 1);
  });
});
