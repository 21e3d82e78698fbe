import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Question } from '../client/api';
import type { ChatModel } from '../model/chat';
import type { PageModel } from '../model/page';
import { ApprovalCard } from './approval-card';
import { ClarifyCard } from './clarify-card';
import { GuestCard, useIsGuest } from './guest';
import { Heard } from './heard';
import { useTrans } from './host';
import { alreadyAnswered } from './outcome';
import { SecretCard } from './secret-card';

/** Characters of a question that are told at once. */
const HEARD = 300;

/** The oldest of the questions that wait for an answer. */
export function QuestionQueue(props: {
  chat: ChatModel;
  page: PageModel;
}): JSX.Element {
  const { chat } = props;
  const trans = useTrans();
  const questions = chat.conversation.value.questions.value;
  const elsewhere = chat.answeredElsewhere.value;
  const [head] = questions;
  const heard = useSignal('');
  useEffect(() => {
    heard.value = head
      ? trans.__('Hermes waits for an answer: %1', askedBy(head))
      : '';
  }, [head?.id]);
  return (
    <div class="hj-questions">
      <Heard text={heard} live="assertive" />
      <div role="status">
        {elsewhere && (
          <p class="hj-notice">{alreadyAnswered(elsewhere, trans)}</p>
        )}
      </div>
      {head && (
        <div
          class="hj-question"
          role="group"
          aria-label={trans.__('Question')}
          // For the focus of whoever is led here, or has answered the last one.
          tabIndex={-1}
        >
          <Head {...props} key={head.id} />
        </div>
      )}
    </div>
  );
}

function askedBy({ questions, command, description }: Question): string {
  const asked = questions.map(({ text }) => text).join(' ');
  return (asked || description || command || '').slice(0, HEARD);
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
