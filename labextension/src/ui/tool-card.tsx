import type { JSX } from 'preact';
import type { MessageModel } from '../model/message';
import { useTrans } from './host';

/** One tool call: a line which opens to its arguments and its result. */
export function ToolCard({ message }: { message: MessageModel }): JSX.Element {
  const trans = useTrans();
  const tool = message.tool.value;
  const running = message.status.value === 'streaming';
  const state = running ? 'running' : tool?.error ? 'error' : 'done';
  const label = {
    running: trans.__('running'),
    error: trans.__('failed'),
    done: trans.__('done')
  }[state];
  const progress = message.progress.value;

  return (
    <details class="hj-tool" data-state={state}>
      <summary>
        <span class="hj-tool-state" role="img" aria-label={label} />
        <span class="hj-tool-name">{tool?.name}</span>
        <span class="hj-tool-preview">{preview(tool?.args)}</span>
        {tool?.duration != null && (
          <span class="hj-tool-duration">{seconds(tool.duration)}</span>
        )}
      </summary>
      <Block title={trans.__('Arguments')} text={readable(tool?.args)} />
      {running && <Block title={trans.__('Progress')} text={progress} />}
      <Block
        title={trans.__('Result')}
        text={readable(tool?.result) || message.text.value}
      />
      <Block title={trans.__('Error')} text={tool?.error ?? ''} />
    </details>
  );
}

function Block(props: { title: string; text: string }): JSX.Element | null {
  if (!props.text) {
    return null;
  }
  return (
    <section class="hj-tool-block">
      <h4>{props.title}</h4>
      <pre tabIndex={0}>{props.text}</pre>
    </section>
  );
}

/** The first text among the arguments says most: a command, a path. */
function preview(args: unknown): string {
  if (typeof args === 'string') {
    return args;
  }
  const values = Object.values((args ?? {}) as Record<string, unknown>);
  return values.find(value => typeof value === 'string') ?? '';
}

function readable(value: unknown): string {
  if (value == null) {
    return '';
  }
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}

function seconds(duration: number): string {
  return duration < 10
    ? `${duration.toFixed(1)} s`
    : `${Math.round(duration)} s`;
}
