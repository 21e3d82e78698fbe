import type { JupyterFrontEnd } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { Widget } from '@lumino/widgets';
import type { Trans } from '../client/page';
import { hermesIcon } from './icon';

/** Whether the administrator has turned Hermes off on this server. */
export function isDisabled(): boolean {
  return PageConfig.getOption('hermesDisabled') === 'true';
}

/** Says so where the panel would be, and where its command leads. */
export function sayDisabled(app: JupyterFrontEnd, trans: Trans): void {
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
