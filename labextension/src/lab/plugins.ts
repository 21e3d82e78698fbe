import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookCellExecutor, INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { effect, signal, type ReadonlySignal } from '@preact/signals';
import { frontOf } from '../client/front';
import type { Observable } from '../client/observable';
import { Announcements } from '../model/announcements';
import { followCurrent } from '../model/chat';
import { LiveModel } from '../model/live';
import { offerPanels } from '../widget/offer';
import { showPanel } from '../widget/panel';
import { attachFromFileBrowser } from './attach-files';
import { addCellCommands, addCellCommandsToPalette } from './cell-commands';
import {
  addCommands,
  addToLauncher,
  addToPalette,
  CommandIDs
} from './commands';
import { addErrorBars } from './error-bars';
import { connect } from './hermes';
import { bridgeNotebooks } from './notebook-bridge';
import { linkNotebooks } from './notebooks';
import { notifyOfQuestions } from './notifications';
import { Panels } from './panels';
import { keepPolicy } from './policy';
import { addToRunning } from './running';
import { StatusItem } from './status';
import { IHermes, IHermesPanels } from './tokens';

/** The one that has the settings; without it the others do nothing. */
const PLUGIN_ID = 'hermes-jupyter:plugin';

const hermes: JupyterFrontEndPlugin<IHermes> = {
  id: PLUGIN_ID,
  description: 'Connects the page with the Hermes agent of its server.',
  autoStart: true,
  provides: IHermes,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator, ISettingRegistry, INotebookTracker],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null,
    registry: ISettingRegistry | null,
    tracker: INotebookTracker | null
  ) => {
    const hermes = connect(app, {
      pluginId: PLUGIN_ID,
      rendermime,
      translator: translator ?? nullTranslator,
      registry,
      tracker
    });
    const { host, page } = hermes;
    // A panel in a cell shows what this page has, not what its kernel brings.
    offerPanels((el, traits) => showPanel(host, el, traits).end);
    effect(() => {
      const notice = page.notice.value;
      if (notice) {
        Notification.emit(notice.text, notice.level);
      }
    });
    window.addEventListener('online', () => host.client.retryNow());
    return hermes;
  }
};

const panels: JupyterFrontEndPlugin<IHermesPanels> = {
  id: 'hermes-jupyter:panels',
  description: 'Chats with Hermes at the side and in tabs, and their commands.',
  autoStart: true,
  provides: IHermesPanels,
  requires: [IHermes],
  // Notebook 7 has some of them, and each of its pages others.
  optional: [
    ITranslator,
    ICommandPalette,
    ILabShell,
    ILayoutRestorer,
    ILauncher
  ],
  activate: (
    app: JupyterFrontEnd,
    { host, page, notebooks }: IHermes,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    launcher: ILauncher | null
  ) => {
    const panels = new Panels(app, host, page, notebooks?.context);
    const { sidebar } = panels;
    followCurrent(sidebar.chat, host.current);
    const hasTabs = labShell !== null;
    addCommands(app, { panels, page, host, hasTabs });
    if (restorer && hasTabs) {
      panels.restore(restorer, CommandIDs.openTab);
    }
    if (palette) {
      addToPalette(palette, host);
    }
    if (launcher && hasTabs) {
      addToLauncher(launcher, translator ?? nullTranslator);
    }
    void app.restored.then(async () => {
      const { offline } = await host.client.status();
      if (offline && !sidebar.isVisible) {
        // The tour begins with the panel open; else it is for the person to open.
        panels.show(sidebar);
      }
    });
    return panels;
  }
};

const notebooks: JupyterFrontEndPlugin<void> = {
  id: 'hermes-jupyter:notebooks',
  description: 'Lets Hermes work in open notebooks, and be asked from cells.',
  autoStart: true,
  requires: [IHermes, IHermesPanels],
  optional: [INotebookCellExecutor, ISettingRegistry, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    { host, browser, notebooks }: IHermes,
    panels: IHermesPanels,
    executor: INotebookCellExecutor | null,
    registry: ISettingRegistry | null,
    palette: ICommandPalette | null
  ) => {
    if (!notebooks) {
      return;
    }
    const { client, current, trans } = host;
    const { tracker, context } = notebooks;
    linkNotebooks(tracker, { client, current, chat: panels.sidebar.chat });
    bridgeNotebooks({
      client,
      tracker,
      contents: app.serviceManager.contents,
      executor,
      life: browser.life,
      heard: keepPolicy(registry, PLUGIN_ID, { client, trans })
    });
    addCellCommands(app, { tracker, context, panels, trans });
    addErrorBars(tracker, app.commands, trans);
    if (palette) {
      addCellCommandsToPalette(palette, trans);
    }
  }
};

const files: JupyterFrontEndPlugin<void> = {
  id: 'hermes-jupyter:files',
  description: 'Attaches files of the file browser to a prompt.',
  autoStart: true,
  requires: [IHermes, IHermesPanels],
  optional: [IFileBrowserFactory, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    { host, page }: IHermes,
    panels: IHermesPanels,
    factory: IFileBrowserFactory | null,
    labShell: ILabShell | null
  ) => {
    if (factory && labShell) {
      const { trans } = host;
      attachFromFileBrowser(app, { factory, panels, page, trans });
    }
  }
};

const running: JupyterFrontEndPlugin<void> = {
  id: 'hermes-jupyter:running',
  description: 'Lists what Hermes works on among all that runs.',
  autoStart: true,
  requires: [IHermes, IHermesPanels],
  optional: [IRunningSessionManagers],
  activate: (
    _app: JupyterFrontEnd,
    { host, page }: IHermes,
    panels: IHermesPanels,
    managers: IRunningSessionManagers | null
  ) => {
    if (managers) {
      const live = new LiveModel(host.client, page.questions);
      addToRunning(managers, live, {
        open: session => void panels.leadTo(session),
        trans: host.trans
      });
    }
  }
};

const status: JupyterFrontEndPlugin<void> = {
  id: 'hermes-jupyter:status',
  description: 'Shows the context gauge and open questions in the status bar.',
  autoStart: true,
  requires: [IHermes, IHermesPanels],
  optional: [IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    { host, page }: IHermes,
    panels: IHermesPanels,
    statusBar: IStatusBar | null
  ) => {
    statusBar?.registerStatusItem('hermes-jupyter:status', {
      item: new StatusItem(
        {
          page,
          current: panels.current,
          onOpen: () => panels.show(),
          onShowQuestion: () =>
            void app.commands.execute(CommandIDs.nextQuestion)
        },
        host
      ),
      align: 'right',
      rank: 900,
      // Stays when the window is narrow: somebody may be waited for.
      priority: 1
    });
  }
};

const notifications: JupyterFrontEndPlugin<void> = {
  id: 'hermes-jupyter:notifications',
  description: 'Tells of questions that nobody sees.',
  autoStart: true,
  requires: [IHermes, IHermesPanels],
  activate: (
    app: JupyterFrontEnd,
    { host, page, browser, settings }: IHermes,
    panels: IHermesPanels
  ) => {
    const announcements = new Announcements({
      questions: page.questions,
      inSight: panels.inSight,
      isFront: signalOf(frontOf(browser), isFront => isFront),
      isWanted: signalOf(settings, ({ notifications }) => notifications),
      storage: localStorage
    });
    void app.restored.then(() => {
      // Not before: what the panels show is not known until they are restored.
      notifyOfQuestions(announcements, {
        leadTo: session => void panels.leadTo(session),
        trans: host.trans
      });
    });
  }
};

export const plugins: JupyterFrontEndPlugin<unknown>[] = [
  hermes,
  panels,
  notebooks,
  files,
  running,
  status,
  notifications
];

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
