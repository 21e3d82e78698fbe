import type { Drag } from '@lumino/dragdrop';

/** Takes what was dragged, by JupyterLab's own kind of dragging. */
export type Drop = (event: Drag.Event) => void;

/** Lets `node` take what is of this MIME type; the rest passes by. */
export function takeDrops(node: HTMLElement, mime: string, drop: Drop): void {
  const hear = (type: string, act: Drop): void =>
    node.addEventListener(type, event => {
      const drag = event as Drag.Event;
      if (drag.mimeData.hasData(mime)) {
        event.preventDefault();
        event.stopPropagation();
        act(drag);
      }
    });
  // What is dragged stays where it was, whatever its host would do.
  const accept = (event: Drag.Event): void => {
    const canCopy = event.supportedActions.includes('copy');
    event.dropAction = canCopy ? 'copy' : event.proposedAction;
  };
  const offer = (event: Drag.Event): void => {
    node.classList.add('hj-held');
    accept(event);
  };
  hear('lm-dragenter', offer);
  hear('lm-dragover', offer);
  hear('lm-dragleave', ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node && node.contains(relatedTarget))) {
      node.classList.remove('hj-held');
    }
  });
  hear('lm-drop', event => {
    node.classList.remove('hj-held');
    accept(event);
    drop(event);
  });
}
