import { signal } from '@preact/signals';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Question, Summary } from '../src/client/api';
import { HermesClient } from '../src/client/client';
import { LiveModel } from '../src/model/live';
import { detail, FakeServer, question } from './fake-server';

describe('LiveModel', () => {
  let server: FakeServer;
  let client: HermesClient;
  let live: LiveModel;
  const questions = signal<Question[]>([]);

  const row = (id: string, state: Summary['state']) => detail({ id, state });
  const listed = () => live.rows.value.map(({ id }) => id);

  beforeEach(async () => {
    questions.value = [];
    server = new FakeServer().on('GET sessions?limit=50', () => ({
      sessions: [row('a', 'running'), row('b', 'idle'), row('c', 'waiting')]
    }));
    client = new HermesClient(server.request);
    live = new LiveModel(client, questions);
    await vi.waitFor(() => expect(listed()).toEqual(['a']));
  });

  afterEach(() => {
    live.dispose();
    client.dispose();
  });

  it('has what waits for an answer, if an agent waits for it', () => {
    questions.value = [question({ session_id: 'c', state: 'interrupted' })];
    expect(listed()).toEqual(['a']);
    questions.value = [question({ session_id: 'c', state: 'open' })];
    expect(listed()).toEqual(['a', 'c']);
  });

  it('changes with the list of conversations', async () => {
    server.stream.send('e1.1', 'sessions', {
      sessions: [row('b', 'running'), row('a', 'idle')]
    });
    await vi.waitFor(() => expect(listed()).toEqual(['b']));
    server.stream.send('e1.2', 'sessions', { sessions: [], removed: ['b'] });
    await vi.waitFor(() => expect(listed()).toEqual([]));
  });

  it('stops the turn that runs, and none that is over', async () => {
    const turn = { turn_id: 't1', state: 'running', origin: 'user' } as const;
    server
      .on('GET sessions/a', () => detail({ id: 'a', turn }))
      .on('POST sessions/a/interrupt', () => ({}));
    await live.stop('a');
    server.on('GET sessions/a', () =>
      detail({ id: 'a', turn: { ...turn, state: 'complete' } })
    );
    await live.stop('a');
    expect(
      server.calls.filter(({ call }) => call === 'POST sessions/a/interrupt')
    ).toMatchObject([{ body: { turn_id: 't1' } }]);
  });
});
