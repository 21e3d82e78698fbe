import type { JSX } from 'preact';
import type { Check, CheckState } from '../client/doctor';
import type { Trans } from '../client/page';
import type { DoctorModel } from '../model/doctor';
import { CopyButton } from './copy-button';
import { FailureView, HintView } from './failure-view';
import { useTrans } from './host';

/** What is wrong here and what to do about it, as a list to read and to copy. */
export function DoctorView({ doctor }: { doctor: DoctorModel }): JSX.Element {
  const trans = useTrans();
  const isLooking = doctor.isLooking.value;
  const checks = doctor.checks.value;
  return (
    <section
      class="hj-root hj-doctor"
      aria-label={trans.__('Check of Hermes')}
      aria-busy={isLooking}
    >
      <div class="hj-doctor-head">
        <p role="status" class={isLooking ? 'hj-pulse' : ''}>
          {isLooking
            ? trans.__('Looking at everything; this takes some seconds…')
            : summaryOf(checks, trans)}
        </p>
        <button
          type="button"
          class="hj-button"
          disabled={isLooking}
          onClick={() => void doctor.look()}
        >
          {trans.__('Look again')}
        </button>
        {checks.length > 0 && (
          <CopyButton
            label={trans.__('Copy the report')}
            text={() => doctor.asText()}
          />
        )}
      </div>
      {doctor.error.value && <FailureView failure={doctor.error.value} />}
      <ul class="hj-checks">
        {checks.map(check => (
          <CheckView key={check.id} check={check} />
        ))}
      </ul>
    </section>
  );
}

function CheckView({ check }: { check: Check }): JSX.Element {
  const trans = useTrans();
  const { state, title, reason, fix } = check;
  return (
    <li class="hj-check" data-state={state}>
      <p>
        <strong>{title}</strong>{' '}
        <span class="hj-check-state">{wordOf(state, trans)}</span>
      </p>
      <p>{reason}</p>
      {fix && <HintView hint={fix} />}
    </li>
  );
}

function summaryOf(checks: readonly Check[], trans: Trans): string {
  const wrong = checks.filter(({ state }) => state === 'error').length;
  if (checks.length === 0) {
    return '';
  }
  return wrong === 0
    ? trans.__('Nothing was found that stops Hermes.')
    : trans._n('%1 thing is wrong.', '%1 things are wrong.', wrong, wrong);
}

function wordOf(state: CheckState, trans: Trans): string {
  switch (state) {
    case 'ok':
      return trans.__('fine');
    case 'warning':
      return trans.__('take care');
    case 'error':
      return trans.__('wrong');
    case 'unknown':
      return trans.__('not known');
  }
}
