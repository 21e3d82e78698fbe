import { computed, signal } from '@preact/signals';
import { ApiError, type Hint } from '../client/api';
import type { Request } from '../client/calls';
import {
  askDoctor,
  TRIAL_ID,
  tryWay,
  type Check,
  type CheckState,
  type Report,
  type Trial
} from '../client/doctor';
import type { Trans } from '../client/page';

/** Seconds by which two clocks may differ. */
const CLOCKS = 5;

/** Seconds between a stream's signs of life, as the server has it. */
const PING = 4.5;

const ORDER: readonly CheckState[] = ['error', 'warning', 'unknown', 'ok'];

/** What is wrong here: as the server knows it, and as it is seen by the page. */
export class DoctorModel {
  readonly report = signal<Report | null>(null);
  readonly error = signal<ApiError | null>(null);
  readonly isLooking = signal(false);
  /** What is wrong first, else in the order of looking. */
  readonly checks = computed((): readonly Check[] => {
    const checks = this.report.value?.checks ?? [];
    return [...checks].sort(
      (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state)
    );
  });

  /** `version` is that of the page's half of this package. */
  constructor(
    private readonly request: Request,
    private readonly trans: Trans,
    private readonly version: string
  ) {}

  async look(): Promise<void> {
    if (this.isLooking.value) {
      return;
    }
    this.isLooking.value = true;
    this.error.value = null;
    try {
      const [report, way] = await Promise.all([
        askDoctor(this.request).then(report => ({
          ...report,
          checks: [...report.checks, ...this.ofPage(report)]
        })),
        this.ofWay()
      ]);
      this.report.value = { ...report, checks: [...report.checks, ...way] };
    } catch (thrown) {
      this.error.value = ApiError.from(thrown);
    } finally {
      this.isLooking.value = false;
    }
  }

  /** For a report to others: it holds no secret. */
  asText(): string {
    const { version = '', at = 0 } = this.report.value ?? {};
    const when = new Date(at * 1000).toISOString();
    const lines = this.checks.value.flatMap(({ state, title, reason, fix }) => [
      `${state.padEnd(8)} ${title}: ${reason}`,
      ...[fix?.text, fix?.command]
        .filter(Boolean)
        .map(step => `${' '.repeat(8)} -> ${step}`)
    ]);
    return [
      `hermes-jupyter ${version}, ${when}`,
      navigator.userAgent,
      ...lines
    ].join('\n');
  }

  private ofPage({ version, at }: Report): Check[] {
    return [
      fits(this.version, version, this.trans),
      clocksAgree(at - Date.now() / 1000, this.trans)
    ];
  }

  private async ofWay(): Promise<Check[]> {
    const { trans } = this;
    try {
      const trial = await tryWay(this.request);
      return [streamArrived(trial, trans), cursorArrived(trial, trans)];
    } catch (thrown) {
      const { message } = ApiError.from(thrown);
      const reason = trans.__('It broke off: %1', message);
      return [streamCheck('error', reason, noBuffer(trans), trans)];
    }
  }
}

function fits(page: string, server: string, trans: Trans): Check {
  const isSame = page === server;
  return {
    id: 'page',
    title: trans.__('Page'),
    state: isSame ? 'ok' : 'error',
    reason: isSame
      ? trans.__('It is %1, as the server.', page)
      : trans.__('The page is %1, and the server is %2.', page, server),
    ...(isSame ? {} : { fix: { text: trans.__('Reload the page.') } })
  };
}

/** Whether the server's clock is `ahead` of ours by more than a few seconds. */
export function clocksAgree(ahead: number, trans: Trans): Check {
  const seconds = Math.round(Math.abs(ahead));
  const check = { id: 'clocks', title: trans.__('Clocks') };
  if (seconds <= CLOCKS) {
    const reason = trans.__('The server’s clock and yours agree.');
    return { ...check, state: 'ok', reason };
  }
  const reason =
    ahead > 0
      ? trans.__('The server’s clock is %1 s ahead of yours.', seconds)
      : trans.__('The server’s clock is %1 s behind yours.', seconds);
  const fix = {
    text: trans.__('Let both machines set their clocks by the network.')
  };
  return { ...check, state: 'warning', reason, fix };
}

/** Whether frames came one by one, as they were sent, and after a silence too. */
export function streamArrived(trial: Trial, trans: Trans): Check {
  const { arrivals, of, began, ended, proxy } = trial;
  const who = proxy || trans.__('Something on the way');
  const [first, second] = arrivals;
  const last = arrivals.at(-1);
  if (!first || !second || !last) {
    const reason = trans.__(
      '%1 of %2 frames came: %3 cuts streams off.',
      arrivals.length,
      of,
      who
    );
    return streamCheck('error', reason, keepOpen(trans), trans);
  }
  const ms = Math.round(1000 * (first.came - began));
  const beforeSilence = arrivals[of - 2] ?? last;
  const sending = beforeSilence.sent - first.sent;
  if (beforeSilence.came - first.came < sending / 2) {
    const reason = trans.__(
      '%1 holds streams back: all came at once, after %2 ms.',
      who,
      ms
    );
    return streamCheck('error', reason, noBuffer(trans), trans);
  }
  if (arrivals.length < of) {
    const silent = ended - last.came;
    const reason = trans.__(
      '%1 cuts a stream that is silent for %2 s; a sign of life comes every %3 s.',
      who,
      Math.round(silent),
      PING
    );
    const state = silent < PING ? 'error' : 'warning';
    return streamCheck(state, reason, keepOpen(trans), trans);
  }
  const reason = trans.__(
    'It comes frame by frame, the first after %1 ms.',
    ms
  );
  return streamCheck('ok', reason, null, trans);
}

function noBuffer(trans: Trans): Hint {
  return {
    text: trans.__(
      'Let the proxy hand on at once what it gets (nginx: `proxy_buffering off;`). Until then the panel asks every few seconds instead.'
    )
  };
}

function keepOpen(trans: Trans): Hint {
  return {
    text: trans.__(
      'Let the proxy wait for what is silent for a while (nginx: `proxy_read_timeout 60s;`). Until then pages whose stream is cut come back by themselves and miss nothing.'
    )
  };
}

function streamCheck(
  state: CheckState,
  reason: string,
  fix: Hint | null,
  trans: Trans
): Check {
  const check = { id: 'stream', title: trans.__('Stream'), state, reason };
  return fix ? { ...check, fix } : check;
}

function cursorArrived({ lastEventId }: Trial, trans: Trans): Check {
  const isThere = lastEventId === TRIAL_ID;
  return {
    id: 'last_event_id',
    title: 'Last-Event-ID',
    state: isThere ? 'ok' : 'warning',
    reason: isThere
      ? trans.__('It arrives.')
      : trans.__(
          'It is taken away on the way. The panel says it in the address too: nothing is lost.'
        ),
    ...(isThere
      ? {}
      : {
          fix: {
            text: trans.__(
              'For other programs, let the proxy hand the header on.'
            )
          }
        })
  };
}
