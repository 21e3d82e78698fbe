import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { AttachmentName } from '../client/api';
import type { ChatModel } from '../model/chat';
import { FailureView } from './failure-view';
import { useTrans } from './host';
import { saveFile } from './save-file';
import { useSubmission } from './submission';

/** Images of one message that are shown by themselves; the others on demand. */
const MOST_IMAGES = 4;

/** The files that went with a message; each can be saved. */
export function AttachedFiles(props: {
  files: readonly AttachmentName[];
  chat: ChatModel;
}): JSX.Element {
  const { files, chat } = props;
  const trans = useTrans();
  const images = files.filter(isImage).slice(0, MOST_IMAGES);
  return (
    <ul class="hj-attached" aria-label={trans.__('Attached files')}>
      {files.map(file => (
        <AttachedFile
          key={file.name}
          name={file.name}
          isShown={images.includes(file)}
          chat={chat}
        />
      ))}
    </ul>
  );
}

function AttachedFile(props: {
  name: string;
  isShown: boolean;
  chat: ChatModel;
}): JSX.Element {
  const { name, isShown, chat } = props;
  const trans = useTrans();
  const { busy, error, submit } = useSubmission();
  return (
    <li>
      <button
        type="button"
        class="hj-attached-file"
        aria-label={trans.__('Download %1', name)}
        title={trans.__('Download %1', name)}
        disabled={busy.value}
        onClick={() =>
          submit(async () => saveFile(await chat.attachment(name)))
        }
      >
        {isShown && <Thumbnail name={name} chat={chat} />}
        <span class="hj-clipped" dir="auto">
          {name}
        </span>
      </button>
      {error.value && <FailureView failure={error.value} />}
    </li>
  );
}

function Thumbnail(props: {
  name: string;
  chat: ChatModel;
}): JSX.Element | null {
  const { name, chat } = props;
  const url = useSignal('');
  useEffect(() => {
    let isGone = false;
    let made = '';
    chat.attachment(name).then(
      file => {
        if (!isGone) {
          url.value = made = URL.createObjectURL(file);
        }
      },
      // Its name is there, and tells why when it is pressed.
      () => undefined
    );
    return () => {
      isGone = true;
      URL.revokeObjectURL(made);
    };
  }, [name]);
  return url.value ? <img src={url.value} alt="" /> : null;
}

function isImage({ type }: AttachmentName): boolean {
  return type.startsWith('image/');
}
