import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { Answer, AnswerValue, Ask } from '../client/api';
import { CardHead, type CardProps } from './card-head';
import { FailureView } from './failure-view';
import { usePreferences, useTrans } from './host';
import { sends } from './keys';
import { useSubmission } from './submission';

/** What was typed and not sent, by the parts of the question. */
interface DraftProps {
  draft: AnswerValue[] | null;
  onDraft: (values: AnswerValue[]) => void;
}

/** A question of the agent in words. */
export function ClarifyCard(
  props: CardProps<Answer> & DraftProps
): JSX.Element {
  const { question, place, onAnswer, onDismiss, draft, onDraft } = props;
  const trans = useTrans();
  const { busy, error, submit } = useSubmission();
  const isInterrupted = question.state === 'interrupted';
  const only = question.questions.length === 1 ? question.questions[0] : null;
  const answer = (value: Answer): void => void submit(() => onAnswer(value));

  return (
    <section class="hj-card" aria-label={trans.__('Question from Hermes')}>
      <CardHead
        title={trans.__('Hermes asks')}
        question={question}
        place={place}
      />
      {isInterrupted && (
        <p class="hj-quiet">
          {trans.__(
            'The agent stopped meanwhile. Your answer will be its next prompt.'
          )}
        </p>
      )}
      {only?.choices && !only.multi_select ? (
        <OneOf
          ask={only}
          choices={only.choices}
          disabled={busy.value}
          draft={draft}
          onDraft={onDraft}
          onAnswer={answer}
        />
      ) : (
        <AskForm
          asks={question.questions}
          disabled={busy.value}
          draft={draft}
          onDraft={onDraft}
          onAnswer={answer}
        />
      )}
      {error.value && <FailureView failure={error.value} />}
      {isInterrupted && (
        <button
          type="button"
          class="hj-button"
          disabled={busy.value}
          onClick={() => submit(onDismiss)}
        >
          {trans.__('Dismiss')}
        </button>
      )}
    </section>
  );
}

/** One question with choices: a click answers. */
function OneOf(
  props: DraftProps & {
    ask: Ask;
    choices: string[];
    disabled: boolean;
    onAnswer: (answer: Answer) => void;
  }
): JSX.Element {
  const { ask, choices, disabled, draft, onDraft, onAnswer } = props;
  const trans = useTrans();
  const text = useSignal(String(draft?.[0] ?? ''));
  const writing = useSignal(text.value !== '');
  // Not for a draft that comes back: then the person is elsewhere.
  const takesFocus = useRef(false);
  const send = (): void => {
    if (text.value.trim()) {
      onAnswer({ answer: text.value });
    }
  };

  return (
    <form onSubmit={submitBy(send)}>
      <fieldset disabled={disabled}>
        <legend dir="auto">{ask.text}</legend>
        <div class="hj-choices">
          {choices.map(choice => (
            <button
              type="button"
              key={choice}
              class="hj-choice"
              dir="auto"
              onClick={() => onAnswer({ answer: choice })}
            >
              {choice}
            </button>
          ))}
          <button
            type="button"
            class="hj-choice"
            aria-expanded={writing.value}
            onClick={() => {
              writing.value = !writing.value;
              takesFocus.current = true;
            }}
          >
            {trans.__('Other…')}
          </button>
        </div>
        {writing.value && (
          <div class="hj-field">
            <AnswerText
              label={ask.text}
              takesFocus={takesFocus.current}
              value={text.value}
              onInput={value => {
                text.value = value;
                onDraft([value]);
              }}
              onSend={send}
            />
            <SendAnswer />
          </div>
        )}
      </fieldset>
    </form>
  );
}

/** Any other shape: several questions, several choices, or free text. */
function AskForm(
  props: DraftProps & {
    asks: Ask[];
    disabled: boolean;
    onAnswer: (answer: Answer) => void;
  }
): JSX.Element {
  const { asks, disabled, draft, onDraft, onAnswer } = props;
  const values = useSignal<AnswerValue[]>(
    draft ?? asks.map(ask => (ask.multi_select ? [] : ''))
  );
  const send = (): void => {
    const [first] = values.value;
    if (values.value.every(value => value.length > 0)) {
      onAnswer(
        values.value.length === 1 && typeof first === 'string'
          ? { answer: first }
          : { answers: values.value }
      );
    }
  };

  return (
    <form onSubmit={submitBy(send)}>
      {asks.map((ask, i) => (
        <AskField
          key={i}
          ask={ask}
          disabled={disabled}
          value={values.value[i] ?? ''}
          onChange={value => {
            values.value = values.value.map((old, j) =>
              j === i ? value : old
            );
            onDraft(values.value);
          }}
          onSend={send}
        />
      ))}
      <fieldset disabled={disabled}>
        <SendAnswer />
      </fieldset>
    </form>
  );
}

function AskField(props: {
  ask: Ask;
  disabled: boolean;
  value: AnswerValue;
  onChange: (value: AnswerValue) => void;
  onSend: () => void;
}): JSX.Element {
  const { ask, disabled, value, onChange, onSend } = props;
  const group = useId();
  const picked = typeof value === 'string' ? [value] : value;
  const pick = (choice: string, checked: boolean): void => {
    const others = picked.filter(other => other !== choice);
    const many = checked ? [...others, choice] : others;
    onChange(ask.multi_select ? many : choice);
  };

  return (
    <fieldset disabled={disabled}>
      <legend dir="auto">{ask.text}</legend>
      {ask.choices ? (
        ask.choices.map(choice => (
          <label key={choice} class="hj-option" dir="auto">
            <input
              type={ask.multi_select ? 'checkbox' : 'radio'}
              name={group}
              checked={picked.includes(choice)}
              onChange={event => pick(choice, event.currentTarget.checked)}
            />
            {choice}
          </label>
        ))
      ) : (
        <AnswerText
          label={ask.text}
          value={String(value)}
          onInput={onChange}
          onSend={onSend}
        />
      )}
    </fieldset>
  );
}

function AnswerText(props: {
  label: string;
  takesFocus?: boolean;
  value: string;
  onInput: (value: string) => void;
  onSend: () => void;
}): JSX.Element {
  const preferences = usePreferences();
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (props.takesFocus) {
      input.current?.focus();
    }
  }, []);
  return (
    <textarea
      ref={input}
      class="hj-text"
      rows={2}
      dir="auto"
      aria-label={props.label}
      value={props.value}
      onInput={event => props.onInput(event.currentTarget.value)}
      onKeyDown={event => {
        if (sends(event, preferences)) {
          event.preventDefault();
          props.onSend();
        }
      }}
    />
  );
}

function SendAnswer(): JSX.Element {
  const trans = useTrans();
  return (
    <button type="submit" class="hj-button hj-primary">
      {trans.__('Answer')}
    </button>
  );
}

function submitBy(send: () => void): (event: Event) => void {
  return event => {
    event.preventDefault();
    send();
  };
}
