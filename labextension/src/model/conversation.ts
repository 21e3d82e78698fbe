import { batch, computed, signal } from '@preact/signals';
import type {
  Capability,
  Detail,
  EventData,
  Gauge,
  HermesEvent,
  Message,
  MessageStatus,
  Question,
  Turn,
  TurnState
} from '../client/api';
import { MessageModel } from './message';

/** A prompt on its way to the server. */
export interface Outgoing {
  clientId: string;
  text: string;
}

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
function transcriptOf({ messages, questions }: Detail): Message[] {
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
  private readonly capabilities = signal<readonly Capability[] | null>(null);

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
    return running?.text && this.lacksPromptOf(running)
      ? [
          { clientId: running.turn_id, text: running.text },
          ...this.outgoing.value
        ]
      : this.outgoing.value;
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
    return turn && this.lacksPromptOf(turn) ? (turn.text ?? '') : '';
  });

  private readonly byId = new Map<string, MessageModel>();
  private readonly byTool = new Map<string, MessageModel>();
  /** The turns of which the stream has spoken. */
  private readonly announced = new Set<string>();

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
        text: prompt.text
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
        return this.addCompaction(event.id, event.data);
      case 'session':
        return this.setSession(event.data);
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
    this.replaceMessages(transcriptOf(detail));
    this.questions.value = detail.questions.filter(isUnfinished).sort(byAge);
    this.loaded.value = true;
  }

  /** Keeps the entries that stay, and with them what is already painted. */
  private replaceMessages(messages: readonly Message[]): void {
    const known = new Map(this.byId);
    this.byId.clear();
    this.byTool.clear();
    const entries = messages.map(message => {
      const entry = known.get(message.id) ?? new MessageModel(message);
      entry.update(message);
      return this.index(entry);
    });
    const before = this.messages.value;
    const same =
      before.length === entries.length &&
      before.every((entry, i) => entry === entries[i]);
    if (!same) {
      this.messages.value = entries;
    }
  }

  private index(entry: MessageModel): MessageModel {
    this.byId.set(entry.id, entry);
    const tool = entry.tool.value;
    if (tool) {
      this.byTool.set(tool.id, entry);
    }
    return entry;
  }

  private add(
    message: Message,
    notice?: ConstructorParameters<typeof MessageModel>[1]
  ): MessageModel {
    const entry = this.index(new MessageModel(message, notice));
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
      steered: start.steered ?? false
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

  private addCompaction(id: string, data: EventData['compaction']): void {
    const compaction = {
      before: data.before ?? null,
      after: data.after ?? null
    };
    this.add({ id, role: 'notice', text: '' }, { compaction });
  }

  private addNotice(id: string, notice: EventData['notice']): void {
    const messageId = notice.message_id ?? id;
    if (!this.byId.has(messageId)) {
      const message = { id: messageId, role: 'notice', text: notice.text };
      this.add(message as Message, { level: notice.level });
    }
  }

  /** Whether it began with words of which the transcript does not tell. */
  private lacksPromptOf({ turn_id, text, action }: Turn): boolean {
    const isPrompt = Boolean(text) && (action ?? 'prompt') === 'prompt';
    return (
      isPrompt &&
      !this.messages.value.some(
        ({ role, turnId, steered }) =>
          role === 'user' && turnId === turn_id && !steered
      )
    );
  }
}
