import type { ReadonlySignal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { HermesPage, Preferences, Trans } from '../client/page';

/** Where code goes: a new cell beside the active one, or what is selected in it. */
export type InsertPlace = 'above' | 'below' | 'selection';

/** The notebook that the person works in. */
export interface NotebookInUse {
  /** Null while none is open. */
  readonly name: ReadonlySignal<string | null>;
  insert(code: string, place: InsertPlace): void;
}

/** What the components need from the application around them. */
export type Host = Pick<
  HermesPage,
  'trans' | 'renderMarkdown' | 'preferences' | 'perform' | 'openFile'
> & {
  /** Missing where code can only be copied. */
  readonly notebook?: NotebookInUse;
  /** Looks for what is wrong; missing where the page cannot. */
  readonly check?: () => void;
};

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
