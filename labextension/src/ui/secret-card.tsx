import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { CardHead, type CardProps } from './card-head';
import { FailureView } from './failure-view';
import { useTrans } from './host';
import { useSubmission } from './submission';

/** A password or another secret. It is sent once and kept nowhere. */
export function SecretCard(props: CardProps<string>): JSX.Element {
  const { question, place, onAnswer, onDismiss } = props;
  const trans = useTrans();
  const { busy, error, submit } = useSubmission();
  const value = useSignal('');
  const asked =
    question.questions[0]?.text ||
    question.description ||
    (question.kind === 'sudo'
      ? trans.__('Password')
      : trans.__('The agent needs a secret.'));

  return (
    <section class="hj-card" aria-label={trans.__('Secret')}>
      <CardHead
        title={
          question.kind === 'sudo'
            ? trans.__('Hermes needs your password')
            : trans.__('Hermes needs a secret')
        }
        question={question}
        place={place}
      />
      {question.command && (
        <pre
          class="hj-command"
          role="group"
          tabIndex={0}
          aria-label={trans.__('Command')}
        >
          {question.command}
        </pre>
      )}
      {question.state === 'interrupted' ? (
        <>
          <p class="hj-quiet">
            {trans.__('The agent stopped meanwhile and will ask again.')}
          </p>
          <button
            type="button"
            class="hj-button"
            disabled={busy.value}
            onClick={() => submit(onDismiss)}
          >
            {trans.__('Dismiss')}
          </button>
        </>
      ) : (
        <form
          onSubmit={event => {
            event.preventDefault();
            void submit(() => onAnswer(value.value));
          }}
        >
          <fieldset disabled={busy.value}>
            <label class="hj-field">
              {asked}
              <input
                class="hj-text"
                type="password"
                autocomplete="off"
                value={value.value}
                onInput={event => {
                  value.value = event.currentTarget.value;
                }}
              />
            </label>
            <button type="submit" class="hj-button hj-primary">
              {trans.__('Send')}
            </button>
          </fieldset>
        </form>
      )}
      {error.value && <FailureView failure={error.value} />}
    </section>
  );
}
