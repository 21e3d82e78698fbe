import type { AnyModel } from '@anywidget/types';
import { signal, type Signal } from '@preact/signals';
import { render as renderInto, type JSX } from 'preact';
import type { Request } from '../client/calls';
import { findPage, type HermesPage } from '../client/page';
import { ChatModel, followCurrent } from '../model/chat';
import { linkKernels } from '../model/kernels';
import { PageModel } from '../model/page';
import { SessionsModel } from '../model/sessions';
import { Chat } from '../ui/chat';
import { GaugeRing } from '../ui/gauge';
import { HostContext } from '../ui/host';
import { QuestionQueue } from '../ui/question-queue';
import { SessionList } from '../ui/session-list';
import { requestByComm } from './comm';

/** The class that the widget's own look is bound to; the build says it. */
declare const WIDGET_SCOPE: string;

type View = 'chat' | 'gauge' | 'clarify' | 'sessions';

/** All that is synced: a saved notebook holds no word of a conversation. */
interface Traits {
  /** Empty follows the page's current conversation. */
  session_id: string;
  view: View;
}

interface Models {
  chat: ChatModel;
  page: PageModel;
  sessions: SessionsModel;
}

/** The labextension may be activated after the notebook's first outputs. */
const PATIENCE_MS = 5000;

function render(props: {
  model: AnyModel<Traits>;
  el: HTMLElement;
}): () => void {
  const { model, el } = props;
  let isGone = false;
  let end = (): void => undefined;
  el.classList.add(WIDGET_SCOPE);
  // A key pressed here is not one for the notebook around it.
  el.setAttribute('data-lm-suppress-shortcuts', 'true');

  const isJupyter = document.getElementById('jupyter-config-data') !== null;
  void findPage(isJupyter ? PATIENCE_MS : 0).then(page => {
    if (isGone) {
      return;
    }
    end = page ? mount(model, el, page) : mountByKernel(model, el);
  });
  return () => {
    isGone = true;
    end();
    renderInto(null, el);
  };
}

export default { render };

/** In a page without the labextension: the kernel hands on what is asked. */
function mountByKernel(model: AnyModel<Traits>, el: HTMLElement): () => void {
  const { request, end } = requestByComm(model as AnyModel);
  const ends = [end];
  loadKernelHost(request).then(
    ({ hostByKernel }) => {
      const { host, kernel, end: endHost } = hostByKernel(request);
      const endPanel = mount(model, el, host, chat => {
        kernel.then(
          ({ kernel_id }) => {
            if (kernel_id === null) {
              return;
            }
            const link = linkKernels({
              client: host.client,
              current: host.current,
              kernels: () => [kernel_id],
              chat
            });
            link.meet(kernel_id);
            ends.unshift(link.end);
          },
          // Without it the panel has a conversation of its own.
          () => undefined
        );
      });
      ends.unshift(endPanel, endHost);
    },
    (error: Error) => renderInto(<NoKernel reason={error.message} />, el)
  );
  return () => ends.forEach(each => each());
}

/** The rest of what such a page needs, from the kernel. */
async function loadKernelHost(
  request: Request
): Promise<typeof import('./kernel-host')> {
  const response = await request('kernel/host.js');
  const script = new Blob([await response.text()], { type: 'text/javascript' });
  const url = URL.createObjectURL(script);
  try {
    return (await import(url)) as typeof import('./kernel-host');
  } finally {
    URL.revokeObjectURL(url);
  }
}

function mount(
  model: AnyModel<Traits>,
  el: HTMLElement,
  host: HermesPage,
  onChat: (chat: ChatModel) => void = () => undefined
): () => void {
  const { client } = host;
  const page = new PageModel(client);
  const sessions = new SessionsModel(client);
  const chat = new ChatModel(client, {
    name: 'cell',
    storage: localStorage,
    place: host.place
  });
  onChat(chat);
  const view = signal(model.get('view'));
  const isPinned = signal(false);
  let endFollowing = (): void => undefined;

  const showSession = (): void => {
    const id = model.get('session_id');
    endFollowing();
    endFollowing = (): void => undefined;
    isPinned.value = id !== '';
    if (id) {
      void chat.open(id);
    } else {
      endFollowing = followCurrent(chat, host.current);
    }
  };
  const showView = (): void => {
    view.value = model.get('view');
  };
  showSession();
  model.on('change:session_id', showSession);
  model.on('change:view', showView);

  renderInto(
    <HostContext.Provider value={host}>
      <Panel
        models={{ chat, page, sessions }}
        view={view}
        isPinned={isPinned}
        onOpen={id => host.current.set(id)}
      />
    </HostContext.Provider>,
    el
  );
  return () => {
    model.off('change:session_id', showSession);
    model.off('change:view', showView);
    endFollowing();
    chat.dispose();
    sessions.dispose();
    page.dispose();
  };
}

function Panel(props: {
  models: Models;
  view: Signal<View>;
  isPinned: Signal<boolean>;
  onOpen: (id: string) => void;
}): JSX.Element {
  const { models, view, isPinned, onOpen } = props;
  const { chat, page, sessions } = models;
  switch (view.value) {
    case 'gauge':
      return (
        <div class="hj-root">
          <GaugeRing gauge={chat.conversation.value.gauge.value} />
        </div>
      );
    case 'clarify':
      return (
        <div class="hj-root">
          <QuestionQueue chat={chat} page={page} />
        </div>
      );
    case 'sessions':
      return (
        <div class="hj-root hj-in-cell">
          <SessionList
            sessions={sessions}
            currentId={chat.id.value}
            onOpen={onOpen}
          />
        </div>
      );
    case 'chat':
      return (
        <div class="hj-root hj-in-cell hj-tall">
          <Chat
            chat={chat}
            page={page}
            sessions={isPinned.value ? undefined : sessions}
          />
        </div>
      );
  }
}

/** Not translated: the words come with what is missing. */
function NoKernel({ reason }: { reason: string }): JSX.Element {
  return (
    <p class="hj-root hj-notice" role="alert">
      The Hermes panel is not live: {reason} Run its cell again.
    </p>
  );
}
