import { Observable } from '../src/client/observable';
import type { Preferences } from '../src/client/page';
import type { Host } from '../src/ui/host';

const fill = (text: string, args: unknown[]) =>
  text.replace(/%(\d)/g, (_, n) => String(args[Number(n) - 1]));

export const DEFAULTS: Preferences = {
  sendWith: 'Enter',
  unfoldReasoning: false
};

export const preferences = new Observable(DEFAULTS);

/** An application around the components that speaks English. */
export const host: Host = {
  trans: {
    __: (text, ...args) => fill(text, args),
    _n: (one, many, n, ...args) => fill(n === 1 ? one : many, [n, ...args])
  },
  renderMarkdown: async (node, text) => {
    node.textContent = text;
  },
  preferences,
  perform: () => undefined,
  openFile: () => undefined
};
