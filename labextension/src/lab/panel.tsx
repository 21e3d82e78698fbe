import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { signal } from '@preact/signals';
import { render } from 'preact';
import { Chat, type ChatProps } from '../ui/chat';
import { HostContext, type Host } from '../ui/host';
import { hermesIcon } from './icon';

/** A chat as a widget of JupyterLab, at the side or as a tab. */
export class Panel extends Widget {
  /** Whether it is the one to be seen where it is. */
  readonly isShown = signal(false);
  /** Null: the next activation leaves the focus where it is. */
  private focusNext: string | null = '.hj-input';

  constructor(
    id: string,
    readonly props: ChatProps,
    private readonly host: Host
  ) {
    super();
    this.id = id;
    this.addClass('hj-panel');
    this.title.icon = hermesIcon;
  }

  get chat(): ChatProps['chat'] {
    return this.props.chat;
  }

  /** Has the next activation give the focus to the question that waits. */
  leadToQuestion(): void {
    this.focusNext = '.hj-question';
  }

  /** Has the next activation leave the focus where it is. */
  leaveFocus(): void {
    this.focusNext = null;
  }

  protected override onAfterAttach(_message: Message): void {
    render(
      <HostContext.Provider value={this.host}>
        <Chat {...this.props} />
      </HostContext.Provider>,
      this.node
    );
    this.look();
  }

  protected override onBeforeDetach(_message: Message): void {
    render(null, this.node);
    this.isShown.value = false;
  }

  protected override onAfterShow(_message: Message): void {
    this.look();
  }

  protected override onAfterHide(_message: Message): void {
    this.look();
  }

  protected override onActivateRequest(_message: Message): void {
    if (this.focusNext) {
      this.node.querySelector<HTMLElement>(this.focusNext)?.focus();
    }
    this.focusNext = '.hj-input';
  }

  private look(): void {
    this.isShown.value = this.isVisible;
  }
}
