import { Sanitizer } from '@jupyterlab/apputils';
import { MimeModel, type IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import type { RenderMarkdown } from '../client/page';
import { isPlace, placeOfLink } from '../model/file-place';

const MARKDOWN = 'text/markdown';

/** What loads from elsewhere by itself, and so can carry a secret away. */
const MEDIA = 'img, video, audio';

/** What could act, or draw over the page. */
const FORBIDDEN = 'form, input, button, select, textarea, style, source, track';

/** JupyterLab's sanitizer, less what an agent's text has no business with. */
class StrictSanitizer extends Sanitizer {
  constructor() {
    super();
    this.setAllowCommandLinker(false);
  }

  override sanitize(
    ...args: Parameters<Sanitizer['sanitize']>
  ): ReturnType<Sanitizer['sanitize']> {
    // A parsed document is inert: nothing in it loads or runs.
    const { body } = new DOMParser().parseFromString(
      super.sanitize(...args),
      'text/html'
    );
    body.querySelectorAll(MEDIA).forEach(replaceRemoteByLink);
    body.querySelectorAll(FORBIDDEN).forEach(element => element.remove());
    body
      .querySelectorAll('[style]')
      .forEach(element => element.removeAttribute('style'));
    return body.innerHTML;
  }
}

function replaceRemoteByLink(media: Element): void {
  const source =
    media.getAttribute('src') ??
    media.querySelector('[src]')?.getAttribute('src') ??
    '';
  if (source.startsWith('data:')) {
    return;
  }
  const link = media.ownerDocument.createElement('a');
  link.href = source;
  link.textContent = source;
  media.replaceWith(link);
}

/**
 * Makes links to files of what names one. They are made here, after the
 * sanitizer: no text of an agent can bring its own.
 */
function linkFiles(
  node: HTMLElement,
  isKnown: (path: string) => boolean
): void {
  node.querySelectorAll('a[href]').forEach(link => {
    const place = placeOfLink(link.getAttribute('href')!);
    if (place) {
      replaceByFileLink(link, place, [...link.childNodes]);
    }
  });
  node.querySelectorAll(':not(pre, a, button) > code').forEach(code => {
    const place = code.textContent ?? '';
    if (isPlace(place, isKnown)) {
      replaceByFileLink(code, place, [code.cloneNode(true)]);
    }
  });
}

function replaceByFileLink(
  element: Element,
  place: string,
  content: Node[]
): void {
  // A button, as there is no address to follow: what it opens, JupyterLab does.
  const link = document.createElement('button');
  link.type = 'button';
  link.setAttribute('role', 'link');
  link.className = 'hj-file';
  link.dataset.place = place;
  link.title = place;
  link.append(...content);
  element.replaceWith(link);
}

/**
 * The application's Markdown, for text that is not to be trusted. `isKnown`
 * says whether a name is one of a kind of file that JupyterLab knows.
 */
export function markdownRenderer(
  rendermime: IRenderMimeRegistry,
  isKnown: (path: string) => boolean
): RenderMarkdown {
  const strict = rendermime.clone({ sanitizer: new StrictSanitizer() });

  return async (node, text) => {
    const data = { [MARKDOWN]: text };
    const renderer = strict.createRenderer(MARKDOWN);
    await renderer.renderModel(new MimeModel({ data, trusted: false }));
    linkFiles(renderer.node, isKnown);
    // JupyterLab sets `rel` itself, again after the formulas: this stays.
    renderer.node.querySelectorAll('a[href]').forEach(link => {
      link.setAttribute('referrerpolicy', 'no-referrer');
    });
    node.replaceChildren();
    if (node.isConnected) {
      // Formulas are set when the renderer is attached.
      Widget.attach(renderer, node);
    }
  };
}
