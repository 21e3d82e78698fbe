import { effect } from '@preact/signals';
import type { Trans } from '../client/page';
import type { ChatProps } from '../ui/chat';
import type { Host } from '../ui/host';
import { Panel } from './panel';

/** The panel at the side of the window, whose tab counts what waits. */
export class Sidebar extends Panel {
  private readonly endTitle: () => void;

  constructor(props: ChatProps, host: Host) {
    super('hermes-jupyter-sidebar', props, host);
    this.endTitle = effect(() => {
      const waiting = props.page.waiting.value;
      const { title } = this;
      title.caption = captionOf(waiting, host.trans);
      title.className = waiting > 0 ? 'hj-needs-you' : '';
      title.dataset = { ...title.dataset, 'hj-waiting': String(waiting) };
    });
  }

  override dispose(): void {
    this.endTitle();
    super.dispose();
  }
}

function captionOf(waiting: number, trans: Trans): string {
  if (waiting === 0) {
    return trans.__('Hermes');
  }
  return trans._n(
    'Hermes – %1 open question',
    'Hermes – %1 open questions',
    waiting
  );
}
