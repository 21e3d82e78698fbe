import type { PageLife } from '../client/browser';
import type { HermesClient } from '../client/client';
import { isInTouch } from '../client/connection';
import type { OpenNotebook, Policies } from '../client/notebooks';

/**
 * Tells the server which notebooks this page has open: what is told is what
 * is so now, and again to a server that has begun anew.
 */
export class OpenNotebooks {
  private told = '';
  private epoch = '';
  private isAway = false;
  private isTelling = false;
  private readonly ends: (() => void)[];

  /** `list` answers those that are open; `heard` takes what may be done. */
  constructor(
    private readonly client: HermesClient,
    private readonly options: {
      pageId: string;
      life: PageLife;
      list: () => OpenNotebook[];
      heard: (policies: Policies) => void;
    }
  ) {
    this.ends = [
      options.life.watch(change => {
        if (change === 'suspended') {
          this.leave();
        } else if (change === 'resumed') {
          this.isAway = false;
          this.changed();
        }
      }),
      client.connection.subscribe(connection => {
        if (isInTouch(connection)) {
          void this.tellAnew();
        }
      })
    ];
    if (isInTouch(client.connection.get())) {
      void this.tellAnew();
    }
  }

  dispose(): void {
    this.ends.forEach(end => end());
    this.leave();
  }

  /** Something may have changed; many changes at once are told as one. */
  changed(): void {
    if (!this.isTelling) {
      this.isTelling = true;
      queueMicrotask(() => void this.tell());
    }
  }

  /** A server that was started again has forgotten. */
  private async tellAnew(): Promise<void> {
    try {
      const { epoch } = await this.client.status();
      if (epoch !== this.epoch) {
        this.epoch = epoch;
        this.told = '';
      }
    } catch {
      // The connection comes back, and this with it.
      return;
    }
    this.changed();
  }

  private async tell(): Promise<void> {
    const { pageId, list, heard } = this.options;
    try {
      for (;;) {
        const documents = list();
        const text = JSON.stringify(documents);
        if (this.isAway || text === this.told) {
          return;
        }
        heard(await this.client.notebooks.setOpen(pageId, documents));
        this.told = text;
      }
    } catch {
      // The next change, or the connection when it comes back, tells it.
      this.told = '';
    } finally {
      this.isTelling = false;
    }
  }

  /** Nobody is to ask a page that does nothing any more. */
  private leave(): void {
    this.isAway = true;
    this.told = '';
    this.client.notebooks
      .setOpen(this.options.pageId, [], true)
      // The server finds out when it asks.
      .catch(() => undefined);
  }
}
