import type { HermesClient } from '../client/client';
import type { Observable } from '../client/observable';
import type { ChatModel } from './chat';
import type { Conversation } from './conversation';

export interface KernelLink {
  client: HermesClient;
  current: Observable<string>;
  /** The kernels that speak of the same conversation as this page. */
  kernels: () => string[];
  chat: ChatModel;
}

/**
 * Keeps a page and its kernels on one conversation, so that `%%hermes`, a
 * panel in a cell and the sidebar speak of the same.
 */
export function linkKernels(link: KernelLink): {
  meet: (kernelId: string) => void;
  end: () => void;
} {
  const { client, current, kernels, chat } = link;
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
  const ends = [
    current.subscribe(sessionId => tell(kernels(), sessionId)),
    client.listen(event => {
      if (
        event.event === 'current' &&
        kernels().includes(event.data.kernel_id)
      ) {
        adopt(event.data.session_id, idleDraft(chat));
      }
    })
  ];
  return {
    meet: kernelId => {
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
    },
    end: () => ends.forEach(end => end())
  };
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
