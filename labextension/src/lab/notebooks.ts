import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { HermesClient } from '../client/client';
import type { Observable } from '../client/observable';

export interface NotebookLink {
  client: HermesClient;
  current: Observable<string>;
  /** Whether the panel shows a draft with nothing in it. */
  isIdleDraft: () => boolean;
}

/**
 * Keeps the page and the kernels of its notebooks on one conversation, so
 * that `%%hermes`, a panel in a cell and the sidebar speak of the same.
 */
export function linkNotebooks(
  tracker: INotebookTracker,
  { client, current, isIdleDraft }: NotebookLink
): void {
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

  const meet = (kernelId: string): void => {
    if (current.get()) {
      tell([kernelId], current.get());
    } else {
      client.current(kernelId).then(
        ({ session_id }) => adopt(session_id),
        () => undefined
      );
    }
  };

  const watch = (panel: NotebookPanel): void => {
    const kernelId = kernelOf(panel);
    if (kernelId) {
      meet(kernelId);
    }
    panel.sessionContext.kernelChanged.connect((_, { newValue }) => {
      if (newValue) {
        meet(newValue.id);
      }
    });
  };

  tracker.forEach(watch);
  tracker.widgetAdded.connect((_, panel) => watch(panel));
  current.subscribe(sessionId => tell(kernelsOf(tracker), sessionId));
  client.listen(event => {
    if (
      event.event === 'current' &&
      kernelsOf(tracker).includes(event.data.kernel_id)
    ) {
      adopt(event.data.session_id);
    }
  });
}

/** The folder of a new conversation is that of the notebook in use. */
export function placeOf(tracker: INotebookTracker | null): {
  notebook?: string;
} {
  const path = tracker?.currentWidget?.context.path;
  return path ? { notebook: path } : {};
}

function kernelsOf(tracker: INotebookTracker): string[] {
  const ids: string[] = [];
  tracker.forEach(panel => ids.push(kernelOf(panel) ?? ''));
  return ids.filter(Boolean);
}

function kernelOf(panel: NotebookPanel): string | null {
  return panel.sessionContext.session?.kernel?.id ?? null;
}
