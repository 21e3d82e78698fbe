import { createContext, type JSX } from 'preact';
import { useContext } from 'preact/hooks';
import type { Question, Status } from '../client/api';
import { CardHead, type Place } from './card-head';
import { useTrans } from './host';

/** The server as one sees it who may only read there; null: may drive it. */
export const GuestContext = createContext<Status | null>(null);

/** Whether the person may only read here. */
export function useIsGuest(): boolean {
  return useContext(GuestContext) !== null;
}

/** Stands in place of what a guest may not do. */
export function GuestLine(): JSX.Element {
  const trans = useTrans();
  const drivers = useContext(GuestContext)?.drivers ?? [];
  return (
    <div class="hj-bar hj-foot">
      {drivers.length > 0
        ? trans.__(
            'You can read here. Only %1 can write to Hermes and answer it.',
            drivers.join(', ')
          )
        : trans.__(
            'You can read here. Your rights on this server do not let you write to Hermes.'
          )}
    </div>
  );
}

/** A question that somebody else has to answer. */
export function GuestCard(props: {
  question: Question;
  place: Place;
}): JSX.Element {
  const trans = useTrans();
  const { command, description, questions } = props.question;
  const title = trans.__('Hermes waits for an answer');
  return (
    <section class="hj-card" aria-label={title}>
      <CardHead title={title} {...props} />
      {description && <p dir="auto">{description}</p>}
      {command && (
        <pre
          class="hj-command"
          role="group"
          tabIndex={0}
          aria-label={trans.__('Command')}
        >
          {command}
        </pre>
      )}
      {questions.map(({ text }) => (
        <p key={text} dir="auto">
          {text}
        </p>
      ))}
    </section>
  );
}
