import { describe, expect, it } from 'vitest';
import { HermesClient } from '../src/client/client';
import { SessionsModel } from '../src/model/sessions';
import { detail, FakeServer } from './fake-server';

describe('SessionsModel', () => {
  it('puts changed rows in order of activity and drops removed ones', async () => {
    const row = (id: string, last_active: number) =>
      detail({ id, last_active });
    const server = new FakeServer().on('GET sessions?limit=50', () => ({
      sessions: [row('a', 3), row('b', 2), row('c', 1)]
    }));
    const client = new HermesClient(server.request);
    const sessions = new SessionsModel(client);
    await sessions.load();
    sessions.apply({
      event: 'sessions',
      id: 'e1.1',
      data: { sessions: [row('c', 4)], removed: ['b'] }
    });
    expect(sessions.rows.value?.map(({ id }) => id)).toEqual(['c', 'a']);
    sessions.dispose();
    client.dispose();
  });
});
