import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { PromptContext } from '../model/context';
import { textOf } from '../model/context';
import { useTrans } from './host';
import { IconButton } from './icon-button';
import { CloseIcon } from './icons';

/** What of notebooks goes with the next prompt: shown in full, and removable. */
export function ContextChips(props: {
  context: PromptContext;
  /** What had the focus is gone. */
  onRemove: () => void;
}): JSX.Element | null {
  const { context, onRemove } = props;
  const trans = useTrans();
  const { chips, notebook, obstacle, size, most } = context;
  const beside = context.offered.value;
  if (chips.value.length === 0 && !beside) {
    return null;
  }
  return (
    <div>
      <ul class="hj-chips" aria-label={trans.__('Context for this prompt')}>
        {beside && (
          <li class="hj-chip">
            {notebook.value ? (
              <>
                <span
                  class="hj-chip-text hj-clipped"
                  title={trans.__(
                    'The agent is told that this conversation is about %1',
                    beside.path
                  )}
                  dir="auto"
                >
                  {beside.name}
                </span>
                <IconButton
                  label={trans.__('Do not tell of %1', beside.name)}
                  onClick={() => {
                    context.setAlone(true);
                    onRemove();
                  }}
                >
                  <CloseIcon />
                </IconButton>
              </>
            ) : (
              <button
                type="button"
                class="hj-link"
                title={trans.__('Tell the agent of %1 again', beside.path)}
                onClick={() => {
                  context.setAlone(false);
                  onRemove();
                }}
              >
                {trans.__('+ %1', beside.name)}
              </button>
            )}
          </li>
        )}
        {chips.value.map(chip => (
          <li class="hj-chip" key={chip.label + chip.kind}>
            <Preview label={chip.label} text={textOf(chip)} />
            <IconButton
              label={trans.__('Remove %1', chip.label)}
              onClick={() => {
                context.remove(chip);
                onRemove();
              }}
            >
              <CloseIcon />
            </IconButton>
          </li>
        ))}
      </ul>
      {obstacle.value && (
        <p class="hj-failure" role="alert">
          {obstacle.value === 'too-many'
            ? trans.__('These are too many cells for one prompt: remove some.')
            : trans.__(
                '%1 of at most %2 characters: remove a cell, or name it in the prompt for the agent to read.',
                size.value.toLocaleString(),
                most.toLocaleString()
              )}
        </p>
      )}
    </div>
  );
}

/** A chip that unfolds to what is sent. */
function Preview(props: { label: string; text: string }): JSX.Element {
  const { label, text } = props;
  const isOpen = useSignal(false);
  return (
    <details
      class="hj-chip-text"
      onToggle={event => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary class="hj-clipped" title={text.slice(0, 2000)} dir="auto">
        {label}
      </summary>
      {isOpen.value && (
        <pre role="group" tabIndex={0} aria-label={label}>
          {text}
        </pre>
      )}
    </details>
  );
}
