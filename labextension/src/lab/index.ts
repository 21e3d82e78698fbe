import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import {
  INotebookCellExecutor,
  INotebookTracker,
  type NotebookPanel
} from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { effect, signal, type ReadonlySignal } from '@preact/signals';
import type { Hint } from '../client/api';
import { browserFor } from '../client/browser';
import { HermesClient } from '../client/client';
import { installAgent } from '../client/doctor';
import { frontOf } from '../client/front';
import { Observable } from '../client/observable';
import type { HermesPage } from '../client/page';
import { Announcements } from '../model/announcements';
import { Changes } from '../model/changes';
import { followCurrent } from '../model/chat';
import { LiveModel } from '../model/live';
import { PageModel } from '../model/page';
import type { Host } from '../ui/host';
import { notebookParts } from '../ui/notebook-parts';
import { offerPanels } from '../widget/offer';
import { showPanel } from '../widget/panel';
import { attachFromFileBrowser } from './attach-files';
import { addCellCommands, addCellCommandsToPalette } from './cell-commands';
import { CellContext } from './cell-context';
import {
  addCommands,
  addToLauncher,
  addToPalette,
  CommandIDs
} from './commands';
import { isDisabled, sayDisabled } from './disabled';
import { showDoctor } from './doctor';
import { addErrorBars } from './error-bars';
import { fileOpener } from './files';
import { requestTo } from './http';
import { markdownRenderer } from './markdown';
import { bridgeNotebooks } from './notebook-bridge';
import { notebookInUse, placeInUse } from './notebook-in-use';
import { linkNotebooks, placeOf } from './notebooks';
import { notifyOfQuestions } from './notifications';
import { Panels } from './panels';
import { keepPolicy } from './policy';
import { addToRunning } from './running';
import { followSettings } from './settings';
import { StatusItem } from './status';
import { runInTerminal } from './terminal';

const PLUGIN_ID = 'hermes-jupyter:plugin';

/** Of this tab alone: another tab has its own conversation. */
const CURRENT_KEY = 'hermes-jupyter:current';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'The Hermes agent beside your notebook.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  // Notebook 7 has some of them, and each of its pages others.
  optional: [
    ITranslator,
    ISettingRegistry,
    ICommandPalette,
    ILabShell,
    ILayoutRestorer,
    INotebookTracker,
    INotebookCellExecutor,
    ILauncher,
    IRunningSessionManagers,
    IStatusBar,
    IFileBrowserFactory
  ],
  activate
};

export default plugin;

function activate(
  app: JupyterFrontEnd,
  rendermime: IRenderMimeRegistry,
  someTranslator: ITranslator | null,
  registry: ISettingRegistry | null,
  palette: ICommandPalette | null,
  labShell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  notebooks: INotebookTracker | null,
  executor: INotebookCellExecutor | null,
  launcher: ILauncher | null,
  runningManagers: IRunningSessionManagers | null,
  statusBar: IStatusBar | null,
  fileBrowsers: IFileBrowserFactory | null
): void {
  const translator = someTranslator ?? nullTranslator;
  const trans = translator.load('hermes_jupyter');
  if (isDisabled()) {
    sayDisabled(app, trans);
    return;
  }
  const { serverSettings } = app.serviceManager;
  const browser = browserFor(serverSettings.baseUrl);
  const request = requestTo(serverSettings);
  const client = new HermesClient(request, browser);
  const current = rememberedCurrent();
  const settings = followSettings(registry, PLUGIN_ID);
  const page = new PageModel(client);

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
  const host: HermesPage = {
    client,
    current,
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
    place: () => placeOf(notebooks)
  };

  const { contents } = app.serviceManager;
  const inUse = notebooks && placeInUse(notebooks, contents);
  const cells =
    notebooks && inUse
      ? new CellContext(inUse, notebooks, contents, trans)
      : undefined;
  const check = (): void => void showDoctor(request, host);
  const around: HermesPage & Host = {
    ...host,
    ...(notebooks && {
      notebook: notebookInUse(inUse!, {
        tracker: notebooks,
        contents,
        trans,
        open: async path =>
          (await app.commands.execute('docmanager:open', { path })) as
            NotebookPanel | undefined,
        activate: id => app.shell.activateById(id)
      }),
      parts: notebookParts(new Changes(client))
    }),
    check
  };
  offerPanels((el, traits) => showPanel(around, el, traits).end);
  const panels = new Panels(app, around, page, cells);
  const { sidebar } = panels;
  followCurrent(sidebar.chat, current);
  if (notebooks) {
    linkNotebooks(notebooks, { client, current, chat: sidebar.chat });
    bridgeNotebooks({
      client,
      tracker: notebooks,
      contents,
      executor,
      life: browser.life,
      heard: keepPolicy(registry, PLUGIN_ID, { client, trans })
    });
    addCellCommands(app, {
      tracker: notebooks,
      context: cells!,
      panels,
      trans
    });
    addErrorBars(notebooks, app.commands, trans);
  }

  const hasTabs = labShell !== null;
  addCommands(app, { panels, page, host, hasTabs, check });
  if (fileBrowsers && hasTabs) {
    attachFromFileBrowser(app, { factory: fileBrowsers, panels, page, trans });
  }
  if (restorer && hasTabs) {
    panels.restore(restorer, CommandIDs.openTab);
  }
  if (palette) {
    addToPalette(palette, host);
    if (notebooks) {
      addCellCommandsToPalette(palette, trans);
    }
  }
  if (launcher && hasTabs) {
    addToLauncher(launcher, translator);
  }
  const leadTo = (session: string): void => void panels.leadTo(session);
  if (runningManagers) {
    const live = new LiveModel(client, page.questions);
    addToRunning(runningManagers, live, { open: leadTo, trans });
  }
  statusBar?.registerStatusItem('hermes-jupyter:status', {
    item: new StatusItem(
      {
        page,
        current: panels.current,
        onOpen: () => panels.show(),
        onShowQuestion: () => void app.commands.execute(CommandIDs.nextQuestion)
      },
      host
    ),
    align: 'right',
    rank: 900,
    // Stays when the window is narrow: somebody may be waited for.
    priority: 1
  });

  const announcements = new Announcements({
    questions: page.questions,
    inSight: panels.inSight,
    isFront: signalOf(frontOf(browser), isFront => isFront),
    isWanted: signalOf(settings, ({ notifications }) => notifications),
    storage: localStorage
  });
  void app.restored.then(async () => {
    // Not before: what the panels show is not known until they are restored.
    notifyOfQuestions(announcements, { leadTo, trans });
    const { offline } = await client.status();
    if (offline) {
      // The tour begins with the panel open; else it is for the person to open.
      panels.show(sidebar);
    }
  });

  effect(() => {
    const notice = page.notice.value;
    if (notice) {
      Notification.emit(notice.text, notice.level);
    }
  });
  window.addEventListener('online', () => client.retryNow());
}

function rememberedCurrent(): Observable<string> {
  const current = new Observable(sessionStorage.getItem(CURRENT_KEY) ?? '');
  current.subscribe(id => sessionStorage.setItem(CURRENT_KEY, id));
  return current;
}

function signalOf<T, S>(
  observable: Observable<T>,
  read: (value: T) => S
): ReadonlySignal<S> {
  const value = signal(read(observable.get()));
  observable.subscribe(changed => {
    value.value = read(changed);
  });
  return value;
}
