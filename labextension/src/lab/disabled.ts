import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import type { Trans } from '../client/page';
import { hermesIcon } from './icon';

/** Whether the administrator has turned Hermes off on this server. */
export function isDisabled(): boolean {
  return PageConfig.getOption('hermesDisabled') === 'true';
}

/** Stands in for all the others. */
export const disabled: JupyterFrontEndPlugin<void> = {
  id: 'hermes-jupyter:plugin',
  description: 'Says that Hermes is turned off on this server.',
  autoStart: true,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) =>
    sayDisabled(app, (translator ?? nullTranslator).load('hermes_jupyter'))
};

/** Says so where the panel would be, and where its command leads. */
function sayDisabled(app: JupyterFrontEnd, trans: Trans): void {
  const place = new Widget();
  place.id = 'hermes-jupyter-sidebar';
  place.addClass('hj-panel');
  place.title.icon = hermesIcon;
  place.title.caption = trans.__('Hermes');
  const line = document.createElement('p');
  line.className = 'hj-root hj-notice';
  line.textContent = trans.__(
    'Hermes is turned off on this server. Set by your administrator.'
  );
  place.node.append(line);
  app.shell.add(place, 'right', { rank: 900 });
  app.commands.addCommand('hermes:open', {
    label: trans.__('Show Hermes'),
    icon: hermesIcon,
    execute: () => app.shell.activateById(place.id)
  });
}
