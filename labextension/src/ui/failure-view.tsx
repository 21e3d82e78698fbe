import type { JSX } from 'preact';
import type { Failure, Hint, HintAction } from '../client/api';
import type { Trans } from '../client/page';
import { CopyButton } from './copy-button';
import { useIsGuest } from './guest';
import { useHost, useTrans } from './host';

/** What went wrong, and the next step. */
export function FailureView(props: {
  failure: Pick<Failure, 'message' | 'hint'>;
}): JSX.Element {
  const { message, hint } = props.failure;
  return (
    <div class="hj-failure" role="alert">
      <p class="hj-said">{message}</p>
      {hint && <HintView hint={hint} />}
    </div>
  );
}

/** The next step: in words, as a command, and as buttons. */
export function HintView({ hint }: { hint: Hint }): JSX.Element {
  const { trans, perform } = useHost();
  const isGuest = useIsGuest();
  return (
    <div class="hj-hint">
      <p>{withCode(hint.text)}</p>
      {hint.command && <Command text={hint.command} />}
      {hint.action && !isGuest && (
        <div class="hj-buttons">
          <button
            type="button"
            class="hj-button hj-primary"
            onClick={() => perform(hint)}
          >
            {labelOf(hint.action, trans)}
          </button>
          {hint.tour && (
            <button
              type="button"
              class="hj-button"
              title={trans.__(
                'Opens JupyterLab on a tour, with a model that needs no key and no network'
              )}
              onClick={() => perform({ text: '', command: hint.tour })}
            >
              {trans.__('Try it offline')}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

/** What stands between backticks is to be typed. */
function withCode(text: string): (string | JSX.Element)[] {
  return text
    .split('`')
    .map((part, i) => (i % 2 === 0 ? part : <code key={i}>{part}</code>));
}

function labelOf(action: HintAction, trans: Trans): string {
  switch (action) {
    case 'install-agent':
      return trans.__('Install the agent');
    case 'set-up-model':
      return trans.__('Set up a model');
    case 'restart-agent':
      return trans.__('Restart the agent');
  }
}

function Command({ text }: { text: string }): JSX.Element {
  const trans = useTrans();
  return (
    <div class="hj-command-line">
      <code>{text}</code>
      <CopyButton label={trans.__('Copy the command')} text={() => text} />
    </div>
  );
}
