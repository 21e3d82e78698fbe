import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { HermesClient } from '../client/client';
import type { Observable } from '../client/observable';
import type { ChatModel } from '../model/chat';
import type { Conversation } from '../model/conversation';

export interface NotebookLink {
  client: HermesClient;
  current: Observable<string>;
  /** What the sidebar shows. */
  chat: ChatModel;
}

/**
 * Keeps the page and the kernels of its notebooks on one conversation, so
 * that `%%hermes`, a panel in a cell and the sidebar speak of the same.
 */
export function linkNotebooks(
  tracker: INotebookTracker,
  { client, current, chat }: NotebookLink
): void {
  const tell = (kernelIds: string[], sessionId: string): void => {
    if (kernelIds.length > 0) {
      // The next change tells it again; meanwhile each side has its own.
      client.setCurrent(kernelIds, sessionId || null).catch(() => undefined);
    }
  };

  /** Unless something else than that empty draft is shown by now. */
  const adopt = (
    sessionId: string | null,
    draft: Conversation | null
  ): void => {
    if (sessionId && draft && idleDraft(chat) === draft) {
      current.set(sessionId);
    }
  };

  const meet = (kernelId: string): void => {
    if (current.get()) {
      tell([kernelId], current.get());
    } else {
      const draft = idleDraft(chat);
      client.current(kernelId).then(
        // A new chat that was begun meanwhile is a choice, and a later one.
        ({ session_id }) => adopt(session_id, draft),
        () => undefined
      );
    }
  };

  const watch = (panel: NotebookPanel): void => {
    const kernelId = kernelOf(panel);
    if (kernelId) {
      meet(kernelId);
    }
    panel.sessionContext.kernelChanged.connect((_, { newValue }) => {
      if (newValue) {
        meet(newValue.id);
      }
    });
  };

  tracker.forEach(watch);
  tracker.widgetAdded.connect((_, panel) => watch(panel));
  current.subscribe(sessionId => tell(kernelsOf(tracker), sessionId));
  client.listen(event => {
    if (
      event.event === 'current' &&
      kernelsOf(tracker).includes(event.data.kernel_id)
    ) {
      adopt(event.data.session_id, idleDraft(chat));
    }
  });
}

/** The folder of a new conversation is that of the notebook in use. */
export function placeOf(tracker: INotebookTracker | null): {
  notebook?: string;
} {
  const path = tracker?.currentWidget?.context.path;
  return path ? { notebook: path } : {};
}

/** The draft that is shown, if there is nothing in it. */
function idleDraft(chat: ChatModel): Conversation | null {
  const conversation = chat.conversation.value;
  const isIdle =
    conversation.isEmpty.value &&
    chat.id.value === '' &&
    chat.draft.value === '';
  return isIdle ? conversation : null;
}

function kernelsOf(tracker: INotebookTracker): string[] {
  const ids: string[] = [];
  tracker.forEach(panel => ids.push(kernelOf(panel) ?? ''));
  return ids.filter(Boolean);
}

function kernelOf(panel: NotebookPanel): string | null {
  return panel.sessionContext.session?.kernel?.id ?? null;
}
