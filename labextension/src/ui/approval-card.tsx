import type { JSX } from 'preact';
import { CardHead, type CardProps } from './card-head';
import { Diff, isDiff } from './diff';
import { FailureView } from './failure-view';
import { useTrans } from './host';
import { SkipApprovals } from './skip-approvals';
import { useSubmission } from './submission';

/**
 * A command that the agent may not run unasked. Not a form, and no button is
 * the default: no key approves anything but on a focused button.
 */
export function ApprovalCard(
  props: CardProps<string> & { onSkip: (() => Promise<void>) | null }
): JSX.Element {
  const { question, place, onAnswer, onDismiss, onSkip } = props;
  const trans = useTrans();
  const { busy, error, submit } = useSubmission();
  const isInterrupted = question.state === 'interrupted';
  const command = question.command ?? '';
  const isChange = isDiff(command);

  return (
    <section class="hj-card" aria-label={trans.__('Approval')}>
      <CardHead
        title={
          isChange
            ? trans.__('Hermes wants to change this')
            : trans.__('Hermes wants to run this')
        }
        question={question}
        place={place}
      />
      {question.description && <p dir="auto">{question.description}</p>}
      {command && (
        <pre
          class="hj-command"
          role="group"
          tabIndex={0}
          aria-label={trans.__('Command')}
        >
          {isChange ? <Diff text={command} /> : command}
        </pre>
      )}
      {isInterrupted && (
        <p class="hj-quiet">
          {trans.__('The agent stopped meanwhile; this was not run.')}
        </p>
      )}
      <fieldset disabled={busy.value}>
        <div class="hj-choices">
          {isInterrupted ? (
            <button
              type="button"
              class="hj-choice"
              onClick={() => submit(onDismiss)}
            >
              {trans.__('Dismiss')}
            </button>
          ) : (
            question.choices?.map(choice => (
              <button
                type="button"
                key={choice.id}
                class="hj-choice"
                data-kind={choice.kind}
                data-scope={choice.scope}
                onClick={() => submit(() => onAnswer(choice.id))}
              >
                {choice.label}
              </button>
            ))
          )}
        </div>
      </fieldset>
      {!isInterrupted &&
        (onSkip ? (
          <SkipApprovals onSkip={onSkip} />
        ) : (
          <p class="hj-quiet">
            {trans.__('Each is asked. Set by your administrator.')}
          </p>
        ))}
      {error.value && <FailureView failure={error.value} />}
    </section>
  );
}
