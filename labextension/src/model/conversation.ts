import { batch, computed, signal } from '@preact/signals';
import type {
  ApiError,
  AttachmentName,
  Capability,
  Detail,
  EventData,
  Found,
  Gauge,
  HermesEvent,
  Message,
  NoticeLevel,
  MessagesPage,
  MessageStatus,
  Question,
  Turn,
  TurnState
} from '../client/api';
import type { ContextLabel } from '../client/notebooks';
import { MessageModel } from './message';
import { stretchesOf, type Stretch } from './stretches';

/** A prompt on its way to the server. */
export interface Outgoing {
  clientId: string;
  text: string;
  attachments: readonly AttachmentName[];
  /** What goes with it, by its name. */
  context?: readonly ContextLabel[];
}

/** Messages that a snapshot carries if there are as many. */
const SNAPSHOT_MESSAGES = 50;

const BUSY: ReadonlySet<TurnState> = new Set<TurnState>([
  'starting',
  'running',
  'stopping'
]);

/** Whether the agent works on it. */
export function isBusy({ state }: Turn): boolean {
  return BUSY.has(state);
}

export function isUnfinished(question: Question): boolean {
  return question.state === 'open' || question.state === 'interrupted';
}

export function byAge(a: Question, b: Question): number {
  return a.asked_at - b.asked_at;
}

function entryOf(question: Question): Message {
  const { id, asked_at: at } = question;
  return { id, role: 'notice', text: '', question, at };
}

/** The messages with the questions between them, where they were asked. */
function transcriptOf(
  messages: readonly Message[],
  questions: readonly Question[]
): Message[] {
  const told = new Set(messages.map(({ question }) => question?.id));
  const transcript = [...messages];
  for (const question of questions.filter(({ id }) => !told.has(id))) {
    const after = transcript.findIndex(
      ({ at }) => (at ?? 0) > question.asked_at
    );
    const place = after < 0 ? transcript.length : after;
    transcript.splice(place, 0, entryOf(question));
  }
  return transcript;
}

/**
 * One conversation as its events tell it. An empty `id` is a draft of this
 * page, of which the server does not know yet.
 */
export class Conversation {
  readonly id = signal('');
  readonly title = signal('');
  readonly model = signal('');
  readonly cwd = signal('');
  /** Changes when an entry comes or goes, not when one grows. */
  readonly messages = signal<readonly MessageModel[]>([]);
  /** The same, in parts that stay as they are for as long as they can. */
  readonly stretches = computed(
    () => (this.known = stretchesOf(this.messages.value, this.known))
  );
  /** The latest turn, also when it is over. */
  readonly turn = signal<Turn | null>(null);
  readonly queued = signal<readonly Turn[]>([]);
  /** The unfinished ones, oldest first. */
  readonly questions = signal<readonly Question[]>([]);
  readonly gauge = signal<Gauge | null>(null);
  readonly outgoing = signal<readonly Outgoing[]>([]);
  readonly loaded = signal(false);
  /** Whether the agent does what it would else have to ask for. */
  readonly skipsApprovals = signal(false);
  readonly relation = signal<Detail['relation']>('root');
  /** The conversation it comes from; empty if there is none. */
  readonly parentId = signal('');
  readonly parentName = signal('');
  readonly capabilities = signal<readonly Capability[] | null>(null);
  readonly isReadOnly = computed(
    () => this.capabilities.value?.includes('prompt') === false
  );
  readonly unread = signal(false);
  /** It was deleted while it was shown. */
  readonly isGone = signal(false);

  /** Where earlier messages are asked for; null: it begins with the first. */
  readonly earlier = signal<string | null>(null);
  readonly isExtending = signal(false);
  readonly extendError = signal<ApiError | null>(null);
  /** The part of an answer that became whole last, for those who hear it. */
  readonly heard = signal('');
  /** The id of the message that a search has led to. */
  readonly lit = signal<string | null>(null);
  /** A search has led to a message that could not be had. */
  readonly isMissing = signal(false);

  /** The turn the agent works on now. */
  readonly running = computed(() => {
    const turn = this.turn.value;
    return turn !== null && isBusy(turn) ? turn : null;
  });

  readonly isEmpty = computed(
    () =>
      this.messages.value.length === 0 &&
      this.awaited.value.length === 0 &&
      this.running.value === null &&
      this.turn.value?.state !== 'error'
  );

  /** Its title; until the agent gave it one, what it began with. */
  readonly name = computed(() => {
    const first = this.messages.value.find(({ role }) => role === 'user');
    return this.title.value || (first?.text.value ?? '');
  });

  /** Prompts which are not in the transcript yet, in the order of sending. */
  readonly awaited = computed((): readonly Outgoing[] => {
    const running = this.running.value;
    if (!running || !this.lacksPromptOf(running)) {
      return this.outgoing.value;
    }
    const { turn_id: clientId, text, attachments = [], context } = running;
    const begun = { clientId, text: text ?? '', attachments, context };
    return [begun, ...this.outgoing.value];
  });

  /** What the person said last, not counting what went into a running turn. */
  readonly lastPrompt = computed(
    () =>
      this.messages.value.findLast(
        ({ role, steered }) => role === 'user' && !steered
      ) ?? null
  );

  /** The last turn, if it is over and did not reach its end. */
  readonly failed = computed(() => {
    const turn = this.turn.value;
    const isFailed = turn?.state === 'error' || turn?.state === 'interrupted';
    return isFailed && (turn.action ?? 'prompt') === 'prompt' ? turn : null;
  });

  /** The prompt that can be said again: that of the failed turn. */
  readonly retriable = computed(() => {
    const turn = this.failed.value;
    const prompt = this.lastPrompt.value;
    // One from the agent's database does not know its turn.
    const isItsPrompt =
      prompt?.turnId === turn?.turn_id || (!prompt?.turnId && !turn?.text);
    return turn?.origin === 'user' && isItsPrompt ? prompt : null;
  });

  /** What was to be said in the failed turn and is not in the transcript. */
  readonly unsaid = computed(() => {
    const turn = this.failed.value;
    return turn && this.lacksPromptOf(turn) ? turn : null;
  });

  private known: readonly Stretch[] = [];
  private readonly byId = new Map<string, MessageModel>();
  private readonly byTool = new Map<string, MessageModel>();
  /** The turns of which the stream has spoken. */
  private readonly announced = new Set<string>();
  /** Questions from before the messages that are loaded. */
  private earlierQuestions: readonly Question[] = [];

  apply(event: HermesEvent): void {
    batch(() => this.reduce(event));
  }

  send(prompt: Outgoing): void {
    this.outgoing.value = [...this.outgoing.value, prompt];
  }

  /** Whether a person may do this with it; of a draft, all that is offered. */
  can(capability: Capability): boolean {
    return this.capabilities.value?.includes(capability) ?? true;
  }

  /** The server took the prompt; the stream may have said so before. */
  accepted(prompt: Outgoing, turnId: string, state: TurnState): void {
    batch(() => {
      this.withdraw(prompt.clientId);
      this.began({
        turn_id: turnId,
        state,
        origin: 'user',
        text: prompt.text,
        attachments: [...prompt.attachments],
        context: [...(prompt.context ?? [])]
      });
    });
  }

  /** The server took a turn; the stream may have said so before. */
  began(turn: Turn): void {
    if (!this.announced.has(turn.turn_id)) {
      this.setTurn(turn);
    }
  }

  /** A prompt that waited does so no more. */
  dequeue(turnId: string): void {
    this.queued.value = this.queued.value.filter(
      ({ turn_id }) => turn_id !== turnId
    );
  }

  withdraw(clientId: string): void {
    this.outgoing.value = this.outgoing.value.filter(
      prompt => prompt.clientId !== clientId
    );
  }

  /**
   * Puts messages before the others, which were asked for at `place`; not if
   * a snapshot has changed meanwhile what the others are.
   */
  prepend(place: string, { messages, before }: MessagesPage): void {
    if (this.earlier.value !== place) {
      return;
    }
    const fresh = messages.filter(({ id }) => !this.byId.has(id));
    const first = before === null ? undefined : messages[0];
    const entries = transcriptOf(fresh, this.takeQuestionsSince(first)).map(
      message => this.index(new MessageModel(message))
    );
    batch(() => {
      this.messages.value = [...entries, ...this.messages.value];
      this.earlier.value = before;
    });
  }

  /** The message that was found, if it is loaded. */
  find({ message_id, role, snippet, at }: Found): MessageModel | null {
    const known = this.byId.get(message_id);
    if (known) {
      return known;
    }
    // What was said since the server began has another id than it is stored
    // under, and so may a copy that a compaction made.
    const text = snippet.map(piece => piece.text).join('');
    const words = text.replace(/^…|…$/g, '').trim();
    const isAll = !this.beginsAfter(at);
    const fitting = this.messages.value.filter(
      message =>
        message.role === role &&
        (isAll || message.turnId !== null) &&
        message.text.value.includes(words)
    );
    return fitting.at(-1) ?? null;
  }

  /** Whether messages of that time may not be loaded yet. */
  beginsAfter(at: number): boolean {
    const first = this.messages.value.find(message => message.at !== null);
    return this.earlier.value !== null && at <= (first?.at ?? at);
  }

  setQuestion(question: Question): void {
    const others = this.questions.value.filter(({ id }) => id !== question.id);
    this.questions.value = isUnfinished(question)
      ? [...others, question].sort(byAge)
      : others;

    const entry = this.messages.value.find(
      message => message.question.value?.id === question.id
    );
    if (entry) {
      entry.question.value = question;
    } else if (this.earlierQuestions.some(({ id }) => id === question.id)) {
      this.earlierQuestions = this.earlierQuestions.map(earlier =>
        earlier.id === question.id ? question : earlier
      );
    } else {
      this.add(entryOf(question));
    }
  }

  private reduce(event: HermesEvent): void {
    switch (event.event) {
      case 'snapshot':
        return this.replace(event.data);
      case 'turn':
        return this.setTurn(event.data);
      case 'message.start':
        return this.startMessage(event.data);
      case 'message.delta':
        return this.message(event.data.message_id).append(event.data.text);
      case 'reasoning.delta':
        return this.message(event.data.message_id).appendReasoning(
          event.data.text
        );
      case 'message.complete':
        return this.message(event.data.message_id).complete(
          event.data.text,
          event.data.status
        );
      case 'tool.start':
        return this.setTool(event.data, 'streaming');
      case 'tool.complete':
        return this.setTool(event.data, event.data.status);
      case 'tool.progress':
        return this.setProgress(event.data);
      case 'question':
        return this.setQuestion(event.data.question);
      case 'context':
        this.gauge.value = event.data.context;
        return;
      case 'compaction':
        return this.addCompaction(event.data);
      case 'session':
        return this.setSession(event.data);
      case 'sessions':
        return this.setRow(event.data);
      case 'notice':
        return this.addNotice(event.id, event.data);
    }
  }

  private replace(detail: Detail): void {
    this.id.value = detail.id;
    this.title.value = detail.title ?? '';
    this.model.value = detail.model ?? '';
    this.cwd.value = detail.cwd ?? '';
    this.gauge.value = detail.context;
    this.skipsApprovals.value = detail.skip_approvals;
    this.capabilities.value = detail.capabilities;
    this.turn.value = detail.turn;
    this.queued.value = detail.queued;
    this.announced.clear();
    detail.queued.forEach(turn => this.announced.add(turn.turn_id));
    if (detail.turn) {
      this.announced.add(detail.turn.turn_id);
    }
    this.relation.value = detail.relation;
    this.parentId.value = detail.parent_id ?? '';
    this.capabilities.value = detail.capabilities;
    this.unread.value = detail.unread;
    this.replaceMessages(detail);
    this.questions.value = detail.questions.filter(isUnfinished).sort(byAge);
    this.loaded.value = true;
  }

  /** Keeps the entries that stay, and with them what is already painted. */
  private replaceMessages({ messages, questions }: Detail): void {
    const kept = this.keptBefore(messages);
    const isAll = this.earlier.value === null && kept.length === 0;
    const known = new Map(this.byId);
    this.byId.clear();
    this.byTool.clear();
    kept.forEach(entry => this.index(entry));
    for (const question of questions) {
      const entry = this.byId.get(question.id);
      if (entry) {
        entry.question.value = question;
      }
    }
    this.earlierQuestions = questions.filter(({ id }) => !this.byId.has(id));
    const since = this.takeQuestionsSince(isAll ? undefined : messages[0]);
    const replaced = transcriptOf(messages, since).map(message => {
      const entry = known.get(message.id) ?? new MessageModel(message);
      entry.update(message);
      return this.index(entry);
    });
    const entries = [...kept, ...replaced];
    const before = this.messages.value;
    const same =
      before.length === entries.length &&
      before.every((entry, i) => entry === entries[i]);
    if (!same) {
      this.messages.value = entries;
    }
  }

  /**
   * The loaded entries that stand before those of a snapshot; none if it does
   * not go on from them.
   */
  private keptBefore(messages: readonly Message[]): readonly MessageModel[] {
    const first = messages[0]?.id ?? null;
    const isWhole = messages.length < SNAPSHOT_MESSAGES;
    const place = this.messages.value.findIndex(({ id }) => id === first);
    if (isWhole || place < 0) {
      this.earlier.value = isWhole ? null : first;
      return [];
    }
    return this.messages.value.slice(0, place);
  }

  /** The held back questions since `first`, or all; the others stay so. */
  private takeQuestionsSince(first: Message | undefined): Question[] {
    const since = first?.at ?? 0;
    const all = this.earlierQuestions;
    this.earlierQuestions = all.filter(({ asked_at }) => asked_at < since);
    return all.filter(({ asked_at }) => asked_at >= since);
  }

  private index(entry: MessageModel): MessageModel {
    this.byId.set(entry.id, entry);
    const tool = entry.tool.value;
    if (tool) {
      this.byTool.set(tool.id, entry);
    }
    return entry;
  }

  private add(message: Message, level?: NoticeLevel): MessageModel {
    const entry = this.index(new MessageModel(message, level));
    this.messages.value = [...this.messages.value, entry];
    return entry;
  }

  private message(id: string): MessageModel {
    return (
      this.byId.get(id) ??
      this.add({
        id,
        role: 'assistant',
        text: '',
        turn_id: this.running.value?.turn_id ?? null
      })
    );
  }

  private startMessage(start: EventData['message.start']): void {
    if (this.byId.has(start.message_id)) {
      return;
    }
    const entry = this.add({
      id: start.message_id,
      role: start.role,
      turn_id: start.turn_id ?? null,
      text: start.text ?? '',
      steered: start.steered ?? false,
      attachments: start.attachments ?? [],
      context: start.context ?? []
    });
    if (start.role === 'assistant') {
      entry.status.value = 'streaming';
    }
    if (start.steered) {
      // It went into a turn which has the id of another prompt.
      const sent = this.outgoing.value.find(({ text }) => text === start.text);
      this.withdraw(sent?.clientId ?? '');
    }
  }

  private setTool(
    data: EventData['tool.start'] & Partial<EventData['tool.complete']>,
    status: MessageStatus
  ): void {
    const entry =
      this.byId.get(data.message_id) ??
      this.add({
        id: data.message_id,
        role: 'tool',
        turn_id: data.turn_id ?? null,
        text: ''
      });
    entry.tool.value = {
      ...entry.tool.value,
      id: data.tool_id,
      name: data.name,
      args: data.args ?? entry.tool.value?.args,
      result: data.result,
      duration: data.duration ?? null,
      error: data.error ?? null
    };
    entry.status.value = status;
    this.byTool.set(data.tool_id, entry);
  }

  private setProgress({ tool_id, text }: EventData['tool.progress']): void {
    const entry = this.byTool.get(tool_id);
    if (entry) {
      entry.progress.value = text;
    }
  }

  private setTurn(turn: Turn): void {
    this.announced.add(turn.turn_id);
    if (turn.client_id) {
      this.withdraw(turn.client_id);
    }
    const before = this.queued.value.find(
      ({ turn_id }) => turn_id === turn.turn_id
    );
    if (turn.state === 'queued') {
      this.queued.value = before
        ? this.queued.value.map(queued =>
            queued === before ? { ...before, ...turn } : queued
          )
        : [...this.queued.value, turn];
      return;
    }
    this.dequeue(turn.turn_id);
    if (before && !BUSY.has(turn.state)) {
      // Taken back before it began.
      return;
    }
    const current = this.turn.value;
    if (current?.turn_id === turn.turn_id) {
      this.turn.value = { ...current, ...turn };
    } else if (!this.running.value || isBusy(turn)) {
      this.turn.value = { ...before, ...turn };
    }
  }

  private setSession(session: EventData['session']): void {
    this.id.value = session.session_id;
    this.title.value = session.title ?? this.title.value;
    this.model.value = session.model ?? this.model.value;
    this.cwd.value = session.cwd ?? this.cwd.value;
    this.skipsApprovals.value =
      session.skip_approvals ?? this.skipsApprovals.value;
  }

  private setRow({ sessions, removed }: EventData['sessions']): void {
    const row = sessions.find(({ id }) => id === this.id.value);
    this.unread.value = row?.unread ?? this.unread.value;
    this.isGone.value ||= removed?.includes(this.id.value) ?? false;
  }

  private addCompaction(data: EventData['compaction']): void {
    const { message_id: id, text, before = null, after = null } = data;
    const compaction = { messages: null, before, after };
    const notice: Message = { id, role: 'notice', text, compaction };
    const known = this.byId.get(id);
    if (known) {
      known.update(notice);
    } else {
      this.add(notice);
    }
  }

  private addNotice(id: string, notice: EventData['notice']): void {
    const messageId = notice.message_id ?? id;
    if (!this.byId.has(messageId)) {
      const { text, level } = notice;
      this.add({ id: messageId, role: 'notice', text }, level);
    }
  }

  /** Whether it began with words of which the transcript does not tell. */
  private lacksPromptOf(turn: Turn): boolean {
    const { turn_id, text, attachments = [], action = 'prompt' } = turn;
    const isPrompt =
      action === 'prompt' && (Boolean(text) || attachments.length > 0);
    return (
      isPrompt &&
      !this.messages.value.some(
        ({ role, turnId, steered }) =>
          role === 'user' && turnId === turn_id && !steered
      )
    );
  }
}
