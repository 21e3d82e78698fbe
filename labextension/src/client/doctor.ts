import type { Hint } from './api';
import { call, type Request } from './calls';
import { parseSse } from './sse';

export type CheckState = 'ok' | 'warning' | 'error' | 'unknown';

/** What was looked at; `fix` is the next step where something is wrong. */
export interface Check {
  id: string;
  title: string;
  state: CheckState;
  reason: string;
  fix?: Hint;
}

export interface Report {
  /** Of the server's half of this package. */
  version: string;
  /** The server's clock, in seconds. */
  at: number;
  checks: Check[];
}

/** One frame of the trial: seconds of the server's clock and of ours. */
export interface Arrival {
  sent: number;
  came: number;
}

/** How a stream of some seconds came through; the last frame follows a silence. */
export interface Trial {
  arrivals: Arrival[];
  /** How many frames there should be. */
  of: number;
  began: number;
  ended: number;
  lastEventId: string | null;
  /** Who stands before the server, as far as it tells; else empty. */
  proxy: string;
}

/** What is sent to see whether it arrives. */
export const TRIAL_ID = 'trial.0';

/** What is wrong, by the server; it loads the agent to find out. */
export function askDoctor(request: Request): Promise<Report> {
  return call(request, 'GET', 'doctor?load=true');
}

/** Installs the agent; the agent's state tells how far it is. */
export function installAgent(request: Request): Promise<unknown> {
  return call(request, 'POST', 'agent/install');
}

/** Opens a stream that lasts some seconds; `now` is our clock, in seconds. */
export async function tryWay(
  request: Request,
  now: () => number = () => performance.now() / 1000
): Promise<Trial> {
  const began = now();
  const response = await request('doctor/trial', {
    headers: { Accept: 'text/event-stream', 'Last-Event-ID': TRIAL_ID }
  });
  if (!response.ok || !response.body) {
    throw new Error(`${response.status} ${response.statusText}`.trim());
  }
  const trial: Trial = {
    arrivals: [],
    of: 0,
    began,
    ended: began,
    lastEventId: null,
    proxy: proxyOf(response.headers)
  };
  try {
    for await (const frame of parseSse(response.body)) {
      const { at, of, last_event_id } = JSON.parse(frame.data) as {
        at: number;
        of: number;
        last_event_id: string | null;
      };
      trial.arrivals.push({ sent: at, came: now() });
      trial.of = of;
      trial.lastEventId = last_event_id;
    }
  } catch (error) {
    // A proxy's way to cut a stream; what came before tells more.
    if (trial.arrivals.length === 0) {
      throw error;
    }
  }
  return { ...trial, ended: now() };
}

/** Jupyter's own server calls itself after Tornado. */
function proxyOf(headers: Headers): string {
  const server = headers.get('Server') ?? '';
  const isOurs = server.startsWith('TornadoServer');
  return headers.get('Via') ?? (isOurs ? '' : server);
}
