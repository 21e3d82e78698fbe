import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ServerConnection } from '@jupyterlab/services';
import type { Trans } from '../client/page';
import type { PageModel } from '../model/page';
import type { Panel } from './panel';
import type { Panels } from './panels';

export const ATTACH_COMMAND = 'hermes:attach';

/** What JupyterLab's file browser drags: the paths of what is selected. */
const CONTENTS_MIME = 'application/x-jupyter-icontents';

/** Attaches files of the file browser, by its context menu or by dragging them. */
export function attachFromFileBrowser(
  app: JupyterFrontEnd,
  options: {
    factory: IFileBrowserFactory;
    panels: Panels;
    page: PageModel;
    trans: Trans;
  }
): void {
  const { factory, panels, page, trans } = options;
  const { commands, serviceManager } = app;
  const { contents, serverSettings } = serviceManager;

  const read = async (path: string): Promise<File | null> => {
    const limit = page.status.value?.max_upload ?? Infinity;
    const { name, type, size } = await contents.get(path, { content: false });
    if (type === 'directory') {
      warn(trans.__('%1 is a folder: name it in the prompt by @.', name));
      return null;
    }
    if ((size ?? 0) > limit) {
      const most = (limit / 1024 / 1024).toFixed(0);
      warn(
        trans.__(
          '%1 is larger than %2 MB: name it in the prompt by @, and the agent reads it where it is.',
          name,
          most
        )
      );
      return null;
    }
    const url = await contents.getDownloadUrl(path);
    const response = await ServerConnection.makeRequest(
      url,
      {},
      serverSettings
    );
    if (!response.ok) {
      throw await ServerConnection.ResponseError.create(response);
    }
    const content = await response.blob();
    return new File([content], name, { type: content.type });
  };

  const attach = async (paths: string[], panel: Panel): Promise<void> => {
    const { chat } = panel;
    const { attachments } = chat;
    const into = attachments.value;
    for (const path of paths) {
      try {
        const file = await read(path);
        if (file) {
          into.add([file]);
        }
      } catch (error) {
        const { message } = error as Error;
        warn(trans.__('%1 was not attached: %2', path, message));
      }
    }
  };

  const selected = (): string[] => {
    const items = factory.tracker.currentWidget?.selectedItems() ?? [];
    return [...items]
      .filter(({ type }) => type !== 'directory')
      .map(({ path }) => path);
  };
  commands.addCommand(ATTACH_COMMAND, {
    label: trans.__('Attach to Hermes'),
    caption: trans.__('Send these files with the next prompt'),
    isVisible: () => selected().length > 0,
    execute: async () => {
      const panel = panels.current.value;
      panels.show(panel);
      await attach(selected(), panel);
    }
  });

  panels.takeDrops(CONTENTS_MIME, panel => ({ mimeData }) => {
    void attach(mimeData.getData(CONTENTS_MIME) as string[], panel);
  });
}

function warn(text: string): void {
  Notification.warning(text, { autoClose: 8000 });
}
