import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { effect } from '@preact/signals';
import { render } from 'preact';
import type { Trans } from '../client/page';
import { Chat, type ChatProps } from '../ui/chat';
import { HostContext, type Host } from '../ui/host';
import { hermesIcon } from './icon';

/** The panel at the side of the window. */
export class Sidebar extends Widget {
  private readonly endTitle: () => void;

  constructor(
    private readonly panel: ChatProps,
    private readonly host: Host
  ) {
    super();
    this.id = 'hermes-jupyter-sidebar';
    this.addClass('hj-sidebar');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Hermes');
    this.title.icon = hermesIcon;
    this.endTitle = effect(() => {
      const waiting = panel.page.waiting.value;
      this.title.caption = caption(waiting, host.trans);
      this.title.className = waiting > 0 ? 'hj-needs-you' : '';
    });
  }

  override dispose(): void {
    this.endTitle();
    super.dispose();
  }

  protected override onAfterAttach(_message: Message): void {
    render(
      <HostContext.Provider value={this.host}>
        <Chat {...this.panel} />
      </HostContext.Provider>,
      this.node
    );
  }

  protected override onBeforeDetach(_message: Message): void {
    render(null, this.node);
  }

  protected override onActivateRequest(_message: Message): void {
    this.node.querySelector<HTMLElement>('.hj-input')?.focus();
  }
}

function caption(waiting: number, trans: Trans): string {
  if (waiting === 0) {
    return trans.__('Hermes');
  }
  return trans._n(
    'Hermes – %1 open question',
    'Hermes – %1 open questions',
    waiting
  );
}
