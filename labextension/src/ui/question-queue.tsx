import type { JSX } from 'preact';
import type { ChatModel } from '../model/chat';
import type { PageModel } from '../model/page';
import { ApprovalCard } from './approval-card';
import { ClarifyCard } from './clarify-card';
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
  return (
    // Polite: a question is announced, the focus stays where the person is.
    <div class="hj-questions" aria-live="polite" tabIndex={-1}>
      {elsewhere && (
        <p class="hj-notice">{alreadyAnswered(elsewhere, trans)}</p>
      )}
      <Head {...props} key={questions[0]?.id} />
    </div>
  );
}

function Head(props: { chat: ChatModel; page: PageModel }): JSX.Element | null {
  const { chat, page } = props;
  const questions = chat.conversation.value.questions.value;
  const [question] = questions;
  if (!question) {
    return null;
  }
  const card = {
    question,
    place: { position: 1, count: questions.length },
    onDismiss: () => chat.dismiss(question)
  };
  switch (question.kind) {
    case 'clarify':
      return (
        <ClarifyCard
          {...card}
          draft={chat.draftFor(question)}
          onDraft={values => chat.keepAnswer(question, values)}
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
