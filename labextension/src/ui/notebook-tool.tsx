import type { JSX } from 'preact';
import type { Tool } from '../client/api';
import type { Trans } from '../client/page';
import { Diff } from './diff';
import { useHost } from './host';
import { LongText } from './long-text';

/** A result of `notebook_edit` or `notebook_run`. */
interface CellsResult {
  path: string;
  cells: {
    id: string;
    index?: number;
    status?: string;
    execution_count?: number | null;
    output?: string;
  }[];
  diff?: string;
}

/** The cells that a tool changed or ran, with a way to each. */
export function NotebookToolResult({ tool }: { tool: Tool }): JSX.Element {
  const { trans, notebook } = useHost();
  const { path, cells, diff } = tool.result as CellsResult;
  return (
    <section class="hj-tool-block">
      <h4>{trans.__('Result')}</h4>
      {diff && (
        <pre role="group" tabIndex={0} aria-label={trans.__('Changes')}>
          <Diff text={diff} />
        </pre>
      )}
      <ul class="hj-change-list">
        {cells.map(({ id, index, status, output }) => (
          <li key={id}>
            <div class="hj-change-head">
              <span class="hj-clipped">
                {index === undefined
                  ? trans.__('Cell %1', id)
                  : trans.__('Cell %1', index + 1)}
                {status && ` – ${statusOf(status, trans)}`}
              </span>
              {notebook && (
                <button
                  type="button"
                  class="hj-button"
                  title={trans.__('Show the cell in %1', path)}
                  onClick={() => notebook.show(path, id)}
                >
                  {trans.__('Show')}
                </button>
              )}
            </div>
            {output && (
              <pre role="group" tabIndex={0} aria-label={trans.__('Output')}>
                <LongText text={output} />
              </pre>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function statusOf(status: string, trans: Trans): string {
  switch (status) {
    case 'ok':
      return trans.__('done');
    case 'error':
      return trans.__('failed');
    case 'aborted':
      return trans.__('not run');
    case 'timeout':
      return trans.__('stopped: it took too long');
    default:
      return status;
  }
}

/** Whether it is one, and not a refusal. */
export function isCellsResult({ name, result }: Tool): boolean {
  return (
    /^notebook_(edit|run)$/.test(name) &&
    Array.isArray((result as Partial<CellsResult> | null)?.cells)
  );
}
