import { batch, computed, signal } from '@preact/signals';
import { ApiError, type AttachmentName } from '../client/api';
import type { HermesClient } from '../client/client';

export type AttachmentState = 'uploading' | 'stored' | 'failed' | 'too-large';

/** A file for the next prompt of a conversation. */
export class Attachment {
  /** That of the file; once it is stored, the one it is stored under. */
  readonly name = signal('');
  readonly state = signal<AttachmentState>('uploading');
  /** The part that has been sent, from 0 to 1; null is "not known". */
  readonly progress = signal<number | null>(null);
  readonly error = signal<ApiError | null>(null);
  type: string;
  upload = new AbortController();

  /** Without a `file`, it is one that was uploaded before. */
  constructor(
    { name, type }: AttachmentName,
    readonly file: File | null = null
  ) {
    this.name.value = name;
    this.type = type;
    this.state.value = file ? 'uploading' : 'stored';
  }
}

/** The files for the next prompt of one conversation, in their order. */
export class Attachments {
  readonly list = signal<readonly Attachment[]>([]);
  /** Why a prompt cannot go yet: none goes without a file that it was to have. */
  readonly obstacle = computed((): 'uploading' | 'failed' | null => {
    const states = this.list.value.map(({ state }) => state.value);
    if (states.every(state => state === 'stored')) {
      return null;
    }
    return states.includes('uploading') ? 'uploading' : 'failed';
  });

  /** One upload at a time: a browser has six connections to a server. */
  private line = Promise.resolve();

  /** `ready` makes the conversation if need be, and answers its id. */
  constructor(
    private readonly client: HermesClient,
    private readonly ready: () => Promise<string>
  ) {}

  dispose(): void {
    this.list.value.forEach(({ upload }) => upload.abort());
  }

  /** Uploads files, those of more than `limit` bytes excepted. */
  add(files: readonly File[], limit = Infinity): void {
    const added = files.map(file => new Attachment(file, file));
    this.list.value = [...this.list.value, ...added];
    for (const one of added) {
      if (one.file!.size > limit) {
        one.state.value = 'too-large';
      } else {
        this.begin(one);
      }
    }
  }

  retry(one: Attachment): void {
    one.upload = new AbortController();
    batch(() => {
      one.state.value = 'uploading';
      one.progress.value = null;
      one.error.value = null;
    });
    this.begin(one);
  }

  remove(one: Attachment): void {
    this.list.value = this.list.value.filter(other => other !== one);
    one.upload.abort();
    if (one.state.value === 'stored') {
      void this.discard(one);
    }
  }

  /** Takes all of them for a prompt. */
  take(): AttachmentName[] {
    const taken = this.list.value;
    this.list.value = [];
    return taken.map(({ name, type }) => ({ name: name.value, type }));
  }

  /** Gives back those of a prompt which was not said. */
  giveBack(files: readonly AttachmentName[]): void {
    const back = files.map(file => new Attachment(file));
    this.list.value = [...back, ...this.list.value];
  }

  private begin(one: Attachment): void {
    this.line = this.line.then(() => this.send(one));
  }

  private async send(one: Attachment): Promise<void> {
    const { signal } = one.upload;
    if (signal.aborted) {
      return;
    }
    try {
      const id = await this.ready();
      const stored = await this.client.attach(id, one.file!, {
        signal,
        onProgress: part => {
          one.progress.value = part;
        }
      });
      batch(() => {
        one.name.value = stored.name;
        one.type = stored.type;
        one.state.value = 'stored';
      });
      if (signal.aborted) {
        await this.discard(one);
      }
    } catch (error) {
      batch(() => {
        one.state.value = 'failed';
        one.error.value = ApiError.from(error);
      });
    }
  }

  /** Deletes it on the server, which else does so itself after some days. */
  private async discard(one: Attachment): Promise<void> {
    try {
      const id = await this.ready();
      await this.client.takeBackAttachment(id, one.name.value);
    } catch {
      // A prompt has it after all, or it is gone, or will be.
    }
  }
}
