import { useComputed, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { Change, TurnChanges } from '../client/notebooks';
import type { Trans } from '../client/page';
import type { Changes } from '../model/changes';
import type { ChatModel } from '../model/chat';
import { lineDiff } from '../model/line-diff';
import type { MessageModel } from '../model/message';
import { Diff } from './diff';
import { FailureView } from './failure-view';
import { useHost, useTrans } from './host';
import { useSubmission } from './submission';

/** What the turn that ends with a message changed in notebooks. */
export function ChangesAfter(props: {
  message: MessageModel;
  chat: ChatModel;
  changes: Changes;
}): JSX.Element {
  const { message, chat, changes } = props;
  const conversation = chat.conversation.value;
  const turns = useComputed(() =>
    changes.placesIn(chat.conversation.value).value.get(message.id)
  );
  const running = useComputed(() => conversation.running.value?.turn_id);
  return (
    <>
      {turns.value
        ?.filter(({ turn_id }) => turn_id !== running.value)
        .map(turn => (
          <TurnLine
            key={turn.turn_id}
            turn={turn}
            onUndo={() => changes.undo(conversation.id.value, turn.turn_id)}
          />
        ))}
    </>
  );
}

function TurnLine(props: {
  turn: TurnChanges;
  onUndo: () => Promise<void>;
}): JSX.Element {
  const { changes } = props.turn;
  const trans = useTrans();
  const isOpen = useSignal(false);
  const summary = useRef<HTMLElement>(null);
  const { busy, error, submit } = useSubmission();
  const undo = async (): Promise<void> => {
    await props.onUndo();
    // The button is gone: who pressed it goes on at the line.
    summary.current?.focus();
  };

  return (
    <div class="hj-changes">
      <details
        onToggle={event => {
          isOpen.value = event.currentTarget.open;
        }}
      >
        <summary ref={summary}>{changedText(changes, trans)}</summary>
        {isOpen.value && (
          <ul class="hj-change-list">
            {changes.map((change, i) => (
              <ChangeItem key={i} change={change} />
            ))}
          </ul>
        )}
      </details>
      <p class="hj-quiet" role="status">
        {undoneText(changes, trans)}
      </p>
      {changes.some(({ state }) => state === 'done') && (
        <button
          type="button"
          class="hj-button"
          disabled={busy.value}
          onClick={() => submit(undo)}
        >
          {trans.__('Undo this turn')}
        </button>
      )}
      {error.value && <FailureView failure={error.value} />}
    </div>
  );
}

function ChangeItem({ change }: { change: Change }): JSX.Element {
  const { trans, notebook } = useHost();
  const { path, cell_id, before, after, state, op } = change;
  const isThere = (op === 'delete') === (state === 'undone');
  const title = titleOf(change, trans);
  return (
    <li>
      <div class="hj-change-head">
        <span class="hj-clipped">{title}</span>
        {state !== 'done' && (
          <span class="hj-quiet">
            {state === 'undone'
              ? trans.__('undone')
              : trans.__('changed since: left as it is')}
          </span>
        )}
        {notebook && isThere && (
          <button
            type="button"
            class="hj-button"
            title={trans.__('Show the cell in %1', path)}
            onClick={() => notebook.show(path, cell_id)}
          >
            {trans.__('Show')}
          </button>
        )}
      </div>
      {before !== after && (
        <pre class="hj-diff" role="group" tabIndex={0} aria-label={title}>
          <Diff text={lineDiff(before ?? '', after ?? '')} />
        </pre>
      )}
    </li>
  );
}

function changedText(changes: readonly Change[], trans: Trans): string {
  const cells = new Set(changes.map(({ path, cell_id }) => path + cell_id));
  const paths = [...new Set(changes.map(({ path }) => path))];
  return paths.length === 1
    ? trans._n(
        'Changed %1 cell in %2',
        'Changed %1 cells in %2',
        cells.size,
        nameOf(paths[0]!)
      )
    : trans.__('Changed %1 cells in %2 notebooks', cells.size, paths.length);
}

function undoneText(changes: readonly Change[], trans: Trans): string {
  const count = (wanted: Change['state']): number =>
    changes.filter(({ state }) => state === wanted).length;
  const [undone, left] = [count('undone'), count('changed since')];
  return [
    undone > 0 ? trans._n('%1 undone.', '%1 undone.', undone) : '',
    left > 0
      ? trans._n(
          '%1 was changed since: left as it is.',
          '%1 were changed since: left as they are.',
          left
        )
      : ''
  ]
    .filter(Boolean)
    .join(' ');
}

function titleOf(change: Change, trans: Trans): string {
  const source = change.after ?? change.before ?? '';
  const line = source.trim().split('\n', 1)[0]!.slice(0, 80) || '–';
  switch (change.op) {
    case 'insert':
      return trans.__('Inserted: %1', line);
    case 'replace':
      return trans.__('Changed: %1', line);
    case 'delete':
      return trans.__('Deleted: %1', line);
    case 'move':
      return trans.__('Moved: %1', line);
  }
}

function nameOf(path: string): string {
  return path.split('/').at(-1)!;
}
