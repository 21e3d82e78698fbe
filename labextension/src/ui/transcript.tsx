import { useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { ChatModel } from '../model/chat';
import type { Conversation } from '../model/conversation';
import type { PageModel } from '../model/page';
import { Earlier } from './earlier';
import { FailedTurn } from './failed-turn';
import { useIsGuest } from './guest';
import { Heard } from './heard';
import { useTrans } from './host';
import { DownIcon } from './icons';
import { useNearness } from './nearness';
import { useScrolling } from './scrolling';
import { useShown } from './shown';
import { StretchView } from './stretch';
import { UserPrompt } from './user-message';

/** How long a message that was found stays lit. */
const LIT_MS = 3000;

/** Stretches at the end that are painted at once. */
const LAST = 2;

/** The messages of a conversation, oldest first. */
export function Transcript(props: {
  chat: ChatModel;
  page: PageModel;
}): JSX.Element {
  const { chat, page } = props;
  const conversation = chat.conversation.value;
  const trans = useTrans();
  const box = useRef<HTMLDivElement>(null);
  const log = useRef<HTMLDivElement>(null);
  const nearness = useNearness(box);
  const scrolling = useScrolling(box, log, () => {
    // What has failed waits for the person to try again.
    if (conversation.extendError.peek() === null) {
      void chat.loadEarlier();
    }
  });
  const { atEnd, toEnd, hold, toEntry } = scrolling;
  const running = conversation.running.value;
  const sending = conversation.outgoing.value.length > 0;
  const stretches = conversation.stretches.value;
  const lit = conversation.lit.value;

  useShown(box, isShown => {
    chat.isShown.value = isShown;
  });
  useLayoutEffect(hold, [stretches]);
  useEffect(() => {
    if (conversation.lit.peek() === null) {
      toEnd();
    }
  }, [conversation]);
  useLayoutEffect(() => {
    if (lit === null) {
      return;
    }
    toEntry(lit);
    const end = setTimeout(() => {
      conversation.lit.value = null;
    }, LIT_MS);
    return () => clearTimeout(end);
  }, [lit]);
  useSignalEffect(() => {
    if (conversation.outgoing.value.length > 0) {
      toEnd();
    }
  });

  return (
    <div class="hj-transcript">
      <div
        class="hj-scroll"
        role="group"
        aria-label={trans.__('Messages')}
        tabIndex={0}
        ref={box}
      >
        <div>
          <Earlier chat={chat} conversation={conversation} />
          <div
            class="hj-log"
            role="log"
            aria-label={trans.__('Conversation')}
            ref={log}
          >
            {stretches.map((stretch, i) => (
              <StretchView
                key={stretch[0]!.id}
                stretch={stretch}
                chat={chat}
                nearness={nearness}
                isLast={i >= stretches.length - LAST}
                lit={stretch.some(({ id }) => id === lit) ? lit : null}
              />
            ))}
            <FailedTurn chat={chat} />
            {conversation.awaited.value.map(prompt => (
              <UserPrompt
                key={prompt.clientId}
                text={prompt.text}
                attachments={prompt.attachments}
                context={prompt.context}
                chat={chat}
                note={
                  prompt.clientId === running?.turn_id
                    ? undefined
                    : trans.__('Sending…')
                }
              />
            ))}
          </div>
          <div role="status">
            {(running || sending) && (
              <Activity conversation={conversation} page={page} />
            )}
          </div>
          <Heard text={conversation.heard} live="polite" />
        </div>
      </div>
      {!atEnd.value && (
        <button
          type="button"
          class="hj-button hj-latest"
          onClick={() => {
            toEnd();
            // The button goes.
            box.current!.focus({ preventScroll: true });
          }}
        >
          <DownIcon />
          {trans.__('Jump to latest')}
        </button>
      )}
    </div>
  );
}

function Activity(props: {
  conversation: Conversation;
  page: PageModel;
}): JSX.Element | null {
  const { conversation, page } = props;
  const trans = useTrans();
  const isGuest = useIsGuest();
  const turn = conversation.running.value;
  if (page.agent.value?.state === 'starting') {
    // The agent's own card says more.
    return null;
  }
  const isWaiting = conversation.questions.value.length > 0;
  let text = trans.__('Working…');
  if (turn?.state === 'stopping') {
    text = trans.__('Stopping…');
  } else if (turn?.action === 'compress') {
    text = trans.__('Compacting…');
  } else if (turn?.action === 'undo') {
    text = trans.__('Taking back…');
  } else if (turn?.state === 'starting' && page.agent.value?.step) {
    text = page.agent.value.step;
  } else if (isWaiting) {
    text = isGuest
      ? trans.__('Waiting for an answer')
      : trans.__('Waiting for your answer');
  }
  return <p class={`hj-activity ${isWaiting ? '' : 'hj-pulse'}`}>{text}</p>;
}
