import type { AnyModel } from '@anywidget/types';
import { Observable } from '../client/observable';
import { requestByComm } from './comm';
import { findPanels, type PanelTraits, type View } from './offer';

/** The class that the widget's own look is bound to; the build says it. */
declare const WIDGET_SCOPE: string;

/** All that is synced: a saved notebook holds no word of a conversation. */
interface Traits {
  session_id: string;
  view: View;
}

/** The labextension may be activated after the notebook's first outputs. */
const PATIENCE_MS = 5000;

/**
 * Shows the panel of the page's labextension or, where there is none, the one
 * that the kernel hands out: what a saved notebook carries is only the way to it.
 */
function render(props: {
  model: AnyModel<Traits>;
  el: HTMLElement;
}): () => void {
  const { model, el } = props;
  const { traits, end } = follow(model);
  const ends = [end];
  let isGone = false;
  // A key pressed here is not one for the notebook around it.
  el.setAttribute('data-lm-suppress-shortcuts', 'true');

  const isJupyter = document.getElementById('jupyter-config-data') !== null;
  void findPanels(isJupyter ? PATIENCE_MS : 0).then(showPanel => {
    if (isGone) {
      return;
    }
    ends.unshift(
      showPanel ? showPanel(el, traits) : showByKernel(model, el, traits)
    );
  });
  return () => {
    isGone = true;
    ends.forEach(each => each());
  };
}

export default { render };

function follow(model: AnyModel<Traits>): {
  traits: PanelTraits;
  end: () => void;
} {
  const sessionId = new Observable(model.get('session_id'));
  const view = new Observable(model.get('view'));
  const change = (): void => {
    sessionId.set(model.get('session_id'));
    view.set(model.get('view'));
  };
  model.on('change:session_id', change);
  model.on('change:view', change);
  const end = (): void => {
    model.off('change:session_id', change);
    model.off('change:view', change);
  };
  return { traits: { sessionId, view }, end };
}

/** In a page without the labextension: the kernel hands on what is asked. */
function showByKernel(
  model: AnyModel<Traits>,
  el: HTMLElement,
  traits: PanelTraits
): () => void {
  const { request, end } = requestByComm(model as AnyModel);
  const ends = [end];
  el.classList.add(WIDGET_SCOPE);
  request('kernel/host.js')
    .then(async response => load(await response.text()))
    .then(
      ({ showPanelByKernel }) =>
        ends.unshift(showPanelByKernel(request, el, traits)),
      (error: Error) => sayWhy(el, error.message)
    );
  return () => ends.forEach(each => each());
}

async function load(script: string): Promise<typeof import('./kernel-host')> {
  const url = URL.createObjectURL(
    new Blob([script], { type: 'text/javascript' })
  );
  try {
    return (await import(url)) as typeof import('./kernel-host');
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Not translated: the words come with what is missing. */
function sayWhy(el: HTMLElement, reason: string): void {
  const line = document.createElement('p');
  line.className = 'hj-root hj-notice';
  line.role = 'alert';
  line.textContent = `The Hermes panel is not live: ${reason} Run its cell again.`;
  el.replaceChildren(line);
}
