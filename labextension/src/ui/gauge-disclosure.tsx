import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Gauge } from '../client/api';
import type { Trans } from '../client/page';
import type { ChatModel } from '../model/chat';
import { levelOf, percentOf } from '../model/gauge';
import { Disclosure } from './disclosure';
import { FailureView } from './failure-view';
import { describe, GaugeRing } from './gauge';
import { useTrans } from './host';
import { useSubmission } from './submission';

/** The ring, which opens to its numbers and to what can be done. */
export function GaugeDisclosure({ chat }: { chat: ChatModel }): JSX.Element {
  const trans = useTrans();
  const conversation = chat.conversation.value;
  const gauge = conversation.gauge.value;
  return (
    <Disclosure
      class="hj-gauge"
      label={trans.__('About the context')}
      title={describe(gauge, trans)}
      // The button lies over the ring: a meter in a button is not told.
      beside={<GaugeRing gauge={gauge} />}
      name={trans.__('Context of the model')}
    >
      {close => (
        <>
          <GaugeDetails gauge={gauge} />
          {conversation.can('compress') && (
            <CompactNow chat={chat} onDone={close} />
          )}
        </>
      )}
    </Disclosure>
  );
}

function GaugeDetails({ gauge }: { gauge: Gauge | null }): JSX.Element {
  const trans = useTrans();
  const percent = percentOf(gauge);
  if (gauge === null || percent === null) {
    return (
      <p>{trans.__('How full it is will be known after the first answer.')}</p>
    );
  }
  const { used, max, threshold, compactions, cost_usd } = gauge;
  return (
    <>
      <p>
        {trans.__('%1 of %2 tokens (%3%)', tokens(used), tokens(max), percent)}
      </p>
      {gauge.estimate && (
        <p class="hj-quiet">
          {trans.__('An estimate until the next request.')}
        </p>
      )}
      <Advice gauge={gauge} />
      <dl class="hj-facts">
        <dt>{trans.__('Window')}</dt>
        <dd>{sourceOf(gauge, trans)}</dd>
        {threshold != null && (
          <>
            <dt>{trans.__('Compacts at')}</dt>
            <dd>{trans.__('%1 tokens', tokens(threshold))}</dd>
          </>
        )}
        <dt>{trans.__('Compactions')}</dt>
        <dd>{compactions}</dd>
        {cost_usd != null && (
          <>
            <dt>{trans.__('Cost')}</dt>
            <dd>${cost_usd.toFixed(4)}</dd>
          </>
        )}
      </dl>
    </>
  );
}

function Advice({ gauge }: { gauge: Gauge }): JSX.Element | null {
  const trans = useTrans();
  switch (levelOf(gauge)) {
    case 'exceeded':
      return (
        <p class="hj-notice" data-level="error">
          {trans.__(
            'The context is exceeded: the next request may fail. Compact it now.'
          )}
        </p>
      );
    case 'high':
      return (
        <p class="hj-notice" data-level="warning">
          {trans.__(
            'The context is nearly full. Compact it now to choose what is kept.'
          )}
        </p>
      );
    default:
      return null;
  }
}

function CompactNow(props: {
  chat: ChatModel;
  onDone: () => void;
}): JSX.Element {
  const { chat, onDone } = props;
  const trans = useTrans();
  const focus = useSignal('');
  const { busy, error, submit } = useSubmission();
  const conversation = chat.conversation.value;
  const reason = conversation.running.value
    ? trans.__('A turn is running: compact when it is over.')
    : conversation.isEmpty.value
      ? trans.__('There is nothing to compact yet.')
      : '';
  // Not a form: it stands in that of the composer.
  const compact = (): void => {
    void submit(async () => {
      await chat.compress(focus.value);
      onDone();
    });
  };
  return (
    <fieldset class="hj-field" disabled={busy.value || reason !== ''}>
      <label class="hj-field">
        {trans.__('Keep above all (optional)')}
        <input
          class="hj-text"
          dir="auto"
          value={focus.value}
          onInput={event => {
            focus.value = event.currentTarget.value;
          }}
          onKeyDown={event => {
            if (event.key === 'Enter') {
              // It would send the prompt that is being written.
              event.preventDefault();
            }
          }}
        />
      </label>
      <button type="button" class="hj-button" onClick={compact}>
        {trans.__('Compact now')}
      </button>
      {reason && <p class="hj-quiet">{reason}</p>}
      {error.value && <FailureView failure={error.value} />}
    </fieldset>
  );
}

function tokens(count: number | null | undefined): string {
  return count?.toLocaleString() ?? '–';
}

function sourceOf({ max_source }: Gauge, trans: Trans): string {
  switch (max_source) {
    case 'configured':
      return trans.__('as configured');
    case 'probed':
      return trans.__('as the provider says');
    case 'catalogue':
      return trans.__('from the catalogue of models');
    case 'generic':
      return trans.__('a guess: the model is not known');
    default:
      return trans.__('not known');
  }
}
