import type { AnyModel } from '@anywidget/types';
import { signal, type Signal } from '@preact/signals';
import { render as renderInto, type JSX } from 'preact';
import { findPage, type HermesPage } from '../client/page';
import { ChatModel, followCurrent } from '../model/chat';
import { PageModel } from '../model/page';
import { SessionsModel } from '../model/sessions';
import { Chat } from '../ui/chat';
import { GaugeRing } from '../ui/gauge';
import { HostContext } from '../ui/host';
import { QuestionQueue } from '../ui/question-queue';
import { SessionList } from '../ui/session-list';

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
  // A key pressed here is not one for the notebook around it.
  el.setAttribute('data-lm-suppress-shortcuts', 'true');

  void findPage(PATIENCE_MS).then(page => {
    if (isGone) {
      return;
    }
    if (page) {
      end = mount(model, el, page);
    } else {
      renderInto(<NoHost />, el);
    }
  });
  return () => {
    isGone = true;
    end();
    renderInto(null, el);
  };
}

export default { render };

function mount(
  model: AnyModel<Traits>,
  el: HTMLElement,
  host: HermesPage
): () => void {
  const { client } = host;
  const page = new PageModel(client);
  const sessions = new SessionsModel(client);
  const chat = new ChatModel(client, {
    name: 'cell',
    storage: localStorage,
    place: host.place
  });
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
          <QuestionQueue chat={chat} />
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

/** Not translated: the words come with the extension that is missing. */
function NoHost(): JSX.Element {
  return (
    <p class="hj-root hj-notice">
      This front end has no hermes-jupyter extension. Open the notebook in
      JupyterLab or Notebook 7 to see the Hermes panel.
    </p>
  );
}
