import type { JSX, RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ChatModel } from '../model/chat';
import type { PageModel } from '../model/page';
import { ApprovalCard } from './approval-card';
import { ClarifyCard } from './clarify-card';
import { GuestCard, useIsGuest } from './guest';
import { useTrans } from './host';
import { alreadyAnswered } from './outcome';
import { SecretCard } from './secret-card';

/** The oldest of the questions that wait for an answer. */
export function QuestionQueue(props: {
  chat: ChatModel;
  page: PageModel;
}): JSX.Element {
  const { chat } = props;
  const trans = useTrans();
  const questions = chat.conversation.value.questions.value;
  const elsewhere = chat.answeredElsewhere.value;
  const box = useRef<HTMLDivElement>(null);
  useFocusAfter(box, questions[0]?.id);
  return (
    // Polite: a question is announced, the focus stays where the person is.
    <div class="hj-questions" aria-live="polite" tabIndex={-1} ref={box}>
      {elsewhere && (
        <p class="hj-notice">{alreadyAnswered(elsewhere, trans)}</p>
      )}
      <Head {...props} key={questions[0]?.id} />
    </div>
  );
}

/**
 * When a card goes with the focus in it, that goes on to the next card, or to
 * where the next prompt is written.
 */
function useFocusAfter(
  box: RefObject<HTMLElement>,
  id: string | undefined
): void {
  const isInside = useRef(false);
  useEffect(() => {
    const node = box.current!;
    const onFocus = ({ target }: FocusEvent): void => {
      isInside.current = node.contains(target as Node);
    };
    document.addEventListener('focusin', onFocus);
    return () => document.removeEventListener('focusin', onFocus);
  }, []);
  useEffect(() => {
    // Somebody who has gone elsewhere meanwhile is left there.
    if (isInside.current && document.activeElement === document.body) {
      const input = box.current!.parentElement!.querySelector('.hj-input');
      const next = id === undefined ? input : box.current;
      (next as HTMLElement | null)?.focus();
    }
  }, [id]);
}

function Head(props: { chat: ChatModel; page: PageModel }): JSX.Element | null {
  const { chat, page } = props;
  const questions = chat.conversation.value.questions.value;
  const isGuest = useIsGuest();
  const [question] = questions;
  if (!question) {
    return null;
  }
  const place = { position: 1, count: questions.length };
  if (isGuest) {
    return <GuestCard question={question} place={place} />;
  }
  const card = {
    question,
    place,
    onDismiss: () => chat.dismiss(question)
  };
  switch (question.kind) {
    case 'clarify':
      return (
        <ClarifyCard
          {...card}
          draft={chat.writing.answerTo(question)}
          onDraft={values => chat.writing.keepAnswer(question, values)}
          onAnswer={answer => chat.answer(question, answer)}
        />
      );
    case 'approval':
      return (
        <ApprovalCard
          {...card}
          onSkip={
            page.policy.value.approval_mode === 'manual'
              ? null
              : () => chat.skipApprovals(true)
          }
          onAnswer={choice => chat.answer(question, { choice })}
        />
      );
    case 'sudo':
    case 'secret':
      return (
        <SecretCard
          {...card}
          onAnswer={value => chat.answer(question, { value })}
        />
      );
  }
}
