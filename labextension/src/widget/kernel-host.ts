import { call, type Request } from '../client/calls';
import { HermesClient } from '../client/client';
import { Observable } from '../client/observable';
import type { HermesPage, Trans } from '../client/page';
import { renderMarkdown } from './markdown';

/** Where a kernel is, and its name on the server. */
export interface KernelPlace {
  /** Null where the host has no kernels of Jupyter, as marimo. */
  kernel_id: string | null;
  cwd: string;
}

/**
 * What a page without the labextension offers: what the kernel can do. It is
 * a bundle of its own, which the kernel hands out: saved notebooks carry the
 * widget, and most of them are shown where the page has all of this.
 */
export interface KernelHost {
  readonly host: HermesPage;
  readonly kernel: Promise<KernelPlace>;
  end(): void;
}

export function hostByKernel(request: Request): KernelHost {
  const client = new HermesClient(request);
  const kernel = call<KernelPlace>(request, 'GET', 'kernel');
  let cwd: string | undefined;
  kernel.then(
    place => {
      cwd = place.cwd;
    },
    // The panel itself says that the kernel hands on nothing.
    () => undefined
  );
  return {
    host: {
      version: 1,
      client,
      current: new Observable(''),
      renderMarkdown,
      trans: english,
      preferences: new Observable({
        sendWith: 'Enter' as const,
        unfoldReasoning: false
      }),
      perform: hint => {
        if (hint.action === 'restart-agent') {
          client.restartAgent().catch(() => undefined);
        }
      },
      openFile: () => undefined,
      place: () => (cwd === undefined ? {} : { cwd })
    },
    kernel,
    end: () => client.dispose()
  };
}

const english: Trans = {
  __: fill,
  _n: (one, many, n, ...args) => fill(n === 1 ? one : many, n, ...args)
};

function fill(text: string, ...args: unknown[]): string {
  return text.replace(/%(\d)/g, (_, at) => String(args[Number(at) - 1]));
}
