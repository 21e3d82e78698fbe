import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { ITranslator } from '@jupyterlab/translation';
import type { Hint } from '../client/api';
import { browserFor } from '../client/browser';
import { HermesClient } from '../client/client';
import { installAgent } from '../client/doctor';
import { Observable } from '../client/observable';
import { Changes } from '../model/changes';
import { PageModel } from '../model/page';
import type { Host } from '../ui/host';
import { notebookParts } from '../ui/notebook-parts';
import { CellContext } from './cell-context';
import { showDoctor } from './doctor';
import { fileOpener } from './files';
import { requestTo } from './http';
import { markdownRenderer } from './markdown';
import { notebookInUse, placeInUse } from './notebook-in-use';
import { placeOf } from './notebooks';
import { followSettings } from './settings';
import { runInTerminal } from './terminal';
import type { HermesNotebooks, IHermes } from './tokens';

/** Of this tab alone: another tab has its own conversation. */
const CURRENT_KEY = 'hermes-jupyter:current';

export interface ConnectOptions {
  /** The plugin that has the settings. */
  pluginId: string;
  rendermime: IRenderMimeRegistry;
  translator: ITranslator;
  registry: ISettingRegistry | null;
  tracker: INotebookTracker | null;
}

/** Connects this page with the agent of its server. */
export function connect(
  app: JupyterFrontEnd,
  { pluginId, rendermime, translator, registry, tracker }: ConnectOptions
): IHermes {
  const trans = translator.load('hermes_jupyter');
  const { serverSettings } = app.serviceManager;
  const browser = browserFor(serverSettings.baseUrl);
  const request = requestTo(serverSettings);
  const client = new HermesClient(request, browser);
  const page = new PageModel(client);
  const settings = followSettings(registry, pluginId);

  const tell = (error: Error): void => {
    Notification.error(error.message);
  };
  const perform = (hint: Hint): void => {
    if (hint.action === 'restart-agent') {
      client.restartAgent().catch(tell);
    } else if (hint.action === 'install-agent') {
      installAgent(request).catch(tell);
    } else if (hint.command) {
      void runInTerminal(app.commands, hint.command, trans);
    }
  };
  const host = {
    client,
    current: rememberedCurrent(),
    renderMarkdown: markdownRenderer(
      rendermime,
      path => app.docRegistry.getFileTypesForPath(path).length > 0
    ),
    trans,
    preferences: settings,
    perform,
    openFile: fileOpener(app, {
      root: () => page.status.value?.cwd ?? null,
      trans
    }),
    place: () => placeOf(tracker),
    check: () => void showDoctor(request, host)
  };
  const notebooks = tracker && notebooksOf(app, tracker, { client, trans });
  return {
    host: { ...host, ...notebooks?.host },
    page,
    browser,
    settings,
    notebooks
  };
}

function notebooksOf(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  { client, trans }: Pick<IHermes['host'], 'client' | 'trans'>
): HermesNotebooks & { host: Pick<Host, 'notebook' | 'parts'> } {
  const { contents } = app.serviceManager;
  const inUse = placeInUse(tracker, contents);
  return {
    tracker,
    context: new CellContext(inUse, tracker, contents, trans),
    host: {
      notebook: notebookInUse(inUse, {
        tracker,
        contents,
        trans,
        open: async path =>
          (await app.commands.execute('docmanager:open', { path })) as
            NotebookPanel | undefined,
        activate: id => app.shell.activateById(id)
      }),
      parts: notebookParts(new Changes(client))
    }
  };
}

function rememberedCurrent(): Observable<string> {
  const current = new Observable(sessionStorage.getItem(CURRENT_KEY) ?? '');
  current.subscribe(id => sessionStorage.setItem(CURRENT_KEY, id));
  return current;
}
