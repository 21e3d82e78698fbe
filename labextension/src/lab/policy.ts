import { Notification } from '@jupyterlab/apputils';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ApiError } from '../client/api';
import type { HermesClient } from '../client/client';
import type { Policies, Policy } from '../client/notebooks';
import type { Trans } from '../client/page';

const SETTING = 'notebookPolicy';

/**
 * Has the server do as the person chose in the settings. Who chose nothing
 * has what the server is set up with. Answers who takes what the server has.
 */
export function keepPolicy(
  registry: ISettingRegistry | null,
  pluginId: string,
  { client, trans }: { client: HermesClient; trans: Trans }
): (policies: Policies) => void {
  let known: Policies | null = null;
  let settings: ISettingRegistry.ISettings | null = null;

  const apply = async (policy: Policy): Promise<void> => {
    if (!known || policy === known.policy) {
      return;
    }
    try {
      known = await client.notebooks.setPolicy(policy);
    } catch (thrown) {
      const error = ApiError.from(thrown);
      if (error.code === 'policy_forbidden') {
        Notification.warning(
          trans.__(
            'The administrator of this server allows no more than: %1',
            nameOf(known.max_policy, trans)
          ),
          { autoClose: 8000 }
        );
        // What the settings show is what is so.
        await settings?.set(SETTING, known.policy);
      } else {
        Notification.error(error.message);
      }
    }
  };
  const chosen = (): Policy | undefined =>
    settings?.user[SETTING] as Policy | undefined;
  const applyChosen = (): void => {
    const policy = chosen();
    if (policy) {
      void apply(policy);
    }
  };

  registry?.load(pluginId).then(
    loaded => {
      settings = loaded;
      let before = chosen();
      applyChosen();
      loaded.changed.connect(() => {
        if (chosen() !== before) {
          before = chosen();
          void apply(loaded.composite[SETTING] as Policy);
        }
      });
    },
    // JupyterLab says itself when it cannot read them.
    () => undefined
  );
  return policies => {
    const isFirst = known === null;
    known = policies;
    if (isFirst) {
      applyChosen();
    }
  };
}

function nameOf(policy: Policy, trans: Trans): string {
  switch (policy) {
    case 'read':
      return trans.__('Read only');
    case 'ask':
      return trans.__('Ask before each change and each run');
    case 'edit':
      return trans.__('Change cells, ask before each run');
    case 'run':
      return trans.__('Change and run cells');
  }
}
