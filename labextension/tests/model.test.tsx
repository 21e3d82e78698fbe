// @vitest-environment happy-dom
import { fireEvent, render, screen } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Detail } from '../src/client/api';
import { ChatModel } from '../src/model/chat';
import { PageModel } from '../src/model/page';
import { HostContext } from '../src/ui/host';
import { ModelDisclosure } from '../src/ui/model-disclosure';
import { host } from './fake-host';
import { detail, FakeServer, refuse } from './fake-server';
import { Stage } from './stage';

const MODELS = 'GET models?session_id=c1';
const SWITCH = 'POST sessions/c1/model';

const models = {
  providers: [
    { id: 'near', name: 'Near', models: ['small', 'org/large'] },
    {
      id: 'far',
      name: 'Far',
      models: Array.from({ length: 60 }, (_, n) => `far-${n}`)
    }
  ],
  efforts: ['low', 'high'],
  model: 'small',
  provider: 'near',
  reasoning: 'low'
};

describe('the model of a conversation', () => {
  let server: FakeServer;
  let stage: Stage;
  let chat: ChatModel;

  const show = async (changes: Partial<Detail> = {}) => {
    server.on('GET sessions/c1', () => detail({ model: 'small', ...changes }));
    await chat.open('c1');
    draw();
    fireEvent.click(button('Model: small'));
  };
  const draw = () =>
    render(
      <HostContext.Provider value={host}>
        <ModelDisclosure chat={chat} page={new PageModel(stage.client)} />
      </HostContext.Provider>
    );
  const bodies = () =>
    server.calls.filter(({ call }) => call === SWITCH).map(({ body }) => body);
  const button = (name: string) => screen.getByRole('button', { name });

  beforeEach(() => {
    server = new FakeServer()
      .on(MODELS, () => models)
      .on('GET models', () => models)
      .on('POST sessions', () => detail())
      .on('GET sessions/c1', () => detail())
      .on(SWITCH, body => ({ ...models, note: null, ...(body as object) }));
    stage = new Stage(server);
    ({ chat } = stage);
  });

  it('says that the administrator leaves some out', async () => {
    server.on('GET status', () => ({ policy: { allowed_models: ['near*'] } }));
    await show();
    await screen.findByText(/Set by your administrator/);
  });

  afterEach(() => {
    stage.dispose();
  });

  it('is changed for this conversation, and says so', async () => {
    await show();
    button('Model: small').focus();
    const large = await screen.findByRole('button', { name: 'org/large' });
    expect(document.activeElement).toBe(screen.getByRole('searchbox'));
    expect(screen.getByText('For this conversation only.')).toBeTruthy();
    expect(button('small').getAttribute('aria-pressed')).toBe('true');
    fireEvent.click(large);
    await vi.waitFor(() => expect(button('Model: org/large')).toBeTruthy());
    expect(bodies()).toEqual([{ model: 'org/large', provider: 'near' }]);
    expect(button('Model: org/large').textContent).toBe('large');
    expect(document.activeElement).toBe(button('Model: org/large'));
    expect(screen.queryByRole('group')).toBeNull();
  });

  it('is found among many', async () => {
    await show();
    await screen.findByRole('button', { name: 'far-0' });
    expect(screen.queryByRole('button', { name: 'far-59' })).toBeNull();
    expect(screen.getByText('12 more: search.')).toBeTruthy();
    const search = screen.getByRole('searchbox', { name: 'Search models' });
    fireEvent.input(search, { target: { value: 'FAR 59' } });
    expect(await screen.findByRole('button', { name: 'far-59' })).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'small' })).toBeNull();
    fireEvent.input(search, { target: { value: 'none' } });
    expect(await screen.findByText('No model is called so.')).toBeTruthy();
  });

  it('thinks as hard as is chosen, not as is passed by', async () => {
    await show();
    const low = await screen.findByRole('radio', { name: 'low' });
    const high = screen.getByRole('radio', { name: 'high' });
    expect(low.getAttribute('aria-checked')).toBe('true');
    low.focus();
    fireEvent.keyDown(low, { key: 'ArrowRight' });
    expect(document.activeElement).toBe(high);
    expect(bodies()).toEqual([]);
    fireEvent.click(high);
    await vi.waitFor(() =>
      expect(high.getAttribute('aria-checked')).toBe('true')
    );
    expect(bodies()).toEqual([{ reasoning: 'high' }]);
  });

  it('asks before an expensive one', async () => {
    server.on(SWITCH, body =>
      (body as { confirmed?: boolean }).confirmed
        ? { ...models, model: 'org/large' }
        : refuse(409, { code: 'confirm_expensive', message: 'It costs.' })
    );
    await show();
    fireEvent.click(await screen.findByRole('button', { name: 'org/large' }));
    await vi.waitFor(() =>
      expect(screen.getByRole('alert').textContent).toContain('It costs.')
    );
    expect(chat.conversation.value.model.value).toBe('small');
    fireEvent.click(button('Use it all the same'));
    await vi.waitFor(() => expect(button('Model: org/large')).toBeTruthy());
    expect(bodies().at(-1)).toMatchObject({ confirmed: true });
  });

  it('shows why it was refused', async () => {
    server.on(SWITCH, () => refuse(409, { code: 'busy', message: 'Not now.' }));
    await show();
    fireEvent.click(await screen.findByRole('button', { name: 'org/large' }));
    await vi.waitFor(() =>
      expect(screen.getByRole('alert').textContent).toBe('Not now.')
    );
    expect(button('Model: small')).toBeTruthy();
  });

  it('is not changed while a turn runs', async () => {
    await show({ turn: { turn_id: 't1', state: 'running', origin: 'user' } });
    await screen.findByRole('button', { name: 'org/large' });
    const field = document.querySelector('fieldset');
    expect(field?.disabled).toBe(true);
    expect(screen.getByText(/A turn is running/)).toBeTruthy();
  });

  it('says why there is none to choose, and asks again', async () => {
    server.on(MODELS, () => refuse(503, { code: 'x', message: 'No agent.' }));
    await show();
    await vi.waitFor(() =>
      expect(screen.getByRole('alert').textContent).toBe('No agent.')
    );
    fireEvent.keyDown(screen.getByRole('alert'), { key: 'Escape' });
    await vi.waitFor(() => expect(screen.queryByRole('alert')).toBeNull());
    server.on(MODELS, () => models);
    fireEvent.click(button('Model: small'));
    expect(await screen.findByRole('button', { name: 'small' })).toBeTruthy();
  });

  it('makes a conversation of a draft', async () => {
    draw();
    fireEvent.click(button('Choose a model'));
    fireEvent.click(await screen.findByRole('button', { name: 'small' }));
    await vi.waitFor(() => expect(bodies()).toHaveLength(1));
    expect(chat.id.value).toBe('c1');
  });
});
