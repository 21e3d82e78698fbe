import type { AnyModel } from '@anywidget/types';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { requestByComm } from '../src/widget/comm';

type Listener = (message: object, buffers: DataView[]) => void;

/** The kernel at the other end of a widget's comm. */
class FakeKernel {
  readonly heard: Record<string, unknown>[] = [];
  /** Bytes of each buffer that came with a message. */
  readonly sizes: number[] = [];
  private listener: Listener = () => undefined;

  readonly model = {
    on: (_: string, listener: Listener) => {
      this.listener = listener;
    },
    off: () => {
      this.listener = () => undefined;
    },
    send: (
      message: Record<string, unknown>,
      _: unknown,
      buffers: ArrayBuffer[] = []
    ) => {
      this.heard.push(message);
      this.sizes.push(...buffers.map(({ byteLength }) => byteLength));
    }
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

  it('sends a file in parts, each when the kernel asks for it', async () => {
    const { request } = requestByComm(kernel.model);
    const file = new Blob([new Uint8Array(1024 * 1024 + 3)]);
    const progress: number[] = [];
    const answered = request('sessions/a/attachments?name=x', {
      method: 'POST',
      body: file,
      onProgress: part => progress.push(part)
    });
    expect(kernel.heard[0]).toMatchObject({ id: '1', size: file.size });
    expect(kernel.heard).toHaveLength(1);
    for (const size of [1024 * 1024, 3]) {
      kernel.say({ type: 'more', id: '1' });
      await vi.waitFor(() => expect(kernel.sizes.at(-1)).toBe(size));
    }
    expect(kernel.heard.at(-1)).toEqual({ type: 'part', id: '1' });
    expect(progress.at(-1)).toBe(1);
    kernel.say({ type: 'answer', id: '1', status: 201, headers: {} });
    kernel.say({ type: 'end', id: '1' });
    expect((await answered).status).toBe(201);
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

  it('waits for an agent that starts, once the kernel has heard', async () => {
    vi.useFakeTimers();
    const { request } = requestByComm(kernel.model);
    const answered = request('sessions', { method: 'POST' });
    kernel.say({ type: 'heard', id: '1' });
    await vi.advanceTimersByTimeAsync(80_000);
    kernel.say({ type: 'answer', id: '1', status: 201, headers: {} });
    expect((await answered).status).toBe(201);
    vi.useRealTimers();
  });

  it('ends with its panel', () => {
    const { request, end } = requestByComm(kernel.model);
    void request('events');
    end();
    expect(kernel.heard.at(-1)).toEqual({ type: 'abort', id: '1' });
  });
});
