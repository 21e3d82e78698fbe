import { call, type Request } from '../client/calls';
import { HermesClient } from '../client/client';
import { Observable } from '../client/observable';
import type { HermesPage, Trans } from '../client/page';
import { linkKernels } from '../model/kernels';
import { renderMarkdown } from './markdown';
import type { PanelTraits } from './offer';
import { showPanel } from './panel';

/** Where a kernel is, and its name on the server. */
export interface KernelPlace {
  /** Null where the host has no kernels of Jupyter, as marimo. */
  kernel_id: string | null;
  cwd: string;
}

/**
 * The panel of a page without the labextension, which reaches what the kernel
 * can do. It is a bundle of its own, which the kernel hands out: most notebooks
 * are shown where the page has all of this.
 */
export function showPanelByKernel(
  request: Request,
  el: HTMLElement,
  traits: PanelTraits
): () => void {
  const client = new HermesClient(request);
  const current = new Observable('');
  let cwd: string | undefined;
  const host: HermesPage = {
    client,
    current,
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
  };
  const { chat, end } = showPanel(host, el, traits);
  const ends = [end, () => client.dispose()];
  let isOver = false;
  call<KernelPlace>(request, 'GET', 'kernel').then(
    place => {
      cwd = place.cwd;
      const { kernel_id } = place;
      if (kernel_id === null || isOver) {
        return;
      }
      const kernels = () => [kernel_id];
      const link = linkKernels({ client, current, kernels, chat });
      link.meet(kernel_id);
      ends.unshift(link.end);
    },
    // Without it the panel has a conversation of its own; what hands on
    // nothing is said by the panel itself.
    () => undefined
  );
  return () => {
    isOver = true;
    ends.forEach(each => each());
  };
}

const english: Trans = {
  __: fill,
  _n: (one, many, n, ...args) => fill(n === 1 ? one : many, n, ...args)
};

function fill(text: string, ...args: unknown[]): string {
  return text.replace(/%(\d)/g, (_, at) => String(args[Number(at) - 1]));
}
