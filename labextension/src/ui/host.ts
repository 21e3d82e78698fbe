import type { ReadonlySignal } from '@preact/signals';
import { createContext, type ComponentChild } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Tool } from '../client/api';
import type { HermesPage, Preferences, Trans } from '../client/page';
import type { ChatModel } from '../model/chat';
import type { MessageModel } from '../model/message';

/** Where code goes: a new cell beside the active one, or what is selected in it. */
export type InsertPlace = 'above' | 'below' | 'selection';

/** The notebook that the person works in. */
export interface NotebookInUse {
  /** Null while none is open. */
  readonly name: ReadonlySignal<string | null>;
  insert(code: string, place: InsertPlace): void;
  /** Inserts the text and the code of an answer as cells, below the active one. */
  insertAnswer(answer: string): void;
  /** Leads to a cell, in a notebook that is opened if need be. */
  show(path: string, cellId: string): void;
}

/**
 * What is shown of notebooks beside the rest. Given by the application that
 * has some: what a cell's panel never shows is no weight in its bundle.
 */
export interface NotebookParts {
  /** What goes with the next prompt. */
  context(chat: ChatModel, onRemove: () => void): ComponentChild;
  /** What follows on a message. */
  afterMessage(message: MessageModel, chat: ChatModel): ComponentChild;
  /** A result in a form of its own, if it has one. */
  toolResult(tool: Tool): ComponentChild;
  answerActions(text: () => string): ComponentChild;
}

/** What the components need from the application around them. */
export type Host = Pick<
  HermesPage,
  'trans' | 'renderMarkdown' | 'preferences' | 'perform' | 'openFile'
> & {
  /** Missing where code can only be copied. */
  readonly notebook?: NotebookInUse;
  readonly parts?: NotebookParts;
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
