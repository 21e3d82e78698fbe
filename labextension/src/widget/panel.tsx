import { signal, type Signal } from '@preact/signals';
import { render, type ComponentChildren, type JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { HermesPage } from '../client/page';
import { ChatModel, followCurrent } from '../model/chat';
import { PageModel } from '../model/page';
import { SessionsModel } from '../model/sessions';
import { Chat } from '../ui/chat';
import { GaugeRing } from '../ui/gauge';
import { HostContext, type Host } from '../ui/host';
import { useKeptFocus } from '../ui/kept-focus';
import { QuestionQueue } from '../ui/question-queue';
import { SessionList } from '../ui/session-list';
import type { PanelTraits, View } from './offer';

interface Models {
  chat: ChatModel;
  page: PageModel;
  sessions: SessionsModel;
}

/** Shows a chat, or a part of it, in the output of a cell. */
export function showPanel(
  host: HermesPage & Host,
  el: HTMLElement,
  traits: PanelTraits
): { chat: ChatModel; end: () => void } {
  const { client } = host;
  const page = new PageModel(client);
  const sessions = new SessionsModel(client);
  const chat = new ChatModel(client, {
    name: 'cell',
    storage: localStorage,
    place: host.place
  });
  const view = signal(traits.view.get());
  const isPinned = signal(false);
  let endFollowing = (): void => undefined;

  const showSession = (id: string): void => {
    endFollowing();
    endFollowing = (): void => undefined;
    isPinned.value = id !== '';
    if (id) {
      void chat.open(id);
    } else {
      endFollowing = followCurrent(chat, host.current);
    }
  };
  showSession(traits.sessionId.get());
  const ends = [
    traits.sessionId.subscribe(showSession),
    traits.view.subscribe(changed => {
      view.value = changed;
    })
  ];

  render(
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
  const end = (): void => {
    ends.forEach(each => each());
    endFollowing();
    render(null, el);
    chat.dispose();
    sessions.dispose();
    page.dispose();
  };
  return { chat, end };
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
        <Part class="hj-root">
          <QuestionQueue chat={chat} page={page} />
        </Part>
      );
    case 'sessions':
      return (
        <Part class="hj-root hj-in-cell">
          <SessionList
            sessions={sessions}
            currentId={chat.id.value}
            onOpen={onOpen}
          />
        </Part>
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

/** One part of the panel by itself. */
function Part(props: {
  class: string;
  children: ComponentChildren;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  useKeptFocus(box);
  return (
    <div class={props.class} ref={box}>
      {props.children}
    </div>
  );
}
