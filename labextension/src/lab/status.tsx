import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { render, type JSX } from 'preact';
import type { ChatProps } from '../ui/chat';
import { GaugeRing } from '../ui/gauge';
import { HostContext, useTrans, type Host } from '../ui/host';

/** The gauge and the open questions, in the status bar. */
export class StatusItem extends Widget {
  constructor(
    private readonly panel: ChatProps,
    private readonly host: Host,
    private readonly openPanel: () => void
  ) {
    super();
    this.addClass('hj-status');
  }

  protected override onAfterAttach(_message: Message): void {
    render(
      <HostContext.Provider value={this.host}>
        <Summary {...this.panel} onClick={this.openPanel} />
      </HostContext.Provider>,
      this.node
    );
  }

  protected override onBeforeDetach(_message: Message): void {
    render(null, this.node);
  }
}

function Summary(props: ChatProps & { onClick: () => void }): JSX.Element {
  const trans = useTrans();
  const waiting = props.page.waiting.value;
  return (
    <button
      type="button"
      class="hj-root hj-status-button"
      title={trans.__('Open Hermes')}
      onClick={props.onClick}
    >
      <span>{trans.__('Hermes')}</span>
      <GaugeRing gauge={props.chat.conversation.value.gauge.value} />
      {waiting > 0 && (
        <span class="hj-status-waiting">
          {trans._n('%1 needs you', '%1 need you', waiting)}
        </span>
      )}
    </button>
  );
}
