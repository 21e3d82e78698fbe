/**
 * A page without a screen, for Node: the client and the model of the panel,
 * following one conversation. Each line on stdin is answered on stdout with
 * what the page shows at that moment, as JSON.
 */
import { HermesClient } from '../src/client/client';
import { Conversation } from '../src/model/conversation';

declare const process: {
  argv: string[];
  exit(): never;
  stdin: AsyncIterable<Uint8Array>;
  stdout: { write(text: string): void };
};

const [url, token, sessionId] = process.argv.slice(2) as [
  string,
  string,
  string
];

const client = new HermesClient((path, init = {}) =>
  fetch(`${url}hermes/api/${path}`, {
    ...init,
    headers: { ...init.headers, Authorization: `token ${token}` }
  })
);
const conversation = new Conversation();

async function follow(): Promise<void> {
  for (;;) {
    try {
      await client.follow(sessionId, event => conversation.apply(event));
      return;
    } catch {
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
}

function shown(): object {
  return {
    connection: client.connection.get().state,
    turn: conversation.turn.value,
    questions: conversation.questions.value.map(({ id, state }) => [id, state]),
    messages: conversation.messages.value
      .filter(({ question }) => question.value === null)
      .map(({ id, role, text, status }) => ({
        id,
        role,
        text: text.value,
        status: status.value
      }))
  };
}

void follow();
for await (const _ of process.stdin) {
  process.stdout.write(`${JSON.stringify(shown())}\n`);
}
// Its stream and its timers would keep it for ever.
process.exit();
