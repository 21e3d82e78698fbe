import { useSignal, useSignalEffect } from '@preact/signals';
import type { JSX, RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ChatModel } from '../model/chat';
import type { Conversation } from '../model/conversation';
import type { PageModel } from '../model/page';
import { FailedTurn } from './failed-turn';
import { useTrans } from './host';
import { DownIcon } from './icons';
import { MessageView } from './message-view';
import { UserPrompt } from './user-message';

/** The messages of a conversation, oldest first. */
export function Transcript(props: {
  chat: ChatModel;
  page: PageModel;
}): JSX.Element {
  const { chat, page } = props;
  const conversation = chat.conversation.value;
  const trans = useTrans();
  const box = useRef<HTMLDivElement>(null);
  const { atEnd, toEnd } = useFollowedEnd(box);
  const running = conversation.running.value;
  const sending = conversation.outgoing.value.length > 0;

  useEffect(toEnd, [conversation]);
  useSignalEffect(() => {
    if (conversation.outgoing.value.length > 0) {
      toEnd();
    }
  });

  return (
    <div class="hj-transcript">
      <div class="hj-scroll" ref={box} tabIndex={0}>
        <div class="hj-log" role="log" aria-label={trans.__('Conversation')}>
          {conversation.messages.value.map(message => (
            <MessageView key={message.id} message={message} chat={chat} />
          ))}
          <FailedTurn chat={chat} />
          {conversation.awaited.value.map(prompt => (
            <UserPrompt
              key={prompt.clientId}
              text={prompt.text}
              note={
                prompt.clientId === running?.turn_id
                  ? undefined
                  : trans.__('Sending…')
              }
            />
          ))}
        </div>
        {(running || sending) && (
          <Activity conversation={conversation} page={page} />
        )}
      </div>
      {!atEnd.value && (
        <button type="button" class="hj-button hj-latest" onClick={toEnd}>
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
  const turn = conversation.running.value;
  if (page.agent.value?.state === 'starting') {
    // The agent's own card says more.
    return null;
  }
  let text = trans.__('Working…');
  if (turn?.state === 'stopping') {
    text = trans.__('Stopping…');
  } else if (turn?.action === 'compress') {
    text = trans.__('Compacting…');
  } else if (turn?.action === 'undo') {
    text = trans.__('Taking back…');
  } else if (turn?.state === 'starting' && page.agent.value?.step) {
    text = page.agent.value.step;
  } else if (conversation.questions.value.length > 0) {
    text = trans.__('Waiting for your answer');
  }
  return (
    <p class="hj-activity hj-pulse" role="status">
      {text}
    </p>
  );
}

/** Stays at the end while the person is there, and nowhere else. */
function useFollowedEnd(box: RefObject<HTMLDivElement>) {
  const atEnd = useSignal(true);
  const toEnd = (): void => {
    atEnd.value = true;
    box.current?.scrollTo({ top: box.current.scrollHeight });
  };
  useEffect(() => {
    const node = box.current!;
    let last = 0;
    const onScroll = (): void => {
      const below = node.scrollHeight - node.scrollTop - node.clientHeight;
      const isBack = node.scrollTop < last;
      last = node.scrollTop;
      // The text may have grown since: only going back means leaving the end.
      if (below < 24) {
        atEnd.value = true;
      } else if (isBack) {
        atEnd.value = false;
      }
    };
    const resized = new ResizeObserver(() => {
      if (atEnd.peek()) {
        toEnd();
      }
    });
    resized.observe(node);
    resized.observe(node.firstElementChild!);
    node.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      resized.disconnect();
      node.removeEventListener('scroll', onScroll);
    };
  }, []);
  return { atEnd, toEnd };
}
