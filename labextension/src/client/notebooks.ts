/** The part of the HTTP contract that is about notebooks. */

/** A notebook that this page has open. */
export interface OpenNotebook {
  /** As in the contents API: below the server's root. */
  path: string;
  kernel_id: string | null;
  focused: boolean;
}

/** What the agent may do with notebooks, from the least to the most. */
export const POLICIES = ['read', 'ask', 'edit', 'run'] as const;
export type Policy = (typeof POLICIES)[number];

/** `max_policy` is the most that the administrator lets a person choose. */
export interface Policies {
  policy: Policy;
  max_policy: Policy;
}

export type CellType = 'code' | 'markdown' | 'raw';

/** A cell as the agent reads it. */
export interface CellRead {
  id: string;
  index: number;
  cell_type: string;
  source: string;
  execution_count: number | null;
  /** As in a notebook's file, bounded. */
  outputs?: object[];
  output_count?: number;
}

/** `expected` is the whole source that the agent has seen. */
export type Edit =
  | {
      op: 'insert';
      cell: { id: string; cell_type: CellType; source: string };
      before_id: string | null;
    }
  | { op: 'replace'; cell_id: string; expected: string; source: string }
  | { op: 'delete'; cell_id: string; expected: string }
  | {
      op: 'move';
      cell_id: string;
      expected: string;
      before_id: string | null;
    };

export type CellEdited = Pick<
  CellRead,
  'id' | 'index' | 'cell_type' | 'source'
>;

export interface CellRun {
  id: string;
  execution_count: number | null;
  status: 'ok' | 'error' | 'aborted' | 'timeout';
  outputs: object[];
}

/** What the server asks of the page that has a notebook open. */
export type NotebookRequest = {
  request_id: string;
  page_id: string;
  path: string;
} & (
  | { op: 'cells'; args: { ids?: string[]; outputs: boolean } }
  | { op: 'edit'; args: { edits: Edit[] } }
  /** `timeout` is in seconds. */
  | { op: 'run'; args: { cell_ids: string[]; timeout: number } }
);

/** Why a request was not met. */
export interface Refusal {
  code: string;
  message: string;
  /** The cells that are not what was expected, as they are. */
  cells?: CellEdited[];
}

/** What an edit of the agent did to one cell; null is "no such cell". */
export interface Change {
  path: string;
  cell_id: string;
  op: Edit['op'];
  before: string | null;
  after: string | null;
  cell_type: string;
  state: 'done' | 'undone' | 'changed since';
}

/** All that a turn changed in notebooks. */
export interface TurnChanges {
  turn_id: string;
  at: number;
  changes: Change[];
}

/** What goes with a prompt beside its words, and is told to the model alone. */
export type ContextItem =
  | { kind: 'notebook'; path: string; cell_id?: string }
  | {
      kind: 'cell';
      path: string;
      cell_id: string;
      cell_type: string;
      source: string;
      output?: string;
    }
  | { kind: 'selection'; path: string; cell_id?: string; text: string };

/** What went with a message, by its name. */
export interface ContextLabel {
  kind: ContextItem['kind'];
  path: string;
  cell_id?: string | null;
  label: string;
}

type Call = <T>(
  method: string,
  path: string,
  options?: { body?: object; keepalive?: boolean }
) => Promise<T>;

/** The calls of it. */
export class NotebookCalls {
  constructor(private readonly call: Call) {}

  /** `isLast`: the page is going, and nobody hears the answer. */
  setOpen(
    pageId: string,
    documents: readonly OpenNotebook[],
    isLast = false
  ): Promise<Policies> {
    const body = { page_id: pageId, documents };
    return this.call('PUT', 'notebook/documents', { body, keepalive: isLast });
  }

  respond(
    request: NotebookRequest,
    answer: { result: object } | { error: Refusal }
  ): Promise<unknown> {
    const { request_id, page_id } = request;
    const body = { request_id, page_id, ...answer };
    return this.call('POST', 'notebook/respond', { body });
  }

  setPolicy(policy: Policy): Promise<Policies> {
    return this.call('PUT', 'notebook/policy', { body: { policy } });
  }

  /** What the turns of a conversation changed, the newest first. */
  changes(sessionId: string): Promise<{ turns: TurnChanges[] }> {
    return this.call('GET', `${pathOf(sessionId)}/changes`);
  }

  /** Takes back what a turn changed and nobody touched since. */
  undo(sessionId: string, turnId: string): Promise<{ turns: TurnChanges[] }> {
    const body = { turn_id: turnId };
    return this.call('POST', `${pathOf(sessionId)}/changes/undo`, { body });
  }
}

function pathOf(sessionId: string): string {
  return `sessions/${encodeURIComponent(sessionId)}`;
}
