import { Notification } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { Trans } from '../client/page';

/** The part of the terminal's widget that is used. */
interface TerminalPanel {
  content: {
    session: { send(message: { type: 'stdin'; content: string[] }): void };
  };
}

/** Runs a command where the person sees it, and can answer its questions. */
export async function runInTerminal(
  commands: CommandRegistry,
  command: string,
  trans: Trans
): Promise<void> {
  const panel: TerminalPanel | undefined = await commands
    .execute('terminal:create-new')
    .catch(() => undefined);
  if (panel?.content?.session) {
    panel.content.session.send({ type: 'stdin', content: [`${command}\r`] });
  } else {
    Notification.info(trans.__('Run this in a terminal: %1', command), {
      autoClose: false
    });
  }
}
