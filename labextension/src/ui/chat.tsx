import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ChatModel } from '../model/chat';
import type { PageModel } from '../model/page';
import type { SessionsModel } from '../model/sessions';
import { AgentCard } from './agent-card';
import { Composer, shortened } from './composer';
import { ConnectionBar } from './connection-bar';
import { useFileDrop } from './file-drop';
import { GuestContext, GuestLine } from './guest';
import { HERMES } from './hermes';
import { useHost, useTrans } from './host';
import { IconButton } from './icon-button';
import { BackIcon, ListIcon, NewIcon } from './icons';
import { placeIn, useKeptFocus } from './kept-focus';
import { QuestionQueue } from './question-queue';
import { BranchLine, GoneLine, ReadOnlyLine } from './relation';
import { SessionList } from './session-list';
import { SkipBanner } from './skip-approvals';
import { Transcript } from './transcript';

/** What the scripted offline model has an answer to: not for translation. */
const OFFLINE_PROMPTS = [
  'hello',
  'ask me something',
  'clean up',
  'fix my notebook'
];

export interface ChatProps {
  chat: ChatModel;
  page: PageModel;
  /** Without it, the panel keeps to its one conversation. */
  sessions?: SessionsModel;
}

/** The whole panel. */
export function Chat(props: ChatProps): JSX.Element {
  return (
    <GuestContext.Provider value={props.page.guest.value}>
      <Panel {...props} />
    </GuestContext.Provider>
  );
}

function Panel({ chat, page, sessions }: ChatProps): JSX.Element {
  const { trans, openFile } = useHost();
  const conversation = chat.conversation.value;
  const panel = useRef<HTMLElement>(null);
  const wasListing = useRef(false);
  const takesFiles =
    !page.guest.value &&
    !chat.listing.value &&
    !conversation.isGone.value &&
    !conversation.isReadOnly.value;
  const isDropping = useFileDrop(
    panel,
    takesFiles
      ? files =>
          chat.attachments.value.add(files, page.status.value?.max_upload)
      : null
  );

  useKeptFocus(panel);

  useEffect(() => {
    // What was clicked is there no more; the person goes on in its place.
    if (chat.listing.value !== wasListing.current) {
      wasListing.current = chat.listing.value;
      // A message that was found has taken it already.
      if (conversation.lit.peek() === null) {
        placeIn(panel.current!)?.focus();
      }
    }
  }, [chat.listing.value]);

  if (sessions && chat.listing.value) {
    return (
      <section class="hj-root hj-chat" aria-label="Hermes" ref={panel}>
        <header class="hj-head">
          <IconButton
            label={trans.__('Back to the conversation')}
            onClick={() => {
              chat.listing.value = false;
            }}
          >
            <BackIcon />
          </IconButton>
          <h2>{trans.__('Conversations')}</h2>
        </header>
        <ConnectionBar page={page} />
        <SessionList
          sessions={sessions}
          currentId={chat.id.value}
          onOpen={(id, found) =>
            void (found ? chat.openAt(found) : chat.open(id))
          }
        />
      </section>
    );
  }

  const title = conversation.name.value || trans.__('New chat');
  const followFile = (event: Event): void => {
    const link = (event.target as Element).closest<HTMLElement>('.hj-file');
    if (link?.dataset.place) {
      openFile(link.dataset.place, conversation.cwd.value);
    }
  };
  const agentCard = (
    <AgentCard
      agent={page.agent.value}
      said={conversation.turn.value?.error?.message}
    />
  );
  return (
    <section
      class="hj-root hj-chat"
      aria-label="Hermes"
      ref={panel}
      onClick={followFile}
    >
      <header class="hj-head">
        <h2 title={title} dir="auto">
          {title}
        </h2>
        {sessions && (
          <>
            <IconButton
              label={trans.__('Conversations')}
              onClick={() => {
                chat.listing.value = true;
              }}
            >
              <ListIcon />
            </IconButton>
            {!page.guest.value && (
              <IconButton
                label={trans.__('New chat')}
                onClick={() => chat.newChat()}
              >
                <NewIcon />
              </IconButton>
            )}
          </>
        )}
      </header>
      <ConnectionBar page={page} />
      <BranchLine chat={chat} conversation={conversation} />
      <SkipBanner chat={chat} />
      {conversation.isEmpty.value && page.agent.value?.state === 'failed' ? (
        <div class="hj-welcome">{agentCard}</div>
      ) : (
        <>
          {agentCard}
          {conversation.isEmpty.value ? (
            <Welcome chat={chat} page={page} />
          ) : (
            <Transcript chat={chat} page={page} />
          )}
        </>
      )}
      <QuestionQueue chat={chat} page={page} />
      <Foot chat={chat} page={page} />
      {isDropping.value && (
        <div class="hj-drop" aria-hidden="true">
          {trans.__('Drop files to attach them')}
        </div>
      )}
    </section>
  );
}

/** Where the person goes on, if they can. */
function Foot({ chat, page }: ChatProps): JSX.Element {
  const conversation = chat.conversation.value;
  if (conversation.isGone.value) {
    return <GoneLine chat={chat} />;
  }
  if (page.guest.value) {
    return <GuestLine />;
  }
  if (conversation.isReadOnly.value) {
    return <ReadOnlyLine chat={chat} conversation={conversation} />;
  }
  return <Composer chat={chat} page={page} />;
}

function Welcome({ chat, page }: ChatProps): JSX.Element {
  const trans = useTrans();
  const isOpening = chat.id.value && !chat.conversation.value.loaded.value;
  if (isOpening) {
    return <div class="hj-welcome" aria-busy="true" />;
  }
  const folder = chat.conversation.value.cwd.value || page.status.value?.cwd;
  return (
    <div class="hj-welcome">
      <div
        class="hj-mark"
        aria-hidden="true"
        dangerouslySetInnerHTML={{ __html: HERMES }}
      />
      <p class="hj-welcome-title">
        {trans.__('Hermes works beside your notebook.')}
      </p>
      {!page.guest.value && (
        <p class="hj-quiet">
          {chat.context
            ? trans.__('Type @ for files and cells, / for commands.')
            : trans.__('Type @ for files, / for commands.')}
        </p>
      )}
      {folder && (
        <p class="hj-quiet" title={folder}>
          {trans.__('It works in %1', shortened(folder))}
        </p>
      )}
      {page.status.value?.offline && !page.guest.value && (
        <>
          <p class="hj-quiet">
            {trans.__('This is the offline model. It knows these:')}
          </p>
          {OFFLINE_PROMPTS.map(prompt => (
            <button
              type="button"
              key={prompt}
              class="hj-choice"
              onClick={() => chat.send(prompt)}
            >
              {prompt}
            </button>
          ))}
        </>
      )}
    </div>
  );
}
