import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import { effect } from '@preact/signals';
import type { HermesPage, Trans } from '../client/page';
import type { ChatProps } from '../ui/chat';
import { hermesIcon } from './icon';

export const CommandIDs = {
  open: 'hermes:open',
  newChat: 'hermes:new-chat',
  stop: 'hermes:stop',
  restartAgent: 'hermes:restart-agent',
  setUpModel: 'hermes:set-up-model'
};

export function addCommands(
  app: JupyterFrontEnd,
  panel: ChatProps,
  actions: {
    sidebarId: string;
    perform: HermesPage['perform'];
    trans: Trans;
    palette: ICommandPalette | null;
  }
): void {
  const { commands, shell } = app;
  const { chat, page } = panel;
  const { sidebarId, perform, trans, palette } = actions;
  const setUpHint = () => {
    const hint = page.agent.value?.hint;
    return hint?.action === 'set-up-model' ? hint : null;
  };

  commands.addCommand(CommandIDs.open, {
    label: trans.__('Hermes'),
    caption: trans.__('Open Hermes'),
    icon: hermesIcon,
    execute: () => shell.activateById(sidebarId)
  });
  commands.addCommand(CommandIDs.newChat, {
    label: trans.__('New Chat'),
    execute: () => {
      chat.newChat();
      shell.activateById(sidebarId);
    }
  });
  commands.addCommand(CommandIDs.stop, {
    label: trans.__('Stop the Agent'),
    isEnabled: () => chat.conversation.value.running.value !== null,
    execute: () => chat.stop()
  });
  commands.addCommand(CommandIDs.restartAgent, {
    label: trans.__('Restart the Agent'),
    execute: () => perform({ text: '', action: 'restart-agent' })
  });
  commands.addCommand(CommandIDs.setUpModel, {
    label: trans.__('Set Up a Model'),
    isEnabled: () => setUpHint() !== null,
    execute: () => {
      const hint = setUpHint();
      if (hint) {
        perform(hint);
      }
    }
  });

  effect(() => {
    void [chat.conversation.value.running.value, page.agent.value];
    commands.notifyCommandChanged(CommandIDs.stop);
    commands.notifyCommandChanged(CommandIDs.setUpModel);
  });

  const category = trans.__('Hermes');
  for (const command of Object.values(CommandIDs)) {
    palette?.addItem({ command, category });
  }
}
