import { useSignal, type ReadonlySignal } from '@preact/signals';
import {
  ApiError,
  type Capability,
  type ExportFormat,
  type Summary
} from '../client/api';
import type { SessionsModel } from '../model/sessions';
import { useIsGuest } from './guest';
import { useTrans } from './host';
import type { MenuItem } from './menu';
import { saveFile } from './save-file';

/** What a row is asking the person just now. */
export interface Asking {
  id: string;
  what: 'title' | 'deletion';
}

export interface RowActions {
  readonly asking: ReadonlySignal<Asking | null>;
  /** The row that the server is at work on. */
  readonly busy: ReadonlySignal<string | null>;
  readonly failure: ReadonlySignal<{ id: string; error: ApiError } | null>;
  /** Asks for what the row's capabilities allow, and for nothing else. */
  ask(row: Summary, what: Asking['what']): void;
  cancel(): void;
  rename(row: Summary, title: string): Promise<void>;
  delete(row: Summary): Promise<void>;
  menuOf(row: Summary): MenuItem[];
}

const NEEDED: Record<Asking['what'], Capability> = {
  title: 'rename',
  deletion: 'delete'
};

/** What can be done with the rows of the list, one at a time. */
export function useRowActions(
  sessions: SessionsModel,
  onOpen: (id: string) => void
): RowActions {
  const trans = useTrans();
  const isGuest = useIsGuest();
  const asking = useSignal<Asking | null>(null);
  const busy = useSignal<string | null>(null);
  const failure = useSignal<{ id: string; error: ApiError } | null>(null);

  /** Whether it was done; if not, the row says why. */
  const act = async (
    { id }: Summary,
    work: () => Promise<unknown>
  ): Promise<boolean> => {
    if (busy.value !== null) {
      return false;
    }
    busy.value = id;
    failure.value = null;
    try {
      await work();
      return true;
    } catch (error) {
      failure.value = { id, error: ApiError.from(error) };
      return false;
    } finally {
      busy.value = null;
    }
  };

  const allows = ({ capabilities }: Summary, needed: Capability): boolean =>
    capabilities.includes(needed) && (!isGuest || needed === 'export');

  const ask = (row: Summary, what: Asking['what']): void => {
    if (allows(row, NEEDED[what])) {
      failure.value = null;
      asking.value = { id: row.id, what };
    }
  };

  const cancel = (): void => {
    asking.value = null;
    failure.value = null;
  };

  const branch = async ({ id }: Summary): Promise<void> =>
    onOpen((await sessions.branch(id)).id);

  const save = async (id: string, format: ExportFormat): Promise<void> =>
    saveFile(await sessions.exportAs(id, format));

  return {
    asking,
    busy,
    failure,
    ask,
    cancel,
    async rename(row, title) {
      if (await act(row, () => sessions.change(row.id, { title }))) {
        asking.value = null;
      }
    },
    async delete(row) {
      asking.value = null;
      await act(row, () => sessions.delete(row.id));
    },
    menuOf(row) {
      const { id, pinned, unread, archived } = row;
      const change = (changes: Parameters<typeof sessions.change>[1]) => () =>
        void act(row, () => sessions.change(id, changes));
      const exportAs = (format: ExportFormat) => () =>
        void act(row, () => save(id, format));
      const items: (MenuItem & { needs?: Capability })[] = [
        {
          label: pinned ? trans.__('Unpin') : trans.__('Pin'),
          act: change({ pinned: !pinned })
        },
        {
          label: unread ? trans.__('Mark as read') : trans.__('Mark as unread'),
          act: change({ read: unread })
        },
        {
          label: trans.__('Rename'),
          needs: 'rename',
          act: () => ask(row, 'title')
        },
        {
          label: archived ? trans.__('Unarchive') : trans.__('Archive'),
          needs: 'archive',
          act: change({ archived: !archived })
        },
        {
          label: trans.__('Branch'),
          needs: 'branch',
          act: () => void act(row, () => branch(row))
        },
        {
          label: trans.__('Export as Markdown'),
          needs: 'export',
          act: exportAs('md')
        },
        {
          label: trans.__('Export as JSON'),
          needs: 'export',
          act: exportAs('json')
        },
        {
          label: trans.__('Export as notebook'),
          needs: 'export',
          act: exportAs('ipynb')
        },
        {
          label: trans.__('Delete'),
          needs: 'delete',
          isDanger: true,
          act: () => ask(row, 'deletion')
        }
      ];
      return items.filter(({ needs }) =>
        needs ? allows(row, needs) : !isGuest
      );
    }
  };
}
