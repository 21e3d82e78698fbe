import { useSignal, type ReadonlySignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { ApiError } from '../client/api';

export interface Submission {
  readonly busy: ReadonlySignal<boolean>;
  readonly error: ReadonlySignal<ApiError | null>;
  /** Acts, unless it is already at it: a double click answers once. */
  submit(act: () => Promise<void>): Promise<void>;
}

/** The way of an answer to the server and, if it is refused, back. */
export function useSubmission(): Submission {
  const busy = useSignal(false);
  const error = useSignal<ApiError | null>(null);
  const pressed = useRef<HTMLElement | null>(null);
  useLayoutEffect(() => {
    // What is disabled meanwhile loses the focus; who was not taken elsewhere
    // goes on there.
    if (!busy.value && document.activeElement === document.body) {
      pressed.current?.focus();
    }
  }, [busy.value]);
  const submit = async (act: () => Promise<void>): Promise<void> => {
    if (busy.value) {
      return;
    }
    pressed.current = document.activeElement as HTMLElement | null;
    busy.value = true;
    error.value = null;
    try {
      await act();
    } catch (thrown) {
      error.value = ApiError.from(thrown);
    } finally {
      busy.value = false;
    }
  };
  return { busy, error, submit };
}
