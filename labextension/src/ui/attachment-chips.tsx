import type { JSX } from 'preact';
import type { Trans } from '../client/page';
import type { Attachment, Attachments } from '../model/attachments';
import { FailureView } from './failure-view';
import { useTrans } from './host';
import { CloseIcon } from './icons';

/** The files for the next prompt. */
export function AttachmentChips(props: {
  attachments: Attachments;
  /** Bytes of the largest file, where it is known. */
  limit: number | undefined;
  /** What had the focus is gone. */
  onRemove: () => void;
}): JSX.Element | null {
  const { attachments, limit, onRemove } = props;
  const trans = useTrans();
  const files = attachments.list.value;
  if (files.length === 0) {
    return null;
  }
  return (
    <ul class="hj-chips" aria-label={trans.__('Files for this prompt')}>
      {files.map((file, place) => (
        <li key={place} class="hj-chip">
          <Chip file={file} limit={limit} />
          {file.state.value === 'failed' && (
            <button
              type="button"
              class="hj-button"
              onClick={() => attachments.retry(file)}
            >
              {trans.__('Retry')}
            </button>
          )}
          <button
            type="button"
            class="hj-icon-button"
            aria-label={trans.__('Remove %1', file.name.value)}
            title={trans.__('Remove')}
            onClick={() => {
              attachments.remove(file);
              onRemove();
            }}
          >
            <CloseIcon />
          </button>
        </li>
      ))}
    </ul>
  );
}

function Chip(props: {
  file: Attachment;
  limit: number | undefined;
}): JSX.Element {
  const { file, limit } = props;
  const trans = useTrans();
  const name = file.name.value;
  return (
    <div class="hj-chip-text">
      <span title={name} dir="auto">
        {name}
      </span>{' '}
      <State file={file} />
      {file.error.value && <FailureView failure={file.error.value} />}
      {file.state.value === 'too-large' && limit !== undefined && (
        <FailureView
          failure={{
            message: trans.__(
              'It is too large: at most %1 can be attached.',
              sizeOf(limit, trans)
            ),
            hint: {
              text: trans.__(
                'Put it into the folder of the agent and name it in the prompt.'
              )
            }
          }}
        />
      )}
    </div>
  );
}

function State({ file }: { file: Attachment }): JSX.Element {
  const trans = useTrans();
  if (file.state.value === 'uploading') {
    const part = file.progress.value;
    const percent = part === null ? undefined : Math.round(part * 100);
    return (
      <span
        class="hj-quiet"
        role="progressbar"
        aria-label={trans.__('Upload of %1', file.name.value)}
        aria-valuenow={percent}
      >
        {percent === undefined
          ? trans.__('Uploading…')
          : trans.__('Uploading… %1 %', percent)}
      </span>
    );
  }
  return (
    <span class="hj-quiet">{file.file && sizeOf(file.file.size, trans)}</span>
  );
}

function sizeOf(bytes: number, trans: Trans): string {
  const short = (size: number): string =>
    size.toLocaleString(undefined, { maximumSignificantDigits: 3 });
  const kilobytes = bytes / 1024;
  if (kilobytes < 1) {
    return trans._n('%1 byte', '%1 bytes', bytes);
  }
  return kilobytes < 1024
    ? trans.__('%1 KB', short(kilobytes))
    : trans.__('%1 MB', short(kilobytes / 1024));
}
