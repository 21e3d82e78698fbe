import { Sanitizer } from '@jupyterlab/apputils';
import { MimeModel, type IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import type { RenderMarkdown } from '../client/page';

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

/** The application's Markdown, for text that is not to be trusted. */
export function markdownRenderer(
  rendermime: IRenderMimeRegistry
): RenderMarkdown {
  const strict = rendermime.clone({ sanitizer: new StrictSanitizer() });

  return async (node, text) => {
    const data = { [MARKDOWN]: text };
    const renderer = strict.createRenderer(MARKDOWN);
    await renderer.renderModel(new MimeModel({ data, trusted: false }));
    // The renderer has its own idea of `rel`, hence not in the sanitizer.
    renderer.node.querySelectorAll('a[href]').forEach(link => {
      link.setAttribute('rel', 'noopener noreferrer nofollow');
    });
    node.replaceChildren();
    if (node.isConnected) {
      // Formulas are set when the renderer is attached.
      Widget.attach(renderer, node);
    }
  };
}
