import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Observable } from '../client/observable';
import type { Preferences } from '../client/page';

/** What the schema beside this package describes. */
export interface Settings extends Preferences {
  readonly notifications: boolean;
}

const DEFAULTS: Settings = {
  sendWith: 'Enter',
  unfoldReasoning: false,
  notifications: true
};

/** The person's settings as they are now, and as they change. */
export function followSettings(
  registry: ISettingRegistry | null,
  pluginId: string
): Observable<Settings> {
  const settings = new Observable(DEFAULTS);
  // JupyterLab says itself when it cannot read them.
  registry?.load(pluginId).then(
    loaded => {
      const take = (): void =>
        settings.set({ ...DEFAULTS, ...(loaded.composite as object) });
      loaded.changed.connect(take);
      take();
    },
    () => undefined
  );
  return settings;
}
