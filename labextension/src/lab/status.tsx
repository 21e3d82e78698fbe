import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import type { ReadonlySignal } from '@preact/signals';
import { render, type JSX } from 'preact';
import type { AgentStatus } from '../client/api';
import type { Trans } from '../client/page';
import type { PageModel } from '../model/page';
import { GaugeRing } from '../ui/gauge';
import { HostContext, useTrans, type Host } from '../ui/host';
import type { Panel } from './panel';

export interface StatusProps {
  page: PageModel;
  /** The panel that it is about. */
  current: ReadonlySignal<Panel>;
  onOpen: () => void;
  onShowQuestion: () => void;
}

/** The gauge, the agent and the open questions, in the status bar. */
export class StatusItem extends Widget {
  constructor(
    private readonly props: StatusProps,
    private readonly host: Host
  ) {
    super();
    this.addClass('hj-status');
  }

  protected override onAfterAttach(_message: Message): void {
    render(
      <HostContext.Provider value={this.host}>
        <Status {...this.props} />
      </HostContext.Provider>,
      this.node
    );
  }

  protected override onBeforeDetach(_message: Message): void {
    render(null, this.node);
  }
}

function Status(props: StatusProps): JSX.Element {
  const { page, current, onOpen, onShowQuestion } = props;
  const trans = useTrans();
  const waiting = page.waiting.value;
  const { gauge, running, questions } = current.value.chat.conversation.value;
  const isWorking = running.value !== null && questions.value.length === 0;
  const state = stateOf(page.agent.value, isWorking, trans);
  return (
    <div class="hj-root hj-status-row">
      <button
        type="button"
        class="hj-status-button"
        title={trans.__('Open Hermes')}
        onClick={onOpen}
      >
        <span>{trans.__('Hermes')}</span>
        <GaugeRing gauge={gauge.value} />
        {state && <span class="hj-status-state">{state}</span>}
      </button>
      {waiting > 0 && (
        <button
          type="button"
          class="hj-status-button hj-status-waiting"
          title={trans.__('Show the question')}
          onClick={onShowQuestion}
        >
          {trans._n('%1 needs you', '%1 need you', waiting)}
        </button>
      )}
    </div>
  );
}

function stateOf(
  agent: AgentStatus | null,
  isWorking: boolean,
  trans: Trans
): string {
  switch (agent?.state) {
    case 'starting':
      return trans.__('starting');
    case 'failed':
      return trans.__('failed');
    default:
      return isWorking ? trans.__('working') : '';
  }
}
