import { effect } from '@preact/signals';
import type { ChatProps } from '../ui/chat';
import type { Host } from '../ui/host';
import { Panel } from './panel';

/** What a tab is made again from after a reload. */
export interface TabState {
  /** Its widget's id. */
  tab: string;
  /** Its conversation; empty is a draft. */
  session: string;
  /** Where a draft will work; not given: beside the notebook in use. */
  cwd: string | undefined;
}

/** A panel in the main area, with a conversation of its own. */
export class Tab extends Panel {
  private readonly cwd: string | undefined;
  private readonly endTitle: () => void;

  constructor({ tab, cwd }: TabState, props: ChatProps, host: Host) {
    super(tab, props, host);
    this.cwd = cwd;
    this.addClass('hj-tab');
    this.title.closable = true;
    this.endTitle = effect(() => {
      const { name, questions } = props.chat.conversation.value;
      const label = name.value || host.trans.__('New chat');
      this.title.label = label;
      this.title.caption = label;
      this.title.className = questions.value.length > 0 ? 'hj-needs-you' : '';
    });
  }

  get state(): TabState {
    return { tab: this.id, session: this.chat.id.value, cwd: this.cwd };
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.endTitle();
    if (this.chat.id.value === '') {
      // Nothing leads back to the text of a closed draft.
      this.chat.setDraft('');
    }
    this.chat.dispose();
    this.props.sessions?.dispose();
    super.dispose();
  }
}
