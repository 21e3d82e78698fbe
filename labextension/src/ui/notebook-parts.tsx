import type { Changes } from '../model/changes';
import type { NotebookParts } from './host';
import { InsertCells } from './insert-cells';
import { isCellsResult, NotebookToolResult } from './notebook-tool';
import { ContextChips } from './prompt-context';
import { ChangesAfter } from './turn-changes';

/** All that is shown of notebooks where the application has some. */
export function notebookParts(changes: Changes): NotebookParts {
  return {
    context: (chat, onRemove) =>
      chat.context && (
        <ContextChips context={chat.context} onRemove={onRemove} />
      ),
    afterMessage: (message, chat) => (
      <ChangesAfter message={message} chat={chat} changes={changes} />
    ),
    toolResult: tool =>
      isCellsResult(tool) ? <NotebookToolResult tool={tool} /> : null,
    answerActions: text => <InsertCells text={text} />
  };
}
