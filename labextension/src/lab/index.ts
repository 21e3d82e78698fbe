import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { effect } from '@preact/signals';
import type { Hint } from '../client/api';
import { browserFor } from '../client/browser';
import { HermesClient } from '../client/client';
import { Observable } from '../client/observable';
import { offerPage, type HermesPage } from '../client/page';
import { ChatModel, followCurrent } from '../model/chat';
import { PageModel } from '../model/page';
import { SessionsModel } from '../model/sessions';
import { addCommands, CommandIDs } from './commands';
import { requestTo } from './http';
import { markdownRenderer } from './markdown';
import { notebookInUse } from './notebook-in-use';
import { linkNotebooks, placeOf } from './notebooks';
import { Sidebar } from './sidebar';
import { StatusItem } from './status';
import { runInTerminal } from './terminal';

const PLUGIN_ID = 'hermes-jupyter:plugin';

/** Of this tab alone: another tab has its own conversation. */
const CURRENT_KEY = 'hermes-jupyter:current';

const RANK = 900;

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'The Hermes agent beside your notebook.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [
    ITranslator,
    ISettingRegistry,
    ICommandPalette,
    ILayoutRestorer,
    INotebookTracker,
    IStatusBar
  ],
  activate
};

export default plugin;

function activate(
  app: JupyterFrontEnd,
  rendermime: IRenderMimeRegistry,
  translator: ITranslator | null,
  settings: ISettingRegistry | null,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  notebooks: INotebookTracker | null,
  statusBar: IStatusBar | null
): void {
  const trans = (translator ?? nullTranslator).load('hermes_jupyter');
  const { serverSettings } = app.serviceManager;
  const client = new HermesClient(
    requestTo(serverSettings),
    browserFor(serverSettings.baseUrl)
  );
  const current = rememberedCurrent();

  const perform = (hint: Hint): void => {
    if (hint.action === 'restart-agent') {
      client.restartAgent().catch((error: Error) => {
        Notification.error(error.message);
      });
    } else if (hint.command) {
      void runInTerminal(app.commands, hint.command, trans);
    }
  };
  const host: HermesPage = {
    version: 1,
    client,
    current,
    renderMarkdown: markdownRenderer(rendermime),
    trans,
    perform,
    place: () => placeOf(notebooks)
  };
  offerPage(host);

  const page = new PageModel(client);
  const sessions = new SessionsModel(client);
  const chat = new ChatModel(client, {
    name: 'sidebar',
    storage: localStorage,
    place: host.place
  });
  followCurrent(chat, current);
  if (notebooks) {
    const isIdleDraft = (): boolean =>
      chat.conversation.value.isEmpty.value &&
      chat.id.value === '' &&
      chat.draft.value === '';
    linkNotebooks(notebooks, { client, current, isIdleDraft });
  }

  const panel = { chat, page, sessions };
  const sidebar = new Sidebar(panel, {
    ...host,
    notebook: notebooks ? notebookInUse(notebooks, trans) : undefined
  });
  addCommands(app, panel, { sidebarId: sidebar.id, perform, trans, palette });
  app.shell.add(sidebar, 'right', { rank: RANK });
  restorer?.add(sidebar, sidebar.id);
  if (settings) {
    void placeBySettings(app, settings, sidebar);
  }

  void app.restored
    .then(() => client.status())
    .then(
      // The tour begins with the panel open; else it is for the person to open.
      ({ offline }) => offline && app.shell.activateById(sidebar.id),
      () => undefined
    );

  statusBar?.registerStatusItem('hermes-jupyter:status', {
    item: new StatusItem(panel, host, () => {
      void app.commands.execute(CommandIDs.open);
    }),
    align: 'right',
    rank: RANK
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

async function placeBySettings(
  app: JupyterFrontEnd,
  registry: ISettingRegistry,
  sidebar: Sidebar
): Promise<void> {
  const settings = await registry.load(PLUGIN_ID);
  let side = 'right';
  const place = (): void => {
    const wanted = settings.get('side').composite as 'left' | 'right';
    if (wanted !== side) {
      side = wanted;
      app.shell.add(sidebar, side, { rank: RANK });
    }
  };
  settings.changed.connect(place);
  place();
}
