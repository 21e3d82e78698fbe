import { cleanup, render, type RenderResult } from '@testing-library/preact';
import type { Detail } from '../src/client/api';
import { HermesClient } from '../src/client/client';
import { ChatModel } from '../src/model/chat';
import { PageModel } from '../src/model/page';
import { Chat } from '../src/ui/chat';
import { HostContext, type Host } from '../src/ui/host';
import { host } from './fake-host';
import { detail, MemoryStorage, type FakeServer } from './fake-server';

/** A chat on a server of its own, and the panel that shows it. */
export class Stage {
  readonly client: HermesClient;
  readonly chat: ChatModel;
  page!: PageModel;

  constructor(readonly server: FakeServer) {
    this.client = new HermesClient(server.request);
    this.chat = new ChatModel(this.client, {
      name: 'test',
      storage: new MemoryStorage(),
      place: () => ({})
    });
  }

  /** Opens a conversation, and shows it. */
  async show(
    changes: Partial<Detail> = {},
    around: Partial<Host> = {}
  ): Promise<RenderResult> {
    this.server.on('GET sessions/c1', () => detail(changes));
    await this.chat.open('c1');
    return this.draw(around);
  }

  draw(around: Partial<Host> = {}): RenderResult {
    this.page = new PageModel(this.client);
    return render(
      <HostContext.Provider value={{ ...host, ...around }}>
        <Chat chat={this.chat} page={this.page} />
      </HostContext.Provider>
    );
  }

  /** What has been sent with a call, each time. */
  bodiesOf(call: string): unknown[] {
    return this.server.calls
      .filter(made => made.call === call)
      .map(({ body }) => body);
  }

  dispose(): void {
    cleanup();
    this.chat.dispose();
    this.client.dispose();
  }
}
