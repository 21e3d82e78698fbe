import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Change, PageLife } from '../src/client/browser';
import { HermesClient } from '../src/client/client';
import type { OpenNotebook } from '../src/client/notebooks';
import { OpenNotebooks } from '../src/model/open-notebooks';
import { JournalServer } from './fake-server';

const TELL = 'PUT notebook/documents';
const POLICIES = { policy: 'edit', max_policy: 'run' };

const document = (path: string): OpenNotebook => ({
  path,
  kernel_id: 'k1',
  focused: true
});

describe('the notebooks of a page', () => {
  let server: JournalServer;
  let client: HermesClient;
  let open: OpenNotebook[];
  let notebooks: OpenNotebooks;
  let change: (change: Change) => void;
  const heard = vi.fn();

  const told = () =>
    server.calls
      .filter(({ call }) => call === TELL)
      .map(({ body }) => (body as { documents: OpenNotebook[] }).documents)
      .map(documents => documents.map(({ path }) => path).join(' '));

  beforeEach(() => {
    server = new JournalServer();
    server.add('c1');
    server.on(TELL, () => POLICIES);
    client = new HermesClient(server.request);
    client.listen(() => undefined);
    open = [document('a.ipynb')];
    const life: PageLife = {
      isVisible: () => false,
      watch: listener => {
        change = listener;
        return () => undefined;
      }
    };
    notebooks = new OpenNotebooks(client, {
      pageId: 'p1',
      life,
      list: () => open,
      heard
    });
  });

  afterEach(() => {
    notebooks.dispose();
    client.dispose();
    server.stop();
  });

  it('are told once there is a server, and what changes once each', async () => {
    await vi.waitFor(() => expect(told()).toEqual(['a.ipynb']));
    expect(heard).toHaveBeenLastCalledWith(POLICIES);
    notebooks.changed();
    open = [...open, document('b.ipynb')];
    notebooks.changed();
    notebooks.changed();
    await vi.waitFor(() => expect(told()).toHaveLength(2));
    notebooks.changed();
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(told()).toEqual(['a.ipynb', 'a.ipynb b.ipynb']);
  });

  it('are told again to a server that has begun anew', async () => {
    await vi.waitFor(() => expect(told()).toHaveLength(1));
    server.restart();
    client.retryNow();
    await vi.waitFor(() => expect(told()).toHaveLength(2), 5000);
  });

  it('are taken back while the page sleeps', async () => {
    await vi.waitFor(() => expect(told()).toHaveLength(1));
    change('suspended');
    notebooks.changed();
    await vi.waitFor(() => expect(told()).toEqual(['a.ipynb', '']));
    change('resumed');
    await vi.waitFor(() => expect(told().at(-1)).toBe('a.ipynb'));
  });

  it('are told later where that failed', async () => {
    await vi.waitFor(() => expect(told()).toHaveLength(1));
    server.isUnreachable = true;
    open = [document('b.ipynb')];
    notebooks.changed();
    await new Promise(resolve => setTimeout(resolve, 20));
    server.isUnreachable = false;
    notebooks.changed();
    await vi.waitFor(() => expect(told().at(-1)).toBe('b.ipynb'));
  });
});
