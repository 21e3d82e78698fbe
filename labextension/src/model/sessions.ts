import { batch, computed, signal } from '@preact/signals';
import {
  ApiError,
  type Detail,
  type EventData,
  type ExportFormat,
  type Found,
  type HermesEvent,
  type RowChange,
  type Source,
  type Summary
} from '../client/api';
import type { HermesClient } from '../client/client';
import { isInTouch } from '../client/connection';
import { byActivity, familiesOf } from './families';
import { itemsOf } from './items';

/** Rows of a page of the list. */
const PAGE = 50;
/** Of one conversation; more than that, nobody reads. */
const MOST_SUBAGENTS = 200;
const MOST_FOUND = 30;

/** Time to type the next letter. */
const TYPING_MS = 200;
/** Changes come in groups. */
const RELOAD_MS = 300;

/** The subagents of a conversation; `rows` is null until they are there. */
export interface Subagents {
  rows: readonly Summary[] | null;
  error: ApiError | null;
}

type Told = EventData['sessions'];

/** The list of conversations, kept up to date once it was loaded. */
export class SessionsModel {
  /** Those that are loaded; null until the first answer. */
  readonly rows = signal<readonly Summary[] | null>(null);
  readonly families = computed(() => familiesOf(this.rows.value ?? []));
  readonly sources = signal<readonly Source[]>([]);
  readonly error = signal<ApiError | null>(null);
  readonly isLoading = signal(false);

  /** What is looked for, as it was typed. */
  readonly text = signal('');
  readonly source = signal<string | null>(null);
  readonly archived = signal(false);
  /** The messages that were found; null while nothing is looked for. */
  readonly found = signal<readonly Found[] | null>(null);
  readonly searchError = signal<ApiError | null>(null);

  /** Of the conversations that are unfolded, by their ids. */
  readonly subagents = signal<ReadonlyMap<string, Subagents>>(new Map());
  readonly items = computed(() =>
    itemsOf(this.families.value, this.subagents.value)
  );

  /** Where the next page begins; null after the last one. */
  private readonly cursor = signal<string | null>(null);
  readonly hasMore = computed(() => this.cursor.value !== null);

  private wanted = PAGE;
  private request: AbortController | null = null;
  private searching: AbortController | null = null;
  /** Came while the request was under way, whose answer may be older. */
  private told: Told[] = [];
  private typing: ReturnType<typeof setTimeout> | undefined;
  private reloading: ReturnType<typeof setTimeout> | undefined;
  private readonly ends: (() => void)[];

  constructor(private readonly client: HermesClient) {
    this.ends = [
      client.listen(event => this.apply(event)),
      client.connection.subscribe(connection => {
        if (isInTouch(connection) && this.rows.value !== null) {
          void this.load();
        }
      })
    ];
  }

  dispose(): void {
    this.ends.forEach(end => end());
    this.request?.abort();
    this.searching?.abort();
    clearTimeout(this.typing);
    clearTimeout(this.reloading);
  }

  /** Asks anew for as many rows as are shown. */
  async load(): Promise<void> {
    [...this.subagents.value.keys()].forEach(id => void this.unfold(id));
    await this.fetch([], null);
  }

  async showMore(): Promise<void> {
    if (this.cursor.value !== null && this.rows.value !== null) {
      this.wanted = this.rows.value.length + PAGE;
      await this.fetch(this.rows.value, this.cursor.value);
    }
  }

  /** Looks for what is typed once there is a pause; at once for nothing. */
  setText(text: string): void {
    this.text.value = text;
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.look(), text.trim() ? TYPING_MS : 0);
  }

  setSource(source: string | null): void {
    this.source.value = source;
    this.look();
  }

  setArchived(archived: boolean): void {
    this.archived.value = archived;
    // It may have no conversation of that source.
    this.setSource(null);
  }

  apply(event: HermesEvent): void {
    if (event.event === 'sessions') {
      this.tell(event.data);
    } else if (event.event === 'snapshot' && this.rows.value !== null) {
      // There was a gap.
      this.loadSoon();
    }
  }

  /** Shows the subagents of a conversation, or looks for new ones. */
  async unfold(id: string): Promise<void> {
    const before = this.subagents.value.get(id) ?? { rows: null };
    this.setSubagents(id, { ...before, error: null });
    let loaded: Subagents;
    try {
      const query = { parent_id: id, limit: MOST_SUBAGENTS };
      const { sessions } = await this.client.sessions(query);
      loaded = { rows: [...sessions].sort(byActivity), error: null };
    } catch (error) {
      loaded = { ...before, error: ApiError.from(error) };
    }
    if (this.subagents.value.has(id)) {
      this.setSubagents(id, loaded);
    }
  }

  fold(id: string): void {
    this.setSubagents(id, null);
  }

  /** Resolves once the server took it; else throws an `ApiError`. */
  async change(id: string, change: RowChange): Promise<void> {
    this.tell({ sessions: [await this.client.changeSession(id, change)] });
  }

  /** Deletes it for good; throws an `ApiError` when that is refused. */
  async delete(id: string): Promise<void> {
    await this.client.deleteSession(id);
    this.tell({ sessions: [], removed: [id] });
  }

  branch(id: string): Promise<Detail> {
    return this.client.branch(id);
  }

  exportAs(id: string, format: ExportFormat): Promise<File> {
    return this.client.exportSession(id, format);
  }

  private look(): void {
    this.wanted = PAGE;
    void this.fetch([], null);
    void this.search();
  }

  /** Adds to `known` from there on, until there are as many as wanted. */
  private async fetch(
    known: readonly Summary[],
    from: string | null
  ): Promise<void> {
    this.request?.abort();
    clearTimeout(this.reloading);
    const request = (this.request = new AbortController());
    const q = this.text.value.trim();
    const filter = { q, source: this.source.value };
    const archived = this.archived.value;
    const rows = new Map(known.map(row => [row.id, row]));
    let cursor = from;
    this.told = [];
    this.isLoading.value = true;
    try {
      do {
        const page = await this.client.sessions(
          { limit: PAGE, ...filter, archived, cursor },
          request.signal
        );
        if (this.request !== request) {
          return;
        }
        page.sessions.forEach(row => rows.set(row.id, row));
        cursor = page.next_cursor;
        this.sources.value = page.sources;
      } while (cursor !== null && rows.size < this.wanted);
      batch(() => {
        this.rows.value = [...rows.values()];
        this.cursor.value = cursor;
        this.error.value = null;
        this.told.forEach(told => this.take(told));
      });
    } catch (error) {
      if (this.request === request) {
        this.error.value = ApiError.from(error);
      }
    } finally {
      if (this.request === request) {
        this.request = null;
        this.isLoading.value = false;
      }
    }
  }

  private async search(): Promise<void> {
    this.searching?.abort();
    const searching = (this.searching = new AbortController());
    const text = this.text.value.trim();
    this.searchError.value = null;
    if (text === '') {
      this.found.value = null;
      return;
    }
    try {
      const { results } = await this.client.search(
        text,
        MOST_FOUND,
        searching.signal
      );
      if (this.searching === searching) {
        this.found.value = results;
      }
    } catch (error) {
      if (this.searching === searching) {
        this.searchError.value = ApiError.from(error);
      }
    }
  }

  private loadSoon(): void {
    clearTimeout(this.reloading);
    this.reloading = setTimeout(() => void this.load(), RELOAD_MS);
  }

  private tell(told: Told): void {
    if (this.request) {
      this.told.push(told);
    }
    if (this.rows.value !== null) {
      batch(() => this.take(told));
    }
  }

  private take({ sessions, removed = [] }: Told): void {
    const rows = new Map((this.rows.value ?? []).map(row => [row.id, row]));
    const subagents = sessions.filter(isSubagent);
    const others = sessions.filter(row => !isSubagent(row));
    const gone = [...removed, ...others.filter(this.isElsewhere).map(idOf)];
    gone.forEach(id => rows.delete(id));
    removed.forEach(id => this.removeSubagent(id));
    subagents.forEach(row => this.setSubagent(row));

    const unplaced: Summary[] = [];
    for (const row of others.filter(row => !this.isElsewhere(row))) {
      if (rows.has(row.id) || this.hasPlace(row, rows)) {
        rows.set(row.id, row);
      } else {
        unplaced.push(row);
      }
    }
    this.rows.value = [...rows.values()];
    const left = new Set(gone);
    const lostOrigin = this.rows.value.some(row => left.has(row.parent_id!));
    if (unplaced.length > 0 || lostOrigin || this.isPastLoaded(others)) {
      this.loadSoon();
    }
  }

  /** Whether a row belongs to another list than the one that is shown. */
  private readonly isElsewhere = (row: Summary): boolean =>
    row.archived !== this.archived.value ||
    (this.source.value !== null && row.source !== this.source.value);

  /** Whether it is plain here where a new row belongs. */
  private hasPlace(row: Summary, rows: ReadonlyMap<string, Summary>): boolean {
    const isSearched = this.text.value.trim() !== '';
    return (
      !isSearched && (row.relation !== 'branch' || rows.has(row.parent_id!))
    );
  }

  /** Whether one of these may belong behind rows that are not loaded. */
  private isPastLoaded(sessions: readonly Summary[]): boolean {
    const last = this.families.value.at(-1);
    if (!this.hasMore.value || !last) {
      return false;
    }
    const ids = new Set(sessions.map(idOf));
    return [last.origin, ...last.branches].some(({ id }) => ids.has(id));
  }

  private setSubagents(id: string, subagents: Subagents | null): void {
    const all = new Map(this.subagents.value);
    if (subagents) {
      all.set(id, subagents);
    } else {
      all.delete(id);
    }
    this.subagents.value = all;
  }

  private setSubagent(row: Summary): void {
    const siblings = this.subagents.value.get(row.parent_id ?? '');
    if (siblings?.rows) {
      const others = siblings.rows.filter(({ id }) => id !== row.id);
      const rows = [...others, row].sort(byActivity);
      this.setSubagents(row.parent_id!, { ...siblings, rows });
    }
  }

  private removeSubagent(id: string): void {
    this.fold(id);
    for (const [parent, siblings] of this.subagents.value) {
      const rows = siblings.rows?.filter(row => row.id !== id);
      if (rows && rows.length < siblings.rows!.length) {
        this.setSubagents(parent, { ...siblings, rows });
      }
    }
  }
}

function idOf({ id }: Summary): string {
  return id;
}

function isSubagent({ relation }: Summary): boolean {
  return relation === 'subagent';
}
