import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { HermesPage, Trans } from '../client/page';

/** What the components need from the application around them. */
export type Host = Pick<HermesPage, 'trans' | 'renderMarkdown' | 'perform'>;

export const HostContext = createContext<Host | null>(null);

export function useHost(): Host {
  const host = useContext(HostContext);
  if (!host) {
    throw new Error('Hermes components need a HostContext.');
  }
  return host;
}

export function useTrans(): Trans {
  return useHost().trans;
}
