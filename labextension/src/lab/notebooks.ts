import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { linkKernels, type KernelLink } from '../model/kernels';

/**
 * Keeps the page and the kernels of its notebooks on one conversation, so
 * that `%%hermes`, a panel in a cell and the sidebar speak of the same.
 */
export function linkNotebooks(
  tracker: INotebookTracker,
  link: Omit<KernelLink, 'kernels'>
): void {
  const { meet } = linkKernels({
    ...link,
    kernels: () => kernelsOf(tracker)
  });

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
