import {
  effect,
  useComputed,
  useSignal,
  type ReadonlySignal
} from '@preact/signals';
import { render, type JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { CodeActions } from './code-actions';
import { HostContext, useHost, type Host } from './host';
import { StreamedMarkdown } from './streamed-markdown';
import { WideParts } from './wide-parts';

/** Ten paintings a second read as flowing, and leave the page its time. */
const PAINT_MS = 100;

/** Characters of a finished text that are shown unasked. */
const MOST = 100_000;

/** A Markdown text, which grows for as long as it is `open`. */
export function Markdown(props: {
  text: ReadonlySignal<string>;
  open: ReadonlySignal<boolean>;
  /** Gets the words of each part of a growing text, once it is whole. */
  onPart: (words: string) => void;
}): JSX.Element {
  const { text, open, onPart } = props;
  const host = useHost();
  const { trans, renderMarkdown } = host;
  const node = useRef<HTMLDivElement>(null);
  // What has been seen to grow is there already.
  const all = useSignal(open.peek());
  const isCut = useComputed(() => !all.value && text.value.length > MOST);

  useEffect(() => {
    const toolbars = new Toolbars(host);
    const wide = new WideParts(trans);
    const painter = new StreamedMarkdown(
      node.current!,
      renderMarkdown,
      part => {
        toolbars.addTo(part);
        wide.addIn(part);
      },
      onPart
    );
    let gone = false;
    let busy = false;
    let stale = false;

    const paint = async (): Promise<void> => {
      if (busy) {
        stale = true;
        return;
      }
      busy = true;
      const pause = new Promise(resolve => setTimeout(resolve, PAINT_MS));
      try {
        if (open.peek()) {
          all.value = true;
          await painter.paint(text.peek());
          await pause;
        } else {
          const shown = isCut.peek() ? text.peek().slice(0, MOST) : text.peek();
          await painter.finish(shown);
          toolbars.dropOld();
        }
      } finally {
        busy = false;
      }
      if (stale && !gone) {
        stale = false;
        await paint();
      }
    };

    const end = effect(() => {
      // Read, so that a change of any paints again.
      void [text.value, open.value, isCut.value];
      void paint();
    });
    return () => {
      gone = true;
      end();
      toolbars.drop();
      wide.drop();
    };
  }, [text, open, host]);

  return (
    <>
      <div class="hj-markdown" ref={node} dir="auto" />
      {isCut.value && (
        <button
          type="button"
          class="hj-button"
          onClick={() => {
            all.value = true;
          }}
        >
          {trans.__(
            'Show all %1 characters',
            text.peek().length.toLocaleString()
          )}
        </button>
      )}
    </>
  );
}

/** What can be done with each block of code, at its end. */
class Toolbars {
  private roots: HTMLElement[] = [];

  constructor(private readonly host: Host) {}

  addTo(part: HTMLElement): void {
    for (const block of part.querySelectorAll('pre')) {
      const root = document.createElement('div');
      root.className = 'hj-code-actions';
      block.after(root);
      const text = (): string => block.textContent.replace(/\n$/, '');
      render(
        <HostContext.Provider value={this.host}>
          <CodeActions text={text} />
        </HostContext.Provider>,
        root
      );
      this.roots.push(root);
    }
  }

  /** Ends those of what was painted over. */
  dropOld(): void {
    this.roots
      .filter(root => !root.isConnected)
      .forEach(root => render(null, root));
    this.roots = this.roots.filter(root => root.isConnected);
  }

  drop(): void {
    this.roots.forEach(root => render(null, root));
  }
}
