import {
  computed,
  signal,
  type ReadonlySignal,
  type Signal
} from '@preact/signals';
import type { HermesClient } from '../client/client';
import type { TurnChanges } from '../client/notebooks';
import type { Conversation } from './conversation';
import type { MessageModel } from './message';

/** The changes that are to be told after a message, by the message's id. */
export type ChangesByMessage = ReadonlyMap<string, readonly TurnChanges[]>;

const NONE: ChangesByMessage = new Map();

/** What turns changed in notebooks, of all conversations that a page shows. */
export class Changes {
  private readonly turns = new Map<string, Signal<readonly TurnChanges[]>>();
  private readonly places = new WeakMap<
    Conversation,
    ReadonlySignal<ChangesByMessage>
  >();

  constructor(private readonly client: HermesClient) {
    client.listen(event => {
      if (event.event === 'changes') {
        const { session_id, turn_id, changes } = event.data;
        this.set(session_id, [{ turn_id, at: Date.now() / 1000, changes }]);
      } else if (event.event === 'snapshot' && this.turns.has(event.data.id)) {
        void this.load(event.data.id);
      }
    });
  }

  /** Where in the transcript of a conversation they are told. */
  placesIn(conversation: Conversation): ReadonlySignal<ChangesByMessage> {
    let places = this.places.get(conversation);
    if (!places) {
      let before = NONE;
      places = computed(() => {
        const turns = this.of(conversation.id.value).value;
        before =
          turns.length === 0
            ? NONE
            : keptOf(before, placesOf(conversation.messages.value, turns));
        return before;
      });
      this.places.set(conversation, places);
    }
    return places;
  }

  /** Takes back what a turn changed and nobody touched since. */
  async undo(sessionId: string, turnId: string): Promise<void> {
    const { turns } = await this.client.notebooks.undo(sessionId, turnId);
    this.set(sessionId, turns);
  }

  private of(id: string): Signal<readonly TurnChanges[]> {
    let turns = this.turns.get(id);
    if (!turns) {
      turns = signal<readonly TurnChanges[]>([]);
      if (id !== '') {
        this.turns.set(id, turns);
        void this.load(id);
      }
    }
    return turns;
  }

  private async load(id: string): Promise<void> {
    try {
      this.set(id, (await this.client.notebooks.changes(id)).turns);
    } catch {
      // The next change, or the next snapshot, tells of it.
    }
  }

  /** Each turn as it was told last, oldest first. */
  private set(id: string, news: readonly TurnChanges[]): void {
    const known = this.of(id);
    const turns = new Map(known.value.map(turn => [turn.turn_id, turn]));
    for (const turn of news) {
      const at = turns.get(turn.turn_id)?.at ?? turn.at;
      turns.set(turn.turn_id, { ...turn, at });
    }
    known.value = [...turns.values()].sort((a, b) => a.at - b.at);
  }
}

/**
 * At the end of each turn. A message from the agent's database does not know
 * its turn: there, before what the person said next.
 */
export function placesOf(
  messages: readonly MessageModel[],
  turns: readonly TurnChanges[]
): Map<string, TurnChanges[]> {
  const places = new Map<string, TurnChanges[]>();
  for (const turn of turns.filter(({ changes }) => changes.length > 0)) {
    const last =
      messages.findLast(({ turnId }) => turnId === turn.turn_id) ??
      lastBefore(messages, turn.at);
    if (last) {
      places.set(last.id, [...(places.get(last.id) ?? []), turn]);
    }
  }
  return places;
}

function lastBefore(
  messages: readonly MessageModel[],
  at: number
): MessageModel | undefined {
  const next = messages.findIndex(
    message =>
      message.role === 'user' && !message.steered && (message.at ?? 0) > at
  );
  return messages.at(next < 0 ? -1 : next - 1);
}

/** The same lists where they hold the same: what shows them stays as it is. */
function keptOf(
  before: ChangesByMessage,
  now: ChangesByMessage
): ChangesByMessage {
  const kept = new Map(now);
  for (const [id, turns] of now) {
    const known = before.get(id);
    if (
      known?.length === turns.length &&
      known.every((turn, i) => turn === turns[i])
    ) {
      kept.set(id, known);
    }
  }
  return kept;
}
