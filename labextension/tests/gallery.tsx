/**
 * The states of the panel that a real server shows rarely or not for long, for
 * a page that takes pictures of them. The components are the real ones.
 */
import { signal } from '@preact/signals';
import { render, type JSX } from 'preact';
import type { Detail, Gauge, Message, Question } from '../src/client/api';
import { HermesClient } from '../src/client/client';
import type { Change } from '../src/client/notebooks';
import { Changes } from '../src/model/changes';
import { ChatModel } from '../src/model/chat';
import { PromptContext } from '../src/model/context';
import { PageModel } from '../src/model/page';
import { SessionsModel } from '../src/model/sessions';
import { Chat } from '../src/ui/chat';
import { HostContext, type Host } from '../src/ui/host';
import { notebookParts } from '../src/ui/notebook-parts';
import { renderMarkdown } from '../src/widget/markdown';
import { host } from './fake-host';
import {
  detail,
  FakeServer,
  listed,
  MemoryStorage,
  question,
  refuse
} from './fake-server';

const NOW = Date.now() / 1000;

const said = (
  id: string,
  role: Message['role'],
  text: string,
  changes: Partial<Message> = {}
): Message => ({ id, role, text, at: NOW, status: 'complete', ...changes });

const tool = (
  id: string,
  status: Message['status'],
  changes: Partial<NonNullable<Message['tool']>>
): Message =>
  said(id, 'tool', '', {
    status,
    tool: { id, name: 'terminal', duration: 0.4, ...changes }
  });

const PROMPT = said('m1', 'user', 'Which of the two files is the newer one?', {
  turn_id: 't1'
});
const ANSWER = said(
  'm2',
  'assistant',
  'The newer one is `measurements-2026-11.csv`: it has **twelve** more rows.',
  { turn_id: 't1' }
);
const TALK = [PROMPT, ANSWER];
const RUNNING: Detail['turn'] = {
  turn_id: 't1',
  state: 'running',
  origin: 'user',
  text: PROMPT.text
};

const DIFF = `--- a/clean.py
+++ b/clean.py
@@ -1,3 +1,3 @@
 import pandas as pd
-frame = pd.read_csv("measurements.csv")
+frame = pd.read_csv("measurements.csv", parse_dates=["taken_at"])
 frame.head()`;

const CHOICES: Question['choices'] = [
  { id: 'once', label: 'Allow once', kind: 'allow', scope: 'once' },
  {
    id: 'session',
    label: 'Allow in this conversation',
    kind: 'allow',
    scope: 'session'
  },
  { id: 'always', label: 'Always allow', kind: 'allow', scope: 'always' },
  { id: 'deny', label: 'Deny', kind: 'deny', scope: 'once' }
];

const approval = (changes: Partial<Question> = {}): Question =>
  question({
    kind: 'approval',
    questions: [],
    command: 'rm -r build && python -m build --wheel --outdir build/wheels .',
    description: 'Deletes a folder with all that is in it.',
    choices: CHOICES,
    deadline: NOW + 1700,
    ...changes
  });

const outcome = (id: string, changes: Partial<Question>): Message =>
  said(id, 'notice', '', {
    question: question({ id, state: 'answered', answer: 'csv', ...changes })
  });

const gauge = (used: number | null, changes: Partial<Gauge> = {}): Gauge => ({
  used,
  max: 131_072,
  max_source: 'probed',
  threshold: 98_304,
  estimate: false,
  compactions: 0,
  cost_usd: 0.0213,
  ...changes
});

const change = (changes: Partial<Change>): Change => ({
  path: 'work/analysis.ipynb',
  cell_id: 'c1',
  op: 'replace',
  before: 'frame = pd.read_csv("a.csv")\nframe.head()',
  after: 'frame = pd.read_csv("b.csv")\nframe.head()',
  cell_type: 'code',
  state: 'done',
  ...changes
});

const row = (id: string, changes: Partial<Detail>): Detail =>
  detail({ id, tip_id: id, source: 'jupyter', message_count: 4, ...changes });

const ROWS = [
  row('c1', {
    title: 'Cleaning the measurements of November',
    last_active: NOW - 40,
    pinned: true
  }),
  row('r2', {
    title: 'Why does the wheel not build?',
    last_active: NOW - 300,
    state: 'waiting',
    attention: { clarify: 0, approval: 1 },
    unread: true
  }),
  row('r3', {
    title: 'Donaudampfschifffahrtsgesellschaftskapitän',
    last_active: NOW - 4000,
    state: 'running',
    subagent_count: 3
  }),
  row('r4', {
    title: 'The same, with parquet',
    relation: 'branch',
    parent_id: 'r3',
    last_active: NOW - 5000
  }),
  row('r5', {
    title: 'Summarise what was said in the group',
    source: 'telegram',
    source_label: 'Telegram',
    last_active: NOW - 90_000,
    segment_count: 4
  }),
  row('r6', {
    title: null,
    preview: 'How do I plot two columns against each other?',
    last_active: NOW - 900_000,
    state: 'error'
  }),
  row('r7', {
    title: 'Written by another program',
    source: 'cli',
    source_label: 'CLI',
    last_active: NOW - 9_000_000,
    capabilities: []
  })
];

const NO_AGENT = {
  message: '/home/ada/.venv/bin/python has no usable hermes-agent.',
  hint: {
    text: 'Install it into an environment of its own; yours is not touched.',
    command: 'jupyter hermes agent install',
    action: 'install-agent' as const
  }
};

const NO_MODEL = {
  code: 'model_not_configured',
  message: 'No model is configured: no provider was found.',
  hint: {
    text: 'Choose a provider and a model in a terminal, then send your prompt again.',
    command: 'hermes model',
    action: 'set-up-model' as const,
    tour: 'jupyter hermes tour'
  }
};

/** One panel, and the server that it speaks to. */
class Scene {
  readonly server = new FakeServer();
  readonly client = new HermesClient(this.server.request);
  readonly notebook = signal<{ path: string; name: string } | null>(null);
  readonly chat = new ChatModel(this.client, {
    name: 'sidebar',
    storage: new MemoryStorage(),
    place: () => ({}),
    context: keep =>
      new PromptContext({ notebook: this.notebook, cells: () => [] }, keep)
  });
  readonly sessions = new SessionsModel(this.client);
  page!: PageModel;

  constructor(
    readonly node: HTMLElement,
    private readonly trans: Host['trans']
  ) {
    this.status({});
    this.server
      .on('GET questions', () => ({ questions: [] }))
      .on('GET sessions?limit=50', () => listed(ROWS, this.sources))
      .on('GET sessions/c1/changes', () => ({ turns: [] }));
  }

  private readonly sources = {
    sources: [
      { source: 'jupyter', label: 'Jupyter', count: 5 },
      { source: 'telegram', label: 'Telegram', count: 1 }
    ]
  };

  status(changes: object): void {
    this.server.on('GET status', () => ({
      version: '0.1.0',
      agent: { state: 'ready' },
      epoch: 'e1',
      can: ['read', 'write', 'execute'],
      drivers: [],
      max_upload: 1e9,
      cwd: '/home/ada/notes',
      ...changes
    }));
  }

  async open(changes: Partial<Detail>): Promise<void> {
    const shown = detail({
      title: 'Cleaning the measurements of November',
      model: 'anthropic/claude-opus-4.6',
      context: gauge(13_200),
      messages: TALK,
      ...changes
    });
    this.server.on('GET sessions/c1', () => shown);
    await this.chat.open('c1');
  }

  draw(): void {
    this.page = new PageModel(this.client);
    this.put(
      <Chat chat={this.chat} page={this.page} sessions={this.sessions} />
    );
  }

  put(child: JSX.Element): void {
    const around: Host = {
      ...host,
      trans: this.trans,
      renderMarkdown,
      parts: notebookParts(new Changes(this.client)),
      notebook: {
        name: signal('analysis.ipynb'),
        insert: () => undefined,
        insertAnswer: () => undefined,
        show: () => undefined
      },
      check: () => undefined
    };
    render(
      <HostContext.Provider value={around}>{child}</HostContext.Provider>,
      this.node
    );
  }

  /** Presses what has a name that begins so, when it is there. */
  async press(name: string): Promise<void> {
    const button = await until(() =>
      [...this.node.querySelectorAll<HTMLElement>('button, summary')].find(
        one =>
          (one.getAttribute('aria-label') ?? one.textContent ?? '').startsWith(
            name
          )
      )
    );
    button.click();
  }

  dispose(): void {
    render(null, this.node);
    this.chat.dispose();
    this.sessions.dispose();
    this.page?.dispose();
    this.client.dispose();
  }
}

async function until<Value>(look: () => Value | undefined): Promise<Value> {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = look();
    if (found) {
      return found;
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  throw new Error(`Not found: ${look}`);
}

/** A conversation as it is. */
const as =
  (changes: Partial<Detail>, ...presses: string[]) =>
  async (scene: Scene): Promise<void> => {
    await scene.open(changes);
    scene.draw();
    for (const name of presses) {
      await scene.press(name);
    }
  };

const asking = (...questions: Question[]) =>
  as({ messages: [PROMPT], turn: RUNNING, state: 'waiting', questions });

/** A new chat on a server that is so. */
const fresh =
  (status: object) =>
  async (scene: Scene): Promise<void> => {
    scene.status(status);
    scene.draw();
  };

const failing =
  (changes: Partial<Question>, ...presses: string[]) =>
  async (scene: Scene): Promise<void> => {
    scene.server.on('POST questions/q1/answer', () =>
      refuse(503, {
        code: 'agent_unavailable',
        message: 'The agent did not take the answer.',
        hint: { text: 'Start it again.', action: 'restart-agent' }
      })
    );
    await asking(question(changes))(scene);
    for (const name of presses) {
      await scene.press(name);
    }
  };

const list =
  (after: (scene: Scene) => unknown = () => undefined) =>
  async (scene: Scene): Promise<void> => {
    await scene.open({});
    scene.chat.listing.value = true;
    scene.draw();
    await until(() => scene.sessions.rows.value ?? undefined);
    await after(scene);
  };

const states: Record<string, (scene: Scene) => Promise<void>> = {
  'first-run-no-agent': fresh({
    agent: { state: 'failed', error: NO_AGENT.message, hint: NO_AGENT.hint }
  }),
  'first-run-no-model': fresh({
    agent: { state: 'failed', error: NO_MODEL.message, hint: NO_MODEL.hint }
  }),
  'first-run-installing': fresh({
    agent: { state: 'starting', step: '2/3 Installing hermes-agent 0.19.0' }
  }),
  'first-run-offline-tour': fresh({ offline: true }),
  empty: fresh({}),
  streaming: as({
    turn: RUNNING,
    messages: [
      PROMPT,
      said('m2', 'assistant', 'The newer one is `measurements', {
        status: 'streaming',
        turn_id: 't1',
        reasoning: 'Two files: I compare their times.'
      })
    ]
  }),
  stopped: as({
    messages: [
      PROMPT,
      said('m2', 'assistant', 'The newer one is', { status: 'interrupted' })
    ]
  }),
  tools: as(
    {
      turn: RUNNING,
      messages: [
        PROMPT,
        tool('a', 'complete', { args: { command: 'ls -l --time-style=iso' } }),
        tool('b', 'complete', {
          name: 'terminal',
          args: { command: 'python check.py' },
          result: { exit_code: 1, output: 'AssertionError' }
        }),
        tool('c', 'error', {
          name: 'read_file',
          args: { path: '/home/ada/notes/measurements-2025.csv' },
          error: 'There is no such file.'
        }),
        tool('d', 'interrupted', {
          name: 'web_search',
          args: { query: 'newer' }
        }),
        tool('e', 'complete', {
          name: 'patch',
          args: { path: 'clean.py' },
          result: { diff: DIFF }
        }),
        tool('f', 'streaming', {
          name: 'execute_code',
          args: { code: 'import time\ntime.sleep(60)' },
          duration: null
        })
      ]
    },
    'read_file',
    'patch'
  ),
  'clarify-choices': asking(
    question({ deadline: NOW + 3500 }),
    question({ id: 'q2' })
  ),
  'clarify-long-choices': asking(
    question({
      questions: [
        {
          text: 'The two files disagree about the rows of the 14th of November. What do I do with the rows that are in one of them only?',
          choices: [
            'Keep the rows of both files, and mark in a column where each comes from',
            'Keep what is in both',
            'Stop here: I look at measurements-2026-11-14-corrected-by-hand.csv first'
          ],
          multi_select: false
        }
      ]
    })
  ),
  'clarify-other': async scene => {
    await asking(question())(scene);
    await scene.press('Other…');
  },
  'clarify-several': asking(
    question({
      questions: [
        {
          text: 'Which columns?',
          choices: ['taken_at', 'depth', 'a name that is longer than a line'],
          multi_select: true
        },
        {
          text: 'In which order?',
          choices: ['ascending', 'descending'],
          multi_select: false
        },
        { text: 'And why?', choices: null, multi_select: false }
      ]
    })
  ),
  'clarify-text': asking(
    question({
      questions: [
        { text: 'What is it called?', choices: null, multi_select: false }
      ]
    })
  ),
  'clarify-interrupted': asking(question({ state: 'interrupted' })),
  'clarify-failed': failing({}, 'parquet'),
  'clarify-answered-elsewhere': async scene => {
    scene.server.on('POST questions/q1/answer', () =>
      refuse(409, {
        code: 'question_answered',
        message: 'Answered.',
        question: question({
          state: 'answered',
          answer: 'csv',
          answered_by: { client: 'cell', user: null }
        })
      })
    );
    await asking(question())(scene);
    await scene.press('parquet');
  },
  approval: asking(approval()),
  'approval-stop-asking': async scene => {
    await asking(approval())(scene);
    await scene.press('Stop asking…');
  },
  'approval-change': asking(
    approval({ command: DIFF, description: 'clean.py' })
  ),
  'approval-interrupted': asking(
    approval({ state: 'interrupted', deadline: null })
  ),
  'approval-failed': failing(approval(), 'Allow once'),
  sudo: asking(
    question({
      kind: 'sudo',
      questions: [],
      command: 'sudo apt-get install graphviz'
    })
  ),
  outcomes: as({
    messages: [
      PROMPT,
      outcome('o1', { answered_by: { client: 'sidebar' } }),
      outcome('o2', { state: 'expired', answer: null }),
      outcome('o3', {
        state: 'interrupted',
        answer: null,
        told_agent: 'Nobody was there.'
      }),
      outcome('o4', {
        ...approval(),
        state: 'answered',
        answer: 'once',
        answered_by: { client: 'cell' }
      }),
      outcome('o5', {
        ...approval(),
        state: 'answered',
        answer: 'deny',
        answered_by: { client: 'tab' }
      }),
      said('n1', 'notice', 'The model was changed to gpt-5.'),
      said('n2', 'notice', '', {
        compaction: { messages: 42, before: 98_400, after: 12_300 }
      }),
      ANSWER
    ]
  }),
  'skips-approvals': as({ skip_approvals: true }),
  queue: async scene => {
    await as({
      turn: RUNNING,
      messages: [PROMPT],
      queued: [
        {
          turn_id: 't2',
          state: 'queued',
          origin: 'user',
          text: 'and then plot the depth of each against its time'
        },
        { turn_id: 't3', state: 'queued', origin: 'user', text: 'thanks' }
      ]
    })(scene);
    scene.chat.setDraft('Use only the first thousand rows.');
    await scene.press('Steer or interrupt');
  },
  attachments: async scene => {
    const name = (file: string) => `POST sessions/c1/attachments?name=${file}`;
    scene.server
      .on(name('a.csv'), () => ({
        name: 'a.csv',
        path: '/a.csv',
        size: 3,
        type: 'text/csv'
      }))
      .on(name('b.csv'), () => new Promise(() => undefined))
      .on(name('c.csv'), () =>
        refuse(507, { code: 'disk_full', message: 'The disk is full.' })
      );
    await as({
      messages: [
        {
          ...PROMPT,
          attachments: [
            { name: 'measurements-2026-11.csv', type: 'text/csv' },
            { name: 'a.pdf', type: 'application/pdf' }
          ]
        },
        ANSWER
      ]
    })(scene);
    const file = (called: string) =>
      new File(['a,b'], called, { type: 'text/csv' });
    scene.chat.attachments.value.add([file('a.csv')], 1e9);
    scene.chat.attachments.value.add([file('c.csv')], 1e9);
    scene.chat.attachments.value.add([file('b.csv')], 1e9);
    await until(
      () => scene.node.querySelector('.hj-chips .hj-failure') ?? undefined
    );
    scene.server.progress(0.42);
  },
  'context-chips': async scene => {
    scene.notebook.value = {
      path: 'work/analysis.ipynb',
      name: 'analysis.ipynb'
    };
    await scene.open({});
    scene.chat.context?.add([
      {
        kind: 'cell',
        path: 'work/analysis.ipynb',
        cell_id: 'x',
        cell_type: 'code',
        source: 'frame = pd.read_csv("measurements.csv")\nframe.head()',
        label: 'analysis.ipynb · cell 12'
      },
      {
        kind: 'selection',
        path: 'work/analysis.ipynb',
        text: 'frame.head()',
        label: 'analysis.ipynb · selection in cell 3'
      }
    ]);
    scene.draw();
    await scene.press('analysis.ipynb · cell 12');
  },
  'gauge-unknown': as({ context: null }, 'About the context'),
  'gauge-normal': as({}, 'About the context'),
  'gauge-high': as({ context: gauge(96_000) }, 'About the context'),
  'gauge-exceeded': as(
    { context: gauge(140_000, { estimate: true, compactions: 2 }) },
    'About the context'
  ),
  changes: async scene => {
    scene.server.on('GET sessions/c1/changes', () => ({
      turns: [
        {
          turn_id: 't1',
          at: NOW + 1,
          changes: [
            change({}),
            change({
              cell_id: 'c2',
              op: 'insert',
              before: null,
              after: 'x = 1'
            }),
            change({ cell_id: 'c3', state: 'undone' }),
            change({ cell_id: 'c4', state: 'changed since' })
          ]
        }
      ]
    }));
    await as({}, 'Changed ')(scene);
  },
  models: async scene => {
    scene.server.on('GET models?session_id=c1', () => ({
      providers: [
        {
          id: 'anthropic',
          name: 'Anthropic',
          models: ['anthropic/claude-opus-4.6', 'anthropic/claude-haiku-4.6']
        },
        { id: 'openai', name: 'OpenAI', models: ['openai/gpt-5-codex-high'] }
      ],
      efforts: ['none', 'low', 'medium', 'high'],
      model: 'anthropic/claude-opus-4.6',
      provider: 'anthropic',
      reasoning: 'medium'
    }));
    await as({}, 'Model: ')(scene);
  },
  list: list(),
  'list-unfolded': list(async scene => {
    scene.server.on('GET sessions?parent_id=r3&limit=200', () =>
      listed(
        ['Reads the file', 'Looks for the newest of all', 'Plots'].map(
          (title, i) =>
            row(`s${i}`, {
              title,
              relation: 'subagent',
              parent_id: 'r3',
              last_active: NOW - i
            })
        )
      )
    );
    await scene.sessions.unfold('r3');
  }),
  'list-menu': list(async scene => {
    scene.node.querySelectorAll<HTMLElement>('.hj-session-more')[1]!.click();
  }),
  'list-rename': list(async scene => {
    scene.node.querySelectorAll<HTMLElement>('.hj-session-more')[1]!.click();
    await scene.press('Rename');
  }),
  'list-delete': list(async scene => {
    scene.node.querySelectorAll<HTMLElement>('.hj-session-more')[1]!.click();
    await scene.press('Delete');
  }),
  'list-found': list(async scene => {
    scene.server
      .on('GET sessions?limit=50&q=rows', () => listed(ROWS.slice(0, 1)))
      .on('GET search?q=rows&limit=30', () => ({
        results: [
          {
            session_id: 'c1',
            title: ROWS[0]!.title,
            source: 'jupyter',
            message_id: 'm2',
            role: 'assistant',
            at: NOW - 4000,
            snippet: [
              { text: 'it has twelve more ', match: false },
              { text: 'rows', match: true },
              { text: ' than the other one.', match: false }
            ]
          }
        ]
      }));
    scene.sessions.setText('rows');
    await until(() => scene.sessions.found.value ?? undefined);
  }),
  'list-nothing-found': list(async scene => {
    scene.server
      .on('GET sessions?limit=50&q=zz', () => listed([]))
      .on('GET search?q=zz&limit=30', () => ({ results: [] }));
    scene.sessions.setText('zz');
    await until(() => scene.sessions.found.value ?? undefined);
  }),
  'list-empty': async scene => {
    scene.server.on('GET sessions?limit=50', () => listed([]));
    scene.chat.listing.value = true;
    scene.draw();
  },
  'list-failed': async scene => {
    scene.server.on('GET sessions?limit=50', () =>
      refuse(503, {
        code: 'store',
        message: 'The list of conversations could not be read.',
        hint: { text: 'Try again in a moment.' }
      })
    );
    scene.chat.listing.value = true;
    scene.draw();
  },
  'turn-failed': as({
    messages: [PROMPT],
    turn: {
      ...RUNNING!,
      state: 'error',
      error: {
        code: 'model_error',
        message:
          'The provider answered 401: invalid x-api-key (request req_011CVbHkZ6bQ3PfT).',
        hint: {
          text: 'Look at the key of the provider.',
          command: 'hermes model',
          action: 'set-up-model'
        }
      }
    }
  }),
  'not-sent': async scene => {
    scene.server.on('POST sessions/c1/prompt', () =>
      refuse(503, {
        code: 'agent_unavailable',
        message: 'Hermes is not ready after 30 seconds.',
        hint: { text: 'Send it again in a moment.' }
      })
    );
    await as({})(scene);
    await scene.chat.send('And the older one?');
  },
  'signed-out': async scene => {
    await as({})(scene);
    scene.client.connection.set({ state: 'signed-out' });
  },
  offline: async scene => {
    await as({})(scene);
    scene.client.connection.set({ state: 'lost', retryAt: Date.now() + 8000 });
  },
  polling: async scene => {
    await as({})(scene);
    scene.client.connection.set({ state: 'polling' });
    await new Promise(resolve => setTimeout(resolve, 1100));
  },
  gone: async scene => {
    await as({})(scene);
    scene.chat.conversation.value.isGone.value = true;
  },
  branch: async scene => {
    scene.server.on('GET sessions/r1', () => row('r1', { title: 'The first' }));
    await as({ relation: 'branch', parent_id: 'r1' })(scene);
  },
  'read-only': as({ relation: 'subagent', capabilities: ['export'] }),
  guest: async scene => {
    scene.status({ can: ['read'], drivers: ['ada'] });
    await asking(approval())(scene);
  }
};

/** Languages that say the same with more letters. */
const longer = (text: string): string =>
  text + ' ' + 'łóng wörds '.repeat(9).slice(0, Math.ceil(text.length * 0.4));

const wordy: Host['trans'] = {
  __: (text, ...args) => host.trans.__(longer(text), ...args),
  _n: (one, many, n, ...args) =>
    host.trans._n(longer(one), longer(many), n, ...args)
};

let scene: Scene | null = null;

/** What the page that takes the pictures calls. */
Object.assign(globalThis, {
  gallery: {
    names: Object.keys(states),
    async show(
      name: string,
      node: HTMLElement,
      isWordy: boolean
    ): Promise<void> {
      scene?.dispose();
      scene = new Scene(node, isWordy ? wordy : host.trans);
      await states[name]!(scene);
    }
  }
});
