import { useSignal, type ReadonlySignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/**
 * Takes the files that are dropped on `zone`, and tells while some are held
 * over it. All else that is dragged there is left to the host.
 */
export function useFileDrop(
  zone: RefObject<HTMLElement>,
  onFiles: ((files: File[]) => void) | null
): ReadonlySignal<boolean> {
  const isOver = useSignal(false);
  const take = useRef(onFiles);
  take.current = onFiles;
  const takesFiles = onFiles !== null;
  useEffect(() => {
    const node = zone.current;
    if (!node || !takesFiles) {
      return;
    }
    const hold = (event: DragEvent): void => {
      if (event.dataTransfer?.types.includes('Files')) {
        event.preventDefault();
        event.stopPropagation();
        isOver.value = true;
      }
    };
    const leave = (event: DragEvent): void => {
      const to = event.relatedTarget;
      isOver.value = to instanceof Node && node.contains(to);
    };
    const drop = (event: DragEvent): void => {
      isOver.value = false;
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) {
        event.preventDefault();
        event.stopPropagation();
        take.current?.(files);
      }
    };
    node.addEventListener('dragenter', hold);
    node.addEventListener('dragover', hold);
    node.addEventListener('dragleave', leave);
    node.addEventListener('drop', drop);
    return () => {
      isOver.value = false;
      node.removeEventListener('dragenter', hold);
      node.removeEventListener('dragover', hold);
      node.removeEventListener('dragleave', leave);
      node.removeEventListener('drop', drop);
    };
  }, [takesFiles]);
  return isOver;
}

/**
 * The files of a paste. What an office program copies is text, and comes with
 * a picture of it, which nobody means.
 */
export function pastedFiles({ clipboardData }: ClipboardEvent): File[] {
  const types = clipboardData?.types ?? [];
  const isText = types.includes('text/plain') && types.includes('text/html');
  return isText ? [] : [...(clipboardData?.files ?? [])];
}
