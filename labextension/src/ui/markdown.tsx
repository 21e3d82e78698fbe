import { effect, type ReadonlySignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useHost } from './host';
import { StreamedMarkdown } from './streamed-markdown';

/** Ten paintings a second read as flowing, and leave the page its time. */
const PAINT_MS = 100;

/** A Markdown text, which grows for as long as it is `open`. */
export function Markdown(props: {
  text: ReadonlySignal<string>;
  open: ReadonlySignal<boolean>;
}): JSX.Element {
  const { text, open } = props;
  const { renderMarkdown } = useHost();
  const node = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const painter = new StreamedMarkdown(node.current!, renderMarkdown);
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
          await painter.paint(text.peek());
          await pause;
        } else {
          await painter.finish(text.peek());
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
      // Read, so that a change of either paints again.
      void [text.value, open.value];
      void paint();
    });
    return () => {
      gone = true;
      end();
    };
  }, [text, open, renderMarkdown]);

  return <div class="hj-markdown" ref={node} dir="auto" />;
}
