import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ServerConnection, type Contents } from '@jupyterlab/services';
import type { HermesPage, Trans } from '../client/page';
import { contentsPath, readPlace } from '../model/file-place';

/** The part of an editor's widget that is used. */
interface EditorPanel {
  context: { ready: Promise<void> };
  content: {
    editor?: {
      setCursorPosition(position: { line: number; column: number }): void;
      focus(): void;
    };
  };
}

/** Opens the files that answers name, those below the server's root. */
export function fileOpener(
  app: JupyterFrontEnd,
  { root, trans }: { root: () => string | null; trans: Trans }
): HermesPage['openFile'] {
  const { commands, serviceManager } = app;

  const open = async (place: string, cwd: string): Promise<void> => {
    const { path, line } = readPlace(place);
    const top = root();
    const below =
      top === null ? null : contentsPath(path, { cwd: cwd || top, root: top });
    if (below === null) {
      const text = trans.__('%1 is outside of the folder of Jupyter.', path);
      Notification.warning(text, { autoClose: 5000 });
      return;
    }
    const model = await find(serviceManager.contents, below);
    if (!model) {
      const text = trans.__('There is no file %1.', below);
      Notification.warning(text, { autoClose: 5000 });
    } else if (model.type === 'directory') {
      await commands.execute('filebrowser:go-to-path', { path: below });
    } else {
      const opened: unknown = await commands.execute('docmanager:open', {
        path: below
      });
      if (line !== null && opened) {
        await goToLine(opened as EditorPanel, line);
      }
    }
  };

  return (place, cwd) => {
    open(place, cwd).catch((error: Error) => {
      Notification.error(error.message);
    });
  };
}

async function find(
  contents: Contents.IManager,
  path: string
): Promise<Contents.IModel | null> {
  try {
    return await contents.get(path, { content: false });
  } catch (error) {
    const isMissing =
      error instanceof ServerConnection.ResponseError &&
      error.response.status === 404;
    if (isMissing) {
      return null;
    }
    throw error;
  }
}

async function goToLine(panel: EditorPanel, line: number): Promise<void> {
  await panel.context.ready;
  const { editor } = panel.content;
  editor?.setCursorPosition({ line: line - 1, column: 0 });
  editor?.focus();
}
