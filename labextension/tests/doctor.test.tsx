// @vitest-environment happy-dom
import {
  cleanup,
  fireEvent,
  render,
  screen,
  within
} from '@testing-library/preact';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Hint } from '../src/client/api';
import type { Trial } from '../src/client/doctor';
import { clocksAgree, DoctorModel, streamArrived } from '../src/model/doctor';
import { DoctorView } from '../src/ui/doctor';
import { HostContext } from '../src/ui/host';
import { host } from './fake-host';
import { FakeServer, refuse } from './fake-server';

const { trans } = host;

const frames = (echo: string | null) =>
  [1, 2, 3]
    .map(n => ({ n, of: 3, at: 1, last_event_id: echo }))
    .map(data => `event: trial\ndata: ${JSON.stringify(data)}\n\n`)
    .join('');

function fakeServer(echo: string | null = 'trial.0'): FakeServer {
  return new FakeServer()
    .on('GET doctor?load=true', () => ({
      version: '1.2.3',
      at: Date.now() / 1000,
      checks: [
        { id: 'home', title: 'Hermes home', state: 'ok', reason: 'Yours.' },
        {
          id: 'model',
          title: 'Model',
          state: 'error',
          reason: 'There is none.',
          fix: { text: 'Choose one.', action: 'set-up-model' }
        }
      ]
    }))
    .on('undefined doctor/trial', () => new Response(frames(echo)));
}

describe('the doctor', () => {
  afterEach(() => {
    cleanup();
  });

  it('puts what is wrong first, with its next step', async () => {
    const doctor = new DoctorModel(fakeServer().request, trans, '1.2.3');
    const perform = vi.fn<(hint: Hint) => void>();
    render(
      <HostContext.Provider value={{ ...host, perform }}>
        <DoctorView doctor={doctor} />
      </HostContext.Provider>
    );
    fireEvent.click(screen.getByRole('button', { name: 'Look again' }));
    expect(screen.getByRole('status').textContent).toContain('Looking');
    await screen.findByText('1 thing is wrong.');
    const [first, ...others] = screen.getAllByRole('listitem');
    expect(first!.textContent).toContain('There is none.');
    expect(others).toHaveLength(5);
    fireEvent.click(within(first!).getByRole('button'));
    expect(perform.mock.lastCall?.[0].action).toBe('set-up-model');
    const text = doctor.asText();
    expect(text).toContain('error    Model: There is none.');
    expect(text).toContain('-> Choose one.');
  });

  it('sees an old page and a header that does not arrive', async () => {
    const doctor = new DoctorModel(fakeServer(null).request, trans, '1.2.2');
    await doctor.look();
    const states = new Map(
      doctor.checks.value.map(({ id, state }) => [id, state])
    );
    expect(states.get('page')).toBe('error');
    expect(states.get('last_event_id')).toBe('warning');
  });

  it('says what refuses it, and can look again', async () => {
    const server = fakeServer();
    const answer = server.answers.get('GET doctor?load=true')!;
    server.on('GET doctor?load=true', () =>
      refuse(403, { code: 'forbidden', message: 'Not yours.' })
    );
    const doctor = new DoctorModel(server.request, trans, '1.2.3');
    await doctor.look();
    expect(doctor.error.value?.message).toBe('Not yours.');
    server.on('GET doctor?load=true', answer);
    await doctor.look();
    expect(doctor.error.value).toBeNull();
    expect(doctor.checks.value).toHaveLength(6);
  });

  it('tells a stream that is held back from one that is late', () => {
    const trial = (came: number[], changes: Partial<Trial> = {}): Trial => ({
      arrivals: came.map((time, n) => ({ sent: n / 5, came: time })),
      of: came.length,
      began: 0,
      ended: 0,
      lastEventId: null,
      proxy: '',
      ...changes
    });
    const said = (one: Trial) => streamArrived(one, trans);
    expect(said(trial([2, 2.2, 2.4])).state).toBe('ok');
    const held = said(trial([0.4, 0.4, 0.41], { proxy: 'nginx/1.27' }));
    expect(held.state).toBe('error');
    expect(held.reason).toContain('nginx/1.27 holds streams back');
    // The last one follows a silence, which a proxy's patience may not outlast.
    expect(said(trial([0.4, 0.4, 0.4, 6])).reason).toContain('holds');
    const cut = (ended: number) => said(trial([0, 0.2, 0.4], { of: 4, ended }));
    expect(cut(2.4).state).toBe('error');
    expect(cut(2.4).reason).toContain('silent for 2 s');
    expect(cut(5.4).state).toBe('warning');
    expect(cut(5.4).fix?.text).toContain('proxy_read_timeout');
    expect(said(trial([0], { of: 4 })).reason).toContain('1 of 4');
    expect(said(trial([])).state).toBe('error');
  });

  it('compares clocks, give or take a few seconds', () => {
    expect(clocksAgree(-3, trans).state).toBe('ok');
    expect(clocksAgree(60, trans).reason).toContain('60 s ahead');
    expect(clocksAgree(-60, trans).reason).toContain('60 s behind');
  });
});
