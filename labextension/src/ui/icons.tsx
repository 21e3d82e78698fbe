import type { JSX } from 'preact';

function icon(path: string) {
  return (): JSX.Element => (
    <svg class="hj-icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

export const BackIcon = icon('M9.5 3.5 5 8l4.5 4.5');
export const ListIcon = icon('M2.5 4h11M2.5 8h11M2.5 12h7');
export const NewIcon = icon('M8 3v10M3 8h10');
export const SendIcon = icon('M8 13V3.5M3.8 7.5 8 3.3l4.2 4.2');
export const StopIcon = icon('M4.5 4.5h7v7h-7z');
export const MoreIcon = icon('M3.5 8h.01M8 8h.01M12.5 8h.01');
export const PinIcon = icon('M5.5 2.5h5M6 2.5v4l-2 2.5h8l-2-2.5v-4M8 9v4.5');
export const DownIcon = icon('M8 3v9.5M3.8 8.5 8 12.7l4.2-4.2');
export const UpIcon = icon('M4 10l4-4 4 4');
export const ClipIcon = icon(
  'M13.3 7.4 8 12.7a3.3 3.3 0 0 1-4.7-4.7l5.4-5.4a2.2 2.2 0 0 1 3.1 3.1L6.5 11'
);
export const CloseIcon = icon('M4.5 4.5l7 7M11.5 4.5l-7 7');
export const CopyIcon = icon('M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3');
export const CheckIcon = icon('M3 8.5l3.5 3.5L13 4.5');
export const EditIcon = icon('M3 13l.7-2.8 7-7 2.1 2.1-7 7zM9.5 4.4l2.1 2.1');
export const UndoIcon = icon('M5.5 3 2.5 6l3 3M2.5 6H10a3.5 3.5 0 0 1 0 7H6');
export const AboveIcon = icon('M2.5 9.5h11v4h-11zM8 7V2M5.5 4.3 8 1.8l2.5 2.5');
export const BelowIcon = icon(
  'M2.5 2.5h11v4h-11zM8 9v5M5.5 11.7 8 14.2l2.5-2.5'
);
export const CellsIcon = icon(
  'M2.5 2.5h11v4h-11zM2.5 9.5h7v4h-7zM13 9v5M10.8 11.5h4.4'
);
export const ReplaceIcon = icon(
  'M2.5 3h7M2.5 6h5M13 5v4.5H5.5M7.8 7.2 5.5 9.5l2.3 2.3M10 13h3.5'
);
