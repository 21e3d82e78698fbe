import type { HermesClient } from '../client/client';
import type { Observable } from '../client/observable';

export interface KernelLink {
  client: HermesClient;
  current: Observable<string>;
  /** The kernels that speak of the same conversation as this page. */
  kernels: () => string[];
  /** Whether a draft with nothing in it is shown. */
  isIdleDraft: () => boolean;
}

/**
 * Keeps a page and its kernels on one conversation, so that `%%hermes`, a
 * panel in a cell and the sidebar speak of the same.
 */
export function linkKernels(link: KernelLink): {
  meet: (kernelId: string) => void;
  end: () => void;
} {
  const { client, current, kernels, isIdleDraft } = link;
  const tell = (kernelIds: string[], sessionId: string): void => {
    if (kernelIds.length > 0) {
      // The next change tells it again; meanwhile each side has its own.
      client.setCurrent(kernelIds, sessionId || null).catch(() => undefined);
    }
  };
  const adopt = (sessionId: string | null): void => {
    if (sessionId && isIdleDraft()) {
      current.set(sessionId);
    }
  };
  const ends = [
    current.subscribe(sessionId => tell(kernels(), sessionId)),
    client.listen(event => {
      if (
        event.event === 'current' &&
        kernels().includes(event.data.kernel_id)
      ) {
        adopt(event.data.session_id);
      }
    })
  ];
  return {
    meet: kernelId => {
      if (current.get()) {
        tell([kernelId], current.get());
      } else {
        client.current(kernelId).then(
          ({ session_id }) => adopt(session_id),
          () => undefined
        );
      }
    },
    end: () => ends.forEach(end => end())
  };
}
