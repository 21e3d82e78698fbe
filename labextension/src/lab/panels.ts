import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { DOMUtils, WidgetTracker } from '@jupyterlab/apputils';
import { computed, effect, signal } from '@preact/signals';
import type { HermesPage } from '../client/page';
import { ChatModel } from '../model/chat';
import type { PageModel } from '../model/page';
import { PromptContext } from '../model/context';
import { SessionsModel } from '../model/sessions';
import type { Host } from '../ui/host';
import { CELL_MIME, type CellContext } from './cell-context';
import { takeDrops, type Drop } from './drops';
import type { Panel } from './panel';
import { Sidebar } from './sidebar';
import { Tab, type TabState } from './tab';

/** As on each side, what others bring stands before it. */
const RANK = 900;

/** The panels of a page: the one at its side, and any number of tabs. */
export class Panels {
  readonly sidebar: Sidebar;
  /** The one that commands and the status bar are about. */
  readonly current;
  /** The conversations that can be seen now. */
  readonly inSight = computed((): readonly string[] =>
    this.all.value
      .filter(({ isShown, chat }) => isShown.value && !chat.listing.value)
      .map(({ chat }) => chat.id.value)
  );

  private readonly all;
  private cameFrom: HTMLElement | null = null;
  /** What any panel takes, by MIME type. */
  private readonly drops = new Map<string, (panel: Panel) => Drop>();
  private readonly tracker = new WidgetTracker<Tab>({
    namespace: 'hermes-jupyter'
  });

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly host: HermesPage & Host,
    private readonly page: PageModel,
    /** What prompts can tell of the notebooks of this page. */
    private readonly cells?: CellContext
  ) {
    if (cells) {
      this.drops.set(CELL_MIME, ({ chat }) => event => {
        chat.context?.add(cells.dropped(event));
      });
    }
    const chat = this.newChat('sidebar', { place: host.place });
    this.sidebar = new Sidebar(this.propsOf(chat), host);
    this.current = signal<Panel>(this.sidebar);
    this.all = signal<readonly Panel[]>([this.sidebar]);
    this.watch(this.sidebar);
    app.shell.add(this.sidebar, 'right', { rank: RANK });
    app.shell.currentChanged?.connect(() => {
      const { currentWidget } = app.shell;
      this.current.value =
        this.tracker.find(tab => tab === currentWidget) ?? this.sidebar;
    });
  }

  /** Brings them back where they were, by the command that opens a tab. */
  restore(restorer: ILayoutRestorer, command: string): void {
    restorer.add(this.sidebar, this.sidebar.id);
    void restorer.restore(this.tracker, {
      command,
      args: ({ state }) => ({ ...state }),
      name: ({ id }) => id
    });
  }

  /** Opens a tab on a conversation, or shows the one that has it. */
  async openTab(session: string, cwd?: string): Promise<Tab> {
    const open =
      session === ''
        ? undefined
        : this.tracker.find(({ chat }) => chat.id.value === session);
    const tab =
      open ??
      (await this.restoreTab({ tab: DOMUtils.createDomID(), session, cwd }));
    this.show(tab);
    return tab;
  }

  /** Adds a tab, without taking the focus from where it is. */
  async restoreTab(state: TabState): Promise<Tab> {
    const { cwd, session } = state;
    const chat = this.newChat('tab', {
      place: cwd === undefined ? this.host.place : () => ({ cwd }),
      draft: state.tab
    });
    if (session) {
      void chat.open(session);
    }
    const tab = new Tab(state, this.propsOf(chat), this.host);
    const endSaving = effect(() => {
      void chat.id.value;
      void this.tracker.save(tab);
    });
    tab.disposed.connect(() => {
      endSaving();
      this.all.value = this.all.value.filter(panel => panel !== tab);
    });
    this.all.value = [...this.all.value, tab];
    this.watch(tab);
    await this.tracker.add(tab);
    this.app.shell.add(tab, 'main', { activate: false });
    return tab;
  }

  show(panel: Panel = this.current.value): void {
    this.app.shell.activateById(panel.id);
  }

  /** Gives the focus back to where it was before a panel had it. */
  leave(): void {
    const { shell } = this.app;
    // It may be gone meanwhile, or hidden.
    if (this.cameFrom?.checkVisibility()) {
      this.cameFrom.focus();
    } else if (shell.currentWidget) {
      shell.activateById(shell.currentWidget.id);
    }
  }

  /** Brings the panel in use to sight, and leaves the focus where it is. */
  reveal(): void {
    const panel = this.current.value;
    if (!panel.isVisible) {
      panel.leaveFocus();
      this.show(panel);
    }
  }

  /** The chat in use; a new one in its place where nothing can be asked. */
  chatToAsk(): ChatModel {
    const { chat } = this.current.value;
    const { isReadOnly, isGone } = chat.conversation.value;
    chat.listing.value = false;
    if (isReadOnly.value || isGone.value) {
      chat.newChat();
    }
    return chat;
  }

  /** Leads to what waits in a conversation, in the panel that has it. */
  async leadTo(session: string): Promise<void> {
    const panel =
      this.all.value.find(({ chat }) => chat.id.value === session) ??
      this.sidebar;
    await panel.chat.open(session);
    panel.leadToQuestion();
    this.show(panel);
  }

  /** Has every panel take what is dragged onto it with this MIME type. */
  takeDrops(mime: string, drop: (panel: Panel) => Drop): void {
    this.drops.set(mime, drop);
    this.all.value.forEach(panel => takeDrops(panel.node, mime, drop(panel)));
  }

  private newChat(
    name: string,
    options: Pick<ConstructorParameters<typeof ChatModel>[1], 'place' | 'draft'>
  ): ChatModel {
    const { client } = this.host;
    return new ChatModel(client, {
      name,
      storage: localStorage,
      context: this.cells && (keep => new PromptContext(this.cells!, keep)),
      ...options
    });
  }

  private propsOf(chat: ChatModel) {
    const sessions = new SessionsModel(this.host.client);
    return { chat, page: this.page, sessions };
  }

  private watch(panel: Panel): void {
    this.drops.forEach((drop, mime) =>
      takeDrops(panel.node, mime, drop(panel))
    );
    panel.node.addEventListener('focusin', ({ relatedTarget }) => {
      this.current.value = panel;
      const from = relatedTarget as HTMLElement | null;
      if (from && !panel.node.contains(from)) {
        this.cameFrom = from;
      }
    });
  }
}
