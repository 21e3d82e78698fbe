import type { Host } from '../src/ui/host';

const fill = (text: string, args: unknown[]) =>
  text.replace(/%(\d)/g, (_, n) => String(args[Number(n) - 1]));

/** What the application around the components offers, in plain English. */
export const host: Host = {
  trans: {
    __: (text, ...args) => fill(text, args),
    _n: (one, many, n, ...args) => fill(n === 1 ? one : many, [n, ...args])
  },
  renderMarkdown: async (node, text) => {
    node.textContent = text;
  },
  perform: () => undefined
};
