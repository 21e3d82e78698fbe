import type { AnyModel } from '@anywidget/types';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { requestByComm } from '../src/widget/comm';

type Listener = (message: object, buffers: DataView[]) => void;

/** The kernel at the other end of a widget's comm. */
class FakeKernel {
  readonly heard: Record<string, unknown>[] = [];
  private listener: Listener = () => undefined;

  readonly model = {
    on: (_: string, listener: Listener) => {
      this.listener = listener;
    },
    off: () => {
      this.listener = () => undefined;
    },
    send: (message: Record<string, unknown>) => this.heard.push(message)
  } as unknown as AnyModel;

  say(message: object, text?: string): void {
    const bytes = text === undefined ? [] : [new TextEncoder().encode(text)];
    this.listener(
      message,
      bytes.map(({ buffer }) => new DataView(buffer))
    );
  }
}

let kernel: FakeKernel;

beforeEach(() => {
  kernel = new FakeKernel();
});

describe('a request by comm', () => {
  it('is answered as one by HTTP is', async () => {
    const { request } = requestByComm(kernel.model);
    const answered = request('sessions', {
      method: 'POST',
      body: '{}',
      headers: { Accept: 'application/json' }
    });
    expect(kernel.heard[0]).toEqual({
      type: 'request',
      id: '1',
      method: 'POST',
      path: 'sessions',
      headers: { accept: 'application/json' },
      body: '{}'
    });
    const headers = { 'content-type': 'application/json' };
    kernel.say({ type: 'answer', id: '1', status: 201, headers });
    kernel.say({ type: 'piece', id: '1' }, '{"id":');
    kernel.say({ type: 'piece', id: '1' }, '"a"}');
    kernel.say({ type: 'end', id: '1' });
    const response = await answered;
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({ id: 'a' });
  });

  it('streams, and tells the kernel when nobody reads on', async () => {
    const { request } = requestByComm(kernel.model);
    const answered = request('events', {});
    kernel.say({ type: 'answer', id: '1', status: 200, headers: {} });
    const reader = (await answered).body!.getReader();
    kernel.say({ type: 'piece', id: '1' }, 'one');
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('one');
    await reader.cancel();
    expect(kernel.heard.at(-1)).toEqual({ type: 'abort', id: '1' });
    kernel.say({ type: 'piece', id: '1' }, 'two');
  });

  it('is given up by its signal, also in the middle', async () => {
    const { request } = requestByComm(kernel.model);
    const early = new AbortController();
    const never = request('status', { signal: early.signal });
    early.abort();
    await expect(never).rejects.toThrow('given up');

    const late = new AbortController();
    const answered = request('events', { signal: late.signal });
    kernel.say({ type: 'answer', id: '2', status: 200, headers: {} });
    const reader = (await answered).body!.getReader();
    late.abort();
    await expect(reader.read()).rejects.toThrow('given up');
    expect(kernel.heard.filter(({ type }) => type === 'abort')).toHaveLength(2);
  });

  it('fails when the server is lost in the middle', async () => {
    const { request } = requestByComm(kernel.model);
    const answered = request('events');
    kernel.say({ type: 'answer', id: '1', status: 200, headers: {} });
    const body = (await answered).text();
    kernel.say({ type: 'end', id: '1', error: 'The server went away' });
    await expect(body).rejects.toThrow('went away');
  });

  it('says that the kernel is busy', async () => {
    vi.useFakeTimers();
    const { request } = requestByComm(kernel.model);
    const answered = request('status');
    const told = expect(answered).rejects.toThrow('busy');
    await vi.advanceTimersByTimeAsync(10_000);
    await told;
    vi.useRealTimers();
  });

  it('ends with its panel', () => {
    const { request, end } = requestByComm(kernel.model);
    void request('events');
    end();
    expect(kernel.heard.at(-1)).toEqual({ type: 'abort', id: '1' });
  });
});
