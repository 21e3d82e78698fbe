import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import type { ITranslator } from '@jupyterlab/translation';
import { effect } from '@preact/signals';
import type { HermesPage } from '../client/page';
import type { PageModel } from '../model/page';
import type { Host } from '../ui/host';
import { hermesIcon } from './icon';
import type { Panels } from './panels';

export const CommandIDs = {
  open: 'hermes:open',
  openTab: 'hermes:open-tab',
  newChat: 'hermes:new-chat',
  nextQuestion: 'hermes:next-question',
  stop: 'hermes:stop',
  restartAgent: 'hermes:restart-agent',
  setUpModel: 'hermes:set-up-model',
  check: 'hermes:check'
};

/** A new conversation, and not the one in hand, for `hermes:open-tab`. */
const NEW = { session: '' };

export interface CommandOptions {
  panels: Panels;
  page: PageModel;
  host: HermesPage & Host;
  /** Whether the application has a main area for tabs; Notebook 7 has none. */
  hasTabs: boolean;
}

export function addCommands(
  app: JupyterFrontEnd,
  { panels, page, host, hasTabs }: CommandOptions
): void {
  const { commands } = app;
  const { trans, perform } = host;
  const setUpHint = () => {
    const hint = page.agent.value?.hint;
    return hint?.action === 'set-up-model' ? hint : null;
  };
  const running = () =>
    panels.current.value.chat.conversation.value.running.value;

  commands.addCommand(CommandIDs.open, {
    label: trans.__('Show Hermes'),
    caption: () => {
      const waiting = page.waiting.value;
      return waiting === 0
        ? trans.__('Open Hermes')
        : trans._n(
            'Open Hermes – %1 open question',
            'Open Hermes – %1 open questions',
            waiting
          );
    },
    className: () => (page.waiting.value > 0 ? 'hj-needs-you' : ''),
    icon: hermesIcon,
    execute: () => {
      const { sidebar } = panels;
      if (sidebar.node.contains(document.activeElement)) {
        // The same keys lead back.
        panels.leave();
      } else {
        panels.show(sidebar);
      }
    }
  });
  commands.addCommand(CommandIDs.openTab, {
    label: ({ session, isPalette }) => {
      if (session !== '') {
        return trans.__('Open the Chat in a Tab');
      }
      // As JupyterLab does it: its menu and launcher say "new" themselves.
      return isPalette ? trans.__('New Hermes Chat') : trans.__('Hermes Chat');
    },
    caption: trans.__('Open Hermes in a tab of the main area'),
    icon: hermesIcon,
    isVisible: () => hasTabs,
    isEnabled: () => hasTabs,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          session: {
            type: 'string',
            description:
              'The conversation; empty for a new one, none for the one in the sidebar'
          },
          cwd: {
            type: 'string',
            description: 'The folder of a new conversation'
          },
          tab: {
            type: 'string',
            description: 'The id of a tab that is restored'
          }
        }
      }
    },
    execute: ({ session, cwd, tab }) => {
      const state = {
        session:
          (session as string | undefined) ?? panels.sidebar.chat.id.value,
        cwd: cwd as string | undefined
      };
      return tab
        ? panels.restoreTab({ ...state, tab: tab as string })
        : panels.openTab(state.session, state.cwd);
    }
  });
  commands.addCommand(CommandIDs.newChat, {
    label: trans.__('New Chat'),
    caption: trans.__('Begin a new conversation in this panel'),
    execute: () => {
      panels.current.value.chat.newChat();
      panels.show();
    }
  });
  commands.addCommand(CommandIDs.nextQuestion, {
    label: trans.__('Next Question'),
    caption: trans.__('Show the oldest question that waits for you'),
    isEnabled: () => page.waiting.value > 0,
    execute: async () => {
      const [oldest] = page.questions.value;
      if (oldest) {
        await panels.leadTo(oldest.session_id);
      }
    }
  });
  commands.addCommand(CommandIDs.stop, {
    label: trans.__('Stop the Agent'),
    caption: trans.__('Stop what the agent does in this conversation'),
    isEnabled: () => running() !== null,
    execute: () => panels.current.value.chat.stop()
  });
  commands.addCommand(CommandIDs.restartAgent, {
    label: trans.__('Restart the Agent'),
    caption: trans.__('End the process of the agent and start it again'),
    execute: () => perform({ text: '', action: 'restart-agent' })
  });
  commands.addCommand(CommandIDs.setUpModel, {
    label: trans.__('Set Up a Model'),
    caption: trans.__('Choose the model of the agent, in a terminal'),
    isEnabled: () => setUpHint() !== null,
    execute: () => {
      const hint = setUpHint();
      if (hint) {
        perform(hint);
      }
    }
  });

  commands.addCommand(CommandIDs.check, {
    label: trans.__('Check Hermes'),
    caption: trans.__('Look for what is wrong, and what to do about it'),
    execute: () => host.check?.()
  });

  effect(() => {
    void [running(), page.agent.value, page.waiting.value];
    commands.notifyCommandChanged(CommandIDs.open);
    commands.notifyCommandChanged(CommandIDs.nextQuestion);
    commands.notifyCommandChanged(CommandIDs.stop);
    commands.notifyCommandChanged(CommandIDs.setUpModel);
  });
}

export function addToPalette(palette: ICommandPalette, host: HermesPage): void {
  const category = host.trans.__('Hermes');
  for (const command of Object.values(CommandIDs)) {
    palette.addItem({ command, category });
  }
  palette.addItem({
    command: CommandIDs.openTab,
    category,
    args: { ...NEW, isPalette: true }
  });
}

export function addToLauncher(
  launcher: ILauncher,
  translator: ITranslator
): void {
  launcher.add({
    command: CommandIDs.openTab,
    args: NEW,
    // In JupyterLab's own words, to stand among its own.
    category: translator.load('jupyterlab').__('Other')
  });
}
