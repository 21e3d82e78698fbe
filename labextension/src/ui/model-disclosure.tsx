import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { ApiError, type ModelChange, type Models } from '../client/api';
import type { ChatModel } from '../model/chat';
import type { PageModel } from '../model/page';
import { Disclosure } from './disclosure';
import { FailureView } from './failure-view';
import { useTrans } from './host';
import { useSubmission } from './submission';

/** Models that are shown at once; some providers have hundreds. */
const MOST = 50;

/** The model of the conversation, which opens to those that there are. */
export function ModelDisclosure(props: {
  chat: ChatModel;
  page: PageModel;
}): JSX.Element {
  const { chat, page } = props;
  const trans = useTrans();
  const model = chat.conversation.value.model.value;
  return (
    <Disclosure
      class="hj-model"
      label={model ? trans.__('Model: %1', model) : trans.__('Choose a model')}
      face={model.split('/').at(-1) || trans.__('Model')}
      name={trans.__('Model of this conversation')}
    >
      {close => (
        <>
          {(page.policy.value.allowed_models ??
            page.policy.value.allowed_providers) && (
            <p class="hj-quiet">
              {trans.__('Some are left out. Set by your administrator.')}
            </p>
          )}
          <ModelChoice chat={chat} onDone={close} />
        </>
      )}
    </Disclosure>
  );
}

function ModelChoice(props: {
  chat: ChatModel;
  onDone: () => void;
}): JSX.Element {
  const { chat, onDone } = props;
  const trans = useTrans();
  const models = useSignal<Models | null>(null);
  /** What may be expensive, and is only done if that is meant. */
  const doubtful = useSignal<ModelChange | null>(null);
  const { error, submit } = useSubmission();
  const isRunning = chat.conversation.value.running.value !== null;

  useEffect(() => {
    void submit(async () => {
      models.value = await chat.models();
    });
  }, []);

  const change = (wanted: ModelChange): void => {
    doubtful.value = null;
    void submit(async () => {
      try {
        const chosen = await chat.switchModel(wanted);
        models.value = { ...models.value!, ...chosen };
        if (wanted.model) {
          onDone();
        }
      } catch (thrown) {
        if (ApiError.from(thrown).code === 'confirm_expensive') {
          doubtful.value = wanted;
        }
        throw thrown;
      }
    });
  };

  return (
    <>
      <p class="hj-quiet">
        {isRunning
          ? trans.__('A turn is running: change the model when it is over.')
          : trans.__('For this conversation only.')}
      </p>
      {error.value && doubtful.value === null && (
        <FailureView failure={error.value} />
      )}
      {error.value && doubtful.value && (
        <div class="hj-failure" role="alert">
          <p>{error.value.message}</p>
          <button
            type="button"
            class="hj-button"
            onClick={() => change({ ...doubtful.value!, confirmed: true })}
          >
            {trans.__('Use it all the same')}
          </button>
        </div>
      )}
      {models.value ? (
        <fieldset class="hj-field" disabled={isRunning}>
          <ModelList models={models.value} onChange={change} />
          <Efforts models={models.value} onChange={change} />
        </fieldset>
      ) : (
        !error.value && (
          <p role="status">{trans.__('Asking for the models…')}</p>
        )
      )}
    </>
  );
}

interface ChoiceProps {
  models: Models;
  onChange: (change: ModelChange) => void;
}

function ModelList({ models, onChange }: ChoiceProps): JSX.Element {
  const trans = useTrans();
  const text = useSignal('');
  const search = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    // Who opened it goes on here, if they have not gone elsewhere meanwhile.
    const box = search.current!.closest('.hj-model-box');
    if (box?.contains(document.activeElement)) {
      search.current!.focus();
    }
  }, []);
  const words = text.value.toLowerCase().split(/\s+/);
  let room = MOST;
  const fitting = models.providers.map(provider => {
    const names = provider.models.filter(model => {
      const name = `${provider.name} ${model}`.toLowerCase();
      return words.every(word => name.includes(word));
    });
    const shown = names.slice(0, room);
    room -= shown.length;
    return { ...provider, models: shown, more: names.length - shown.length };
  });
  const more = fitting.reduce((sum, provider) => sum + provider.more, 0);
  return (
    <>
      <input
        ref={search}
        type="search"
        class="hj-text"
        aria-label={trans.__('Search models')}
        placeholder={trans.__('Search models')}
        value={text.value}
        onInput={event => {
          text.value = event.currentTarget.value;
        }}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            // It would send the prompt that is being written.
            event.preventDefault();
          }
        }}
      />
      <div class="hj-models">
        {fitting
          .filter(provider => provider.models.length > 0)
          .map(provider => (
            <div key={provider.id} role="group" aria-label={provider.name}>
              <p class="hj-quiet">{provider.name}</p>
              {provider.models.map(model => (
                <button
                  type="button"
                  key={model}
                  class="hj-menu-item"
                  aria-pressed={
                    model === models.model &&
                    (models.provider ?? provider.id) === provider.id
                  }
                  onClick={() => onChange({ model, provider: provider.id })}
                >
                  {model}
                </button>
              ))}
            </div>
          ))}
        {room === MOST && (
          <p class="hj-quiet">{trans.__('No model is called so.')}</p>
        )}
        {more > 0 && (
          <p class="hj-quiet">
            {trans._n('%1 more: search for it.', '%1 more: search.', more)}
          </p>
        )}
      </div>
    </>
  );
}

/** Not radio buttons: those would change with every arrow key that passes. */
function Efforts({ models, onChange }: ChoiceProps): JSX.Element | null {
  const trans = useTrans();
  if (models.efforts.length === 0) {
    return null;
  }
  const step = (event: KeyboardEvent): void => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[
      event.key
    ];
    if (by) {
      event.preventDefault();
      const group = event.currentTarget as HTMLElement;
      const radios = [...group.querySelectorAll<HTMLElement>('[role="radio"]')];
      const at = radios.indexOf(document.activeElement as HTMLElement) + by;
      radios.at(at % radios.length)?.focus();
    }
  };
  return (
    <div
      class="hj-efforts"
      role="radiogroup"
      aria-label={trans.__('Reasoning effort')}
      onKeyDown={step}
    >
      <p class="hj-quiet">{trans.__('Reasoning effort')}</p>
      {models.efforts.map(effort => (
        <button
          type="button"
          role="radio"
          key={effort}
          class="hj-button hj-toggle"
          aria-checked={effort === models.reasoning}
          onClick={() => onChange({ reasoning: effort })}
        >
          {effort}
        </button>
      ))}
    </div>
  );
}
