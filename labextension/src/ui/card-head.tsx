import type { JSX } from 'preact';
import type { Question } from '../client/api';
import type { Trans } from '../client/page';
import { useClock } from './clock';
import { useTrans } from './host';

/** The place of a question in its queue. */
export interface Place {
  position: number;
  count: number;
}

export interface CardProps<Value> {
  question: Question;
  place: Place;
  /** Resolves when the server took it; the card goes with the question. */
  onAnswer: (value: Value) => Promise<void>;
  onDismiss: () => Promise<void>;
}

/** Kind of question, place in the queue, time left. */
export function CardHead(props: {
  title: string;
  question: Question;
  place: Place;
}): JSX.Element {
  const trans = useTrans();
  const { question, place } = props;
  const deadline = question.state === 'open' ? question.deadline : null;
  const now = useClock(deadline !== null);
  return (
    <header class="hj-card-head">
      <strong>{props.title}</strong>
      {place.count > 1 && (
        <span>{trans.__('%1 of %2', place.position, place.count)}</span>
      )}
      {deadline !== null && (
        <span class="hj-card-time" role="timer">
          {timeLeft(deadline - now.value / 1000, trans)}
        </span>
      )}
    </header>
  );
}

function timeLeft(seconds: number, trans: Trans): string {
  if (seconds >= 60) {
    return trans.__('%1 min left', Math.floor(seconds / 60));
  }
  return trans.__('%1 s left', Math.max(0, Math.floor(seconds)));
}
