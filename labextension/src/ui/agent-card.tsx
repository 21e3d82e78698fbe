import type { JSX } from 'preact';
import type { AgentStatus, Hint } from '../client/api';
import { useHost } from './host';
import { FailureView, HintView } from './failure-view';

/** How the agent starts, or why it does not, with the next step. */
export function AgentCard(props: {
  agent: AgentStatus | null;
  /** What the transcript says already. */
  said: string | undefined;
}): JSX.Element | null {
  const { trans, check } = useHost();
  const { agent, said } = props;
  if (agent?.state === 'starting') {
    return (
      <p class="hj-bar hj-pulse" role="status">
        {agent.step || trans.__('Starting Hermes')}
      </p>
    );
  }
  if (agent?.state === 'failed' && agent.error !== said) {
    const message = agent.error || trans.__('Hermes could not be started.');
    const step = agent.hint && isFirstStep(agent.hint) ? agent.hint : null;
    return (
      <>
        {step ? (
          <div class="hj-failure hj-step" role="alert">
            <h3>{trans.__('One step before the first prompt')}</h3>
            <p class="hj-said">{message}</p>
            <HintView hint={step} />
          </div>
        ) : (
          <FailureView failure={{ message, hint: agent.hint }} />
        )}
        {check && (
          <button type="button" class="hj-button hj-check-all" onClick={check}>
            {trans.__('Check Hermes')}
          </button>
        )}
      </>
    );
  }
  return null;
}

/** Nothing is broken: something is not there yet. */
function isFirstStep({ action }: Hint): boolean {
  return action === 'install-agent' || action === 'set-up-model';
}
