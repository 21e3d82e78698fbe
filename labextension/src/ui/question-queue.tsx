import type { JSX } from 'preact';
import type { ChatModel } from '../model/chat';
import { ApprovalCard } from './approval-card';
import { ClarifyCard } from './clarify-card';
import { GuestCard, useIsGuest } from './guest';
import { useTrans } from './host';
import { alreadyAnswered } from './outcome';
import { SecretCard } from './secret-card';

/** The oldest of the questions that wait for an answer. */
export function QuestionQueue({ chat }: { chat: ChatModel }): JSX.Element {
  const trans = useTrans();
  const questions = chat.conversation.value.questions.value;
  const elsewhere = chat.answeredElsewhere.value;
  return (
    // Polite: a question is announced, the focus stays where the person is.
    <div class="hj-questions" aria-live="polite" tabIndex={-1}>
      {elsewhere && (
        <p class="hj-notice">{alreadyAnswered(elsewhere, trans)}</p>
      )}
      <Head chat={chat} key={questions[0]?.id} />
    </div>
  );
}

function Head({ chat }: { chat: ChatModel }): JSX.Element | null {
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
          onSkip={() => chat.skipApprovals(true)}
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
