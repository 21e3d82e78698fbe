import type { JSX } from 'preact';
import type { Question } from '../client/api';
import type { Trans } from '../client/page';
import { useTrans } from './host';

/** What became of a question, as one line of the transcript. */
export function Outcome({
  question
}: {
  question: Question;
}): JSX.Element | null {
  const trans = useTrans();
  if (question.state === 'open') {
    return null;
  }
  return (
    <div
      class="hj-outcome"
      data-state={isDenied(question) ? 'denied' : question.state}
    >
      <span class="hj-outcome-question" title={question.command ?? ''}>
        {titleOf(question)}
      </span>
      <span class="hj-outcome-text">{outcomeOf(question, trans)}</span>
      {question.told_agent && question.told_agent !== question.answer && (
        <span class="hj-quiet">
          {trans.__('The agent was told: %1', question.told_agent)}
        </span>
      )}
    </div>
  );
}

function isDenied({ answer, choices }: Question): boolean {
  return choices?.find(({ id }) => id === answer)?.kind === 'deny';
}

/** Code of several lines is no title: what it is said to do is. */
function titleOf({ questions, command, description }: Question): string {
  const asked = questions.map(({ text }) => text).join(' ');
  const line = command?.includes('\n') ? description || command : command;
  return line || asked || description || '';
}

function outcomeOf(question: Question, trans: Trans): string {
  switch (question.state) {
    case 'answered':
      return answered(question, trans);
    case 'expired':
      return trans.__('Nobody answered in time');
    case 'cancelled':
      return trans.__('Cancelled');
    case 'interrupted':
      return trans.__('Interrupted before it was answered');
    case 'dismissed':
      return trans.__('Dismissed');
    case 'open':
      return trans.__('Open');
  }
}

function answered(question: Question, trans: Trans): string {
  const who = whoAnswered(question, trans);
  const answer = answerOf(question);
  if (who && answer) {
    return trans.__('Answered %1: %2', who, answer);
  }
  if (who) {
    return trans.__('Answered %1', who);
  }
  return answer ? trans.__('Answered: %1', answer) : trans.__('Answered');
}

/** Sentence for someone whose answer came second. */
export function alreadyAnswered(question: Question, trans: Trans): string {
  if (question.state !== 'answered') {
    return outcomeOf(question, trans);
  }
  return trans.__(
    'Already answered %1: %2',
    whoAnswered(question, trans) || trans.__('elsewhere'),
    answerOf(question) || '–'
  );
}

/** On a plain server there is one owner: the place alone tells. */
function whoAnswered({ answered_by: by }: Question, trans: Trans): string {
  if (!by?.client) {
    return by?.user ? trans.__('by %1', by.user) : '';
  }
  const place = placeOf(by.client, trans);
  return by.user ? trans.__('by %1 %2', by.user, place) : place;
}

function placeOf(client: string, trans: Trans): string {
  switch (client) {
    case 'sidebar':
      return trans.__('in the sidebar');
    case 'tab':
      return trans.__('in a tab');
    case 'cell':
      return trans.__('in a cell');
    default:
      return trans.__('through %1', client);
  }
}

function answerOf({ answer, choices }: Question): string {
  const choice = choices?.find(({ id }) => id === answer);
  return choice?.label ?? [answer ?? []].flat(2).join(', ');
}
