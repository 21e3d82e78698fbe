import { Notification } from '@jupyterlab/apputils';
import type { IRunningSessionManagers } from '@jupyterlab/running';
import { Signal } from '@lumino/signaling';
import { effect } from '@preact/signals';
import type { Summary } from '../client/api';
import type { Trans } from '../client/page';
import type { LiveModel } from '../model/live';
import { hermesIcon } from './icon';

/** Lists what the agent works on among all that runs, to be opened or stopped. */
export function addToRunning(
  managers: IRunningSessionManagers,
  live: LiveModel,
  { open, trans }: { open: (session: string) => void; trans: Trans }
): void {
  const changed = new Signal<LiveModel, void>(live);
  effect(() => {
    void live.rows.value;
    changed.emit();
  });

  const stop = (id: string): void => {
    live.stop(id).catch((error: Error) => {
      Notification.error(error.message);
    });
  };
  const item = (row: Summary) => ({
    icon: () => hermesIcon,
    label: () => row.title || row.preview || trans.__('Untitled'),
    labelTitle: () =>
      [row.title || row.preview, row.cwd].filter(Boolean).join('\n'),
    detail: () => (row.state === 'waiting' ? trans.__('needs you') : ''),
    open: () => open(row.id),
    shutdown: () => stop(row.id)
  });

  managers.add({
    name: trans.__('Hermes'),
    running: () => live.rows.value.map(item),
    runningChanged: changed,
    refreshRunning: () => void live.refresh(),
    shutdownLabel: trans.__('Stop'),
    shutdownAll: () => live.rows.value.forEach(({ id }) => stop(id)),
    shutdownAllLabel: trans.__('Stop All'),
    shutdownAllConfirmationText: trans.__(
      'Do you want to stop all that Hermes is working on?'
    )
  });
}
