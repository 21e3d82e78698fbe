/** The words of the HTTP contract: what the server sends and what it takes. */

import type {
  Change,
  ContextItem,
  ContextLabel,
  NotebookRequest
} from './notebooks';

export type QuestionKind = 'clarify' | 'approval' | 'sudo' | 'secret';

export type QuestionState =
  'open' | 'answered' | 'expired' | 'cancelled' | 'interrupted' | 'dismissed';

/** One choice of an approval. */
export interface Choice {
  id: string;
  label: string;
  kind: 'allow' | 'deny';
  scope?: string;
}

/** One thing asked by a clarify; `choices` is null where any text will do. */
export interface Ask {
  text: string;
  choices: string[] | null;
  multi_select: boolean;
}

export type AnswerValue = string | string[];

/** Something the agent waits for. Passwords and secrets are never part of it. */
export interface Question {
  id: string;
  session_id: string;
  turn_id: string | null;
  kind: QuestionKind;
  questions: Ask[];
  command?: string | null;
  description?: string | null;
  choices?: Choice[] | null;
  asked_at: number;
  deadline: number | null;
  state: QuestionState;
  answer?: AnswerValue | AnswerValue[] | null;
  answered_by?: { client?: string | null; user?: string | null } | null;
  told_agent?: string | null;
}

/** What `POST questions/{id}/answer` takes, by kind of question. */
export type Answer =
  | { answer: string }
  | { answers: AnswerValue[] }
  | { choice: string }
  | { value: string };

export type HintAction = 'install-agent' | 'set-up-model' | 'restart-agent';

/** The next step out of a failure. */
export interface Hint {
  text: string;
  command?: string | null;
  action?: HintAction | null;
  /** The command that opens the tour with the offline model. */
  tour?: string | null;
}

/** A failure as the server words it. */
export interface Failure {
  code: string;
  message: string;
  hint?: Hint | null;
  /** Of a conflict: the question as it is now, and so who was faster. */
  question?: Question | null;
}

export type TurnState =
  | 'queued'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'complete'
  | 'interrupted'
  | 'error';

/** A file of a message or a turn; `type` is its media type. */
export interface AttachmentName {
  name: string;
  type: string;
}

/** A prompt and all that follows from it. */
export interface Turn {
  turn_id: string;
  state: TurnState;
  origin: 'user' | 'agent';
  /** What it has the agent do: answer, make room, or take back. */
  action?: 'prompt' | 'compress' | 'undo';
  text?: string | null;
  attachments?: AttachmentName[];
  context?: ContextLabel[];
  client_id?: string | null;
  error?: Failure | null;
}

/** What becomes of a prompt while a turn is in hand. */
export type WhenBusy = 'queue' | 'steer' | 'interrupt';

/** Something to say; `client_id` makes a second try harmless. */
export interface Prompt {
  text: string;
  client_id: string;
  when_busy?: WhenBusy;
  /** The message that is taken back for it, with all that followed. */
  replaces?: string;
  /** The names of files that were uploaded; it waits for a turn in hand. */
  attachments?: string[];
  /** What of notebooks goes with it. */
  context?: ContextItem[];
}

export interface Tool {
  id: string;
  name: string;
  args?: unknown;
  result?: unknown;
  /** Seconds; null while the tool runs. */
  duration?: number | null;
  error?: string | null;
}

export type MessageStatus = 'streaming' | 'complete' | 'interrupted' | 'error';

export interface Message {
  id: string;
  role: 'user' | 'assistant' | 'tool' | 'notice';
  text: string;
  turn_id?: string | null;
  status?: MessageStatus | null;
  reasoning?: string | null;
  tool?: Tool | null;
  question?: Question | null;
  attachments?: AttachmentName[];
  context?: ContextLabel[];
  at?: number | null;
  /** Said into a turn that ran. */
  steered?: boolean;
  /** Of a notice that stands where the context was compacted. */
  compaction?: Compaction | null;
}

/** How many messages became a summary, and the context in tokens; null is "not known". */
export interface Compaction {
  messages: number | null;
  before: number | null;
  after: number | null;
}

/** How full the model's context is; null is "not known", never zero. */
export interface Gauge {
  used: number | null;
  max: number | null;
  max_source?: 'configured' | 'probed' | 'catalogue' | 'generic' | null;
  threshold?: number | null;
  estimate: boolean;
  compactions: number;
  cost_usd?: number | null;
  cost_status?: string | null;
}

export type Capability =
  | 'prompt'
  | 'interrupt'
  | 'steer'
  | 'undo'
  | 'compress'
  | 'answer'
  | 'rename'
  | 'archive'
  | 'delete'
  | 'branch'
  | 'export';

/** One row of the list of conversations. */
export interface Summary {
  id: string;
  tip_id: string;
  title: string | null;
  preview: string | null;
  source: string | null;
  source_label: string | null;
  relation: 'root' | 'branch' | 'subagent';
  /** The conversation that a branch or a subagent comes from. */
  parent_id: string | null;
  segment_count: number;
  subagent_count: number;
  message_count: number;
  created_at: number;
  last_active: number;
  model: string | null;
  cwd: string | null;
  state: 'idle' | 'running' | 'waiting' | 'error';
  attention: { clarify: number; approval: number };
  pinned: boolean;
  unread: boolean;
  archived: boolean;
  /** Whether the agent does what it would else have to ask for. */
  skip_approvals: boolean;
  /** What a person may do with it; all else is refused. */
  capabilities: Capability[];
}

/** Where conversations were held, and how many there are of it. */
export interface Source {
  source: string;
  label: string;
  count: number;
}

/** What of the list is asked for; `cursor` is where the page before ended. */
export interface SessionsQuery {
  q?: string;
  source?: string | null;
  archived?: boolean;
  /** Asks for the subagents of a conversation instead. */
  parent_id?: string;
  limit?: number;
  cursor?: string | null;
}

/** One page of the list, of whole families: an origin and its branches. */
export interface SessionsPage {
  sessions: Summary[];
  next_cursor: string | null;
  total: number;
  sources: Source[];
}

/** What can be changed of a conversation's row. */
export interface RowChange {
  title?: string;
  archived?: boolean;
  pinned?: boolean;
  read?: boolean;
}

/** What there is to choose from, and what a conversation has of it. */
export interface Models {
  providers: { id: string; name: string; models: string[] }[];
  efforts: string[];
  model: string | null;
  provider: string | null;
  reasoning: string | null;
}

/** What is changed of how a conversation thinks. */
export interface ModelChange {
  model?: string;
  provider?: string;
  reasoning?: string;
  /** That the model may be expensive. */
  confirmed?: boolean;
}

/** A slash command; `choices` is what may go with it. */
export interface Command {
  name: string;
  description: string;
  args: string;
  aliases: string[];
  choices: string[];
}

/** What may stand instead of the end of a text, and what is seen of it. */
export interface Completion {
  text: string;
  label: string;
  detail: string;
}

export type ExportFormat = 'md' | 'json' | 'ipynb';

/** A message in which all words that were searched for are found. */
export interface Found {
  session_id: string;
  title: string | null;
  source: string | null;
  message_id: string;
  role: Message['role'];
  at: number;
  snippet: { text: string; match: boolean }[];
}

/** Messages from before a place; `before` is null at the beginning. */
export interface MessagesPage {
  messages: Message[];
  before: string | null;
}

/** The whole state of a conversation at one place of the event sequence. */
export interface Detail extends Summary {
  context: Gauge | null;
  questions: Question[];
  turn: Turn | null;
  queued: Turn[];
  messages: Message[];
  cursor: string;
}

export interface AgentStatus {
  state: 'stopped' | 'starting' | 'ready' | 'failed';
  step: string | null;
  version: string | null;
  python: string | null;
  error: string | null;
  hint: Hint | null;
}

/** What the administrator has set; the rest is left to the person. */
export interface Policy {
  allowed_models?: string[];
  allowed_providers?: string[];
  forbidden_toolsets?: string[];
  approval_mode?: 'manual';
  allow_install?: false;
}

export interface Status {
  version: string;
  agent: AgentStatus;
  epoch: string;
  offline: boolean;
  model: string | null;
  cwd: string | null;
  /** Bytes of the largest file that may be attached. */
  max_upload: number;
  /** What the person may do. */
  can: ('read' | 'write' | 'execute')[];
  /** Who may write and execute; empty where no names are known. */
  drivers: string[];
  policy: Policy;
}

export type NoticeLevel = 'info' | 'warning' | 'error';

type OfConversation<Data> = Data & { session_id: string };

/** The data of each event by its name. */
export interface EventData {
  snapshot: Detail;
  turn: OfConversation<Turn>;
  'message.start': OfConversation<{
    message_id: string;
    role: Message['role'];
    turn_id?: string | null;
    text?: string | null;
    steered?: boolean;
    attachments?: AttachmentName[];
    context?: ContextLabel[];
  }>;
  'message.delta': OfConversation<{ message_id: string; text: string }>;
  'message.complete': OfConversation<{
    message_id: string;
    text: string;
    status: MessageStatus;
  }>;
  'reasoning.delta': OfConversation<{ message_id: string; text: string }>;
  'tool.start': OfConversation<{
    tool_id: string;
    message_id: string;
    turn_id?: string | null;
    name: string;
    args?: unknown;
  }>;
  'tool.progress': OfConversation<{ tool_id: string; text: string }>;
  'tool.complete': OfConversation<{
    tool_id: string;
    message_id: string;
    status: MessageStatus;
    name: string;
    args?: unknown;
    result?: unknown;
    duration?: number | null;
    error?: string | null;
  }>;
  question: OfConversation<{ question: Question }>;
  context: OfConversation<{ context: Gauge }>;
  compaction: OfConversation<{
    /** The notice that says so; it may have been there, as the begin of it. */
    message_id: string;
    text: string;
    before?: number | null;
    after?: number | null;
  }>;
  session: OfConversation<{
    was?: string | null;
    title?: string | null;
    tip_id?: string | null;
    model?: string | null;
    cwd?: string | null;
    skip_approvals?: boolean;
  }>;
  sessions: { sessions: Summary[]; removed?: string[] };
  notice: {
    session_id?: string | null;
    text: string;
    level: NoticeLevel;
    message_id?: string | null;
  };
  agent: AgentStatus;
  current: { kernel_id: string; session_id: string | null };
  'notebook.request': NotebookRequest;
  changes: OfConversation<{ turn_id: string; changes: Change[] }>;
  ping: { t: number };
}

export type EventName = keyof EventData;

/** An event of the stream; `id` is its place in the server's one sequence. */
export type HermesEvent = {
  [Name in EventName]: { event: Name; id: string; data: EventData[Name] };
}[EventName];

/** A request that the server refused, or that did not reach it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly hint: Hint | null;
  readonly question: Question | null;

  /** `status` is that of HTTP; 0 when there was no answer. */
  constructor(
    failure: Failure,
    readonly status: number
  ) {
    super(failure.message);
    this.code = failure.code;
    this.hint = failure.hint ?? null;
    this.question = failure.question ?? null;
  }

  /**
   * Takes what was thrown for an `ApiError`. By name and not by class: a
   * widget's bundle has a class of its own, the client it uses another.
   */
  static from(thrown: unknown): ApiError {
    if (thrown instanceof Error && thrown.name === 'ApiError') {
      return thrown as ApiError;
    }
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new ApiError({ code: 'unexpected', message }, 0);
  }
}
