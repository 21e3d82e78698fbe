import type { JSX } from 'preact';
import type { Gauge } from '../client/api';
import type { Trans } from '../client/page';
import { levelOf, percentOf } from '../model/gauge';
import { useTrans } from './host';

/** How full the context of the model is; "–" where that is not known. */
export function GaugeRing({ gauge }: { gauge: Gauge | null }): JSX.Element {
  const trans = useTrans();
  const percent = percentOf(gauge);
  const text = describe(gauge, trans);
  const role: JSX.HTMLAttributes<HTMLSpanElement> =
    percent === null
      ? // A meter must have a value.
        { role: 'img', 'aria-label': text }
      : {
          role: 'meter',
          'aria-label': trans.__('Context'),
          'aria-valuemin': 0,
          'aria-valuemax': 100,
          'aria-valuenow': Math.min(percent, 100),
          'aria-valuetext': text
        };
  return (
    <span class="hj-gauge" {...role} title={text} data-level={levelOf(gauge)}>
      <svg viewBox="0 0 20 20" aria-hidden="true">
        <circle class="hj-gauge-track" cx="10" cy="10" r="8" />
        <circle
          class="hj-gauge-fill"
          cx="10"
          cy="10"
          r="8"
          pathLength={100}
          stroke-dasharray={`${Math.min(percent ?? 0, 100)} 100`}
        />
        {gauge?.max && gauge.threshold && (
          <circle
            class="hj-gauge-tick"
            cx="10"
            cy="10"
            r="8"
            pathLength={100}
            stroke-dasharray="3 97"
            stroke-dashoffset={(-100 * gauge.threshold) / gauge.max}
          />
        )}
      </svg>
      <span class="hj-gauge-text">
        {percent === null ? '–' : `${gauge?.estimate ? '~' : ''}${percent}%`}
        {percent !== null && percent > 100 && ` ${trans.__('exceeded')}`}
      </span>
    </span>
  );
}

/** The numbers of a gauge, in one line. */
export function describe(gauge: Gauge | null, trans: Trans): string {
  const percent = percentOf(gauge);
  if (gauge === null || percent === null) {
    return trans.__('Context: not known yet');
  }
  const used = gauge.used?.toLocaleString();
  const max = gauge.max?.toLocaleString();
  const parts = [trans.__('Context: %1 of %2 tokens', used, max)];
  if (percent > 100) {
    parts.push(trans.__('exceeded'));
  } else if (levelOf(gauge) === 'high') {
    parts.push(trans.__('nearly full'));
  }
  if (gauge.threshold) {
    parts.push(trans.__('compacts at %1', gauge.threshold.toLocaleString()));
  }
  if (gauge.estimate) {
    parts.push(trans.__('estimated'));
  }
  if (gauge.max_source === 'generic') {
    parts.push(trans.__('the size of the window is a guess'));
  }
  if (gauge.cost_usd != null) {
    parts.push(`$${gauge.cost_usd.toFixed(4)}`);
  }
  return parts.join(' · ');
}
