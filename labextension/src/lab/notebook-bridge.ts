import type {
  INotebookCellExecutor,
  INotebookTracker,
  NotebookPanel
} from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import { ApiError } from '../client/api';
import type { PageLife } from '../client/browser';
import type { HermesClient } from '../client/client';
import type {
  NotebookRequest,
  OpenNotebook,
  Policies,
  Refusal
} from '../client/notebooks';
import { OpenNotebooks } from '../model/open-notebooks';
import { Refused } from './cell-edits';
import { meet } from './notebook-requests';

export interface BridgeOptions {
  client: HermesClient;
  tracker: INotebookTracker;
  contents: Contents.IManager;
  /** JupyterLab's own, or what stands in for it. */
  executor: INotebookCellExecutor | null;
  life: PageLife;
  /** Takes what the agent may do with notebooks. */
  heard: (policies: Policies) => void;
}

/**
 * Gives the agent the notebooks that are open in this page, in front or not:
 * the server is told of them, and what it asks for is done in their models,
 * as if it was typed. JupyterLab saves it as it saves what is typed.
 */
export function bridgeNotebooks(options: BridgeOptions): void {
  const { client, tracker, contents, life, heard } = options;
  const pageId = crypto.getRandomValues(new Uint32Array(4)).join('-');
  const open = new OpenNotebooks(client, {
    pageId,
    life,
    heard,
    list: () => listOf(tracker, contents)
  });
  const changed = (): void => open.changed();

  const watch = (panel: NotebookPanel): void => {
    panel.context.pathChanged.connect(changed);
    panel.sessionContext.kernelChanged.connect(changed);
    panel.disposed.connect(changed);
    panel.context.ready.then(changed, () => undefined);
  };
  tracker.forEach(watch);
  tracker.widgetAdded.connect((_, panel) => watch(panel));
  tracker.currentChanged.connect(changed);

  client.listen(event => {
    if (event.event === 'notebook.request' && event.data.page_id === pageId) {
      void respond(options, event.data);
    }
  });
}

async function respond(
  { client, tracker, contents, executor }: BridgeOptions,
  request: NotebookRequest
): Promise<void> {
  let answer: { result: object } | { error: Refusal };
  try {
    const panel = panelOf(tracker, contents, request.path);
    if (!panel) {
      throw new Refused({
        code: 'not_open',
        message: `${request.path} is not open here.`
      });
    }
    answer = { result: await meet(panel, request, executor) };
  } catch (error) {
    answer = { error: refusalOf(error) };
  }
  try {
    await client.notebooks.respond(request, answer);
  } catch (error) {
    // It waits no longer for this: the agent was told so.
    if (ApiError.from(error).status === 0) {
      await retry(client, request, answer);
    }
  }
}

/** Once more: a line that breaks for a moment is no answer. */
async function retry(
  client: HermesClient,
  request: NotebookRequest,
  answer: { result: object } | { error: Refusal }
): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 1000));
  await client.notebooks.respond(request, answer).catch(() => undefined);
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refused) {
    return error.refusal;
  }
  return {
    code: 'failed',
    message: error instanceof Error ? error.message : String(error)
  };
}

/** Each notebook once, also where it has two views. */
function listOf(
  tracker: INotebookTracker,
  contents: Contents.IManager
): OpenNotebook[] {
  const open = new Map<string, OpenNotebook>();
  tracker.forEach(panel => {
    const path = serverPath(panel, contents);
    if (path === null || !panel.context.isReady || panel.isDisposed) {
      return;
    }
    const focused = panel === tracker.currentWidget;
    const before = open.get(path);
    open.set(path, {
      path,
      kernel_id: panel.sessionContext.session?.kernel?.id ?? null,
      focused: focused || (before?.focused ?? false)
    });
  });
  return [...open.values()];
}

/** The view of a notebook that the person uses, or any. */
export function panelOf(
  tracker: INotebookTracker,
  contents: Contents.IManager,
  path: string
): NotebookPanel | undefined {
  const isOf = (panel: NotebookPanel): boolean =>
    serverPath(panel, contents) === path;
  const { currentWidget } = tracker;
  return currentWidget && isOf(currentWidget)
    ? currentWidget
    : tracker.find(isOf);
}

/**
 * Where the server has it; null if another drive does. Of documents that are
 * edited together, the path names a drive which is the server all the same.
 */
export function serverPath(
  { context }: NotebookPanel,
  contents: Contents.IManager
): string | null {
  return ['', 'RTC'].includes(contents.driveName(context.path))
    ? contents.localPath(context.path)
    : null;
}
