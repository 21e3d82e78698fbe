import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { HermesPage, Preferences, Trans } from '../client/page';

/** What the components need from the application around them. */
export type Host = Pick<
  HermesPage,
  'trans' | 'renderMarkdown' | 'preferences' | 'perform' | 'openFile'
>;

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

export function usePreferences(): Preferences {
  const { preferences } = useHost();
  const [value, setValue] = useState(preferences.get());
  useEffect(() => {
    setValue(preferences.get());
    return preferences.subscribe(setValue);
  }, [preferences]);
  return value;
}
