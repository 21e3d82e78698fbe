import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Tool } from '../client/api';
import type { Trans } from '../client/page';
import type { MessageModel } from '../model/message';
import { Diff, isDiff } from './diff';
import { useHost, useTrans } from './host';
import { LongText } from './long-text';

/** Characters of a diff that are coloured; a longer one is shown as text. */
const COLOURED = 50_000;

/** What terminals take for colours, cursor moves and titles. */
const ANSI = /\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\))/g;

/** The part of a result that is its main text, by the tools' own names. */
const OUTPUTS = ['diff', 'output', 'content', 'matches_text'];

/** One tool call: a line which opens to its arguments and its result. */
export function ToolCard({ message }: { message: MessageModel }): JSX.Element {
  const trans = useTrans();
  const isOpen = useSignal(false);
  const tool = message.tool.value;
  const state = stateOf(message);
  const exitCode = exitCodeOf(tool);
  let failure = '';
  if (exitCode !== null) {
    failure = trans.__('exit %1', exitCode);
  } else if (state === 'error' || state === 'stopped') {
    failure = labelOf(state, trans);
  }

  return (
    <details
      class="hj-tool"
      data-state={state}
      onToggle={event => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>
        <span
          class="hj-tool-state"
          role="img"
          aria-label={labelOf(state, trans)}
        />
        <span class="hj-tool-name">{tool?.name}</span>
        <span class="hj-tool-preview hj-clipped">{preview(tool?.args)}</span>
        {failure && <span class="hj-tool-failed">{failure}</span>}
        {tool?.duration != null && (
          <span class="hj-tool-duration" aria-live="off">
            {seconds(tool.duration, trans)}
          </span>
        )}
      </summary>
      {isOpen.value && (
        // Who unfolds it reads it at leisure.
        <div aria-live="off">
          <Body message={message} />
        </div>
      )}
    </details>
  );
}

type ToolState = 'running' | 'error' | 'stopped' | 'done';

function stateOf({ status, tool }: MessageModel): ToolState {
  if (status.value === 'streaming') {
    return 'running';
  }
  if (status.value === 'interrupted') {
    return 'stopped';
  }
  return tool.value?.error ? 'error' : 'done';
}

function labelOf(state: ToolState, trans: Trans): string {
  switch (state) {
    case 'running':
      return trans.__('running');
    case 'error':
      return trans.__('failed');
    case 'stopped':
      return trans.__('stopped');
    case 'done':
      return trans.__('done');
  }
}

function Body({ message }: { message: MessageModel }): JSX.Element {
  const { trans, parts } = useHost();
  const tool = message.tool.value;
  const error = tool?.error ?? '';
  const isRunning = message.status.value === 'streaming';
  const result = tool && !error && parts?.toolResult(tool);
  if (result) {
    // It says what was asked for as well, and for a person.
    return <>{result}</>;
  }
  return (
    <>
      <Values title={trans.__('Arguments')} value={tool?.args} />
      {isRunning && (
        <Block title={trans.__('Progress')} text={message.progress.value} />
      )}
      {error ? (
        <Block title={trans.__('Error')} text={error} />
      ) : (
        <Values
          title={trans.__('Result')}
          value={tool?.result ?? message.text.value}
        />
      )}
      {error && hasOutput(tool?.result) && (
        <Values title={trans.__('Result')} value={tool?.result} />
      )}
    </>
  );
}

/** A value as a person reads it: its texts as they are, the rest by name. */
function Values(props: { title: string; value: unknown }): JSX.Element | null {
  const { title, value } = props;
  if (!isRecord(value)) {
    return <Block title={title} text={readable(value)} />;
  }
  const entries = Object.entries(value).filter(
    ([, entry]) => entry !== null && entry !== undefined && entry !== ''
  );
  if (entries.length === 0) {
    return null;
  }
  const isLong = ([, entry]: [string, unknown]): boolean =>
    typeof entry === 'object' ||
    (typeof entry === 'string' && (entry.length > 60 || entry.includes('\n')));
  const blocks = entries.filter(
    entry => isLong(entry) || OUTPUTS.includes(entry[0])
  );
  const facts = entries.filter(entry => !blocks.includes(entry));
  return (
    <section class="hj-tool-block">
      <h4>{title}</h4>
      {facts.length > 0 && (
        <dl class="hj-facts">
          {facts.map(([name, entry]) => (
            <>
              <dt>{name}</dt>
              <dd>{readable(entry)}</dd>
            </>
          ))}
        </dl>
      )}
      {blocks.map(([name, entry]) => (
        <Block key={name} title={name} text={readable(entry)} />
      ))}
    </section>
  );
}

function Block(props: { title: string; text: string }): JSX.Element | null {
  const text = props.text.replace(ANSI, '');
  if (!text) {
    return null;
  }
  return (
    <section class="hj-tool-block">
      <h4>{props.title}</h4>
      <pre role="group" tabIndex={0} aria-label={props.title}>
        {isDiff(text) && text.length <= COLOURED ? (
          <Diff text={text} />
        ) : (
          <LongText text={text} />
        )}
      </pre>
    </section>
  );
}

/** What the call is about: a command, a path, else its first text. */
function preview(args: unknown): string {
  const values = isRecord(args)
    ? [args.command, args.path, ...Object.values(args)]
    : [args];
  const text = values.find(value => typeof value === 'string') ?? '';
  return text.slice(0, 200);
}

function exitCodeOf(tool: Tool | null): number | null {
  const code = isRecord(tool?.result) ? tool.result.exit_code : null;
  // Less than 0 is what never ran.
  return typeof code === 'number' && code > 0 ? code : null;
}

function hasOutput(result: unknown): boolean {
  return isRecord(result) && OUTPUTS.some(name => Boolean(result[name]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readable(value: unknown): string {
  if (value == null) {
    return '';
  }
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}

function seconds(duration: number, trans: Trans): string {
  return trans.__(
    '%1 s',
    duration < 10 ? duration.toFixed(1) : Math.round(duration)
  );
}
