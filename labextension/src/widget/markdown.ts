import { Lexer, type Token, type Tokens } from 'marked';

/** What a link in an answer may lead to. */
const PROTOCOLS = new Set(['http:', 'https:', 'mailto:']);

/**
 * Shows Markdown where no JupyterLab renders it. Each token becomes an element
 * made here, and every text a text node: HTML in it stays text, so there is
 * nothing to sanitise. Images are links: nothing loads by itself.
 */
export function renderMarkdown(node: HTMLElement, text: string): Promise<void> {
  node.replaceChildren(...elementsOf(Lexer.lex(text)));
  return Promise.resolve();
}

function elementsOf(tokens: readonly Token[] | undefined): Node[] {
  return (tokens ?? []).flatMap(token => elementOf(token));
}

function elementOf(token: Token): Node[] {
  switch (token.type) {
    case 'space':
    case 'def':
      return [];
    case 'heading':
      return [make(`h${(token as Tokens.Heading).depth}`, token.tokens)];
    case 'paragraph':
      return [make('p', token.tokens)];
    case 'blockquote':
      return [make('blockquote', token.tokens)];
    case 'strong':
    case 'em':
    case 'del':
      return [make(token.type, token.tokens)];
    case 'hr':
    case 'br':
      return [document.createElement(token.type)];
    case 'code': {
      const block = document.createElement('pre');
      block.append(withText('code', (token as Tokens.Code).text));
      return [block];
    }
    case 'codespan':
      return [withText('code', (token as Tokens.Codespan).text)];
    case 'list':
      return [listOf(token as Tokens.List)];
    case 'table':
      return [tableOf(token as Tokens.Table)];
    case 'link':
      return [linkTo((token as Tokens.Link).href, elementsOf(token.tokens))];
    case 'image': {
      const { href, text } = token as Tokens.Image;
      return [linkTo(href, [new Text(text || href)])];
    }
    case 'checkbox':
      return [new Text((token as Tokens.Checkbox).checked ? '☑ ' : '☐ ')];
    case 'text':
    case 'escape':
      return 'tokens' in token && token.tokens
        ? elementsOf(token.tokens)
        : [new Text((token as Tokens.Text).text)];
    default:
      return [new Text(token.raw)];
  }
}

function make(name: string, tokens: readonly Token[] | undefined): HTMLElement {
  const element = document.createElement(name);
  element.append(...elementsOf(tokens));
  return element;
}

function withText(name: string, text: string): HTMLElement {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

function listOf(list: Tokens.List): HTMLElement {
  const element = document.createElement(list.ordered ? 'ol' : 'ul');
  if (list.ordered && typeof list.start === 'number') {
    element.setAttribute('start', `${list.start}`);
  }
  element.append(...list.items.map(item => make('li', item.tokens)));
  return element;
}

function tableOf(table: Tokens.Table): HTMLElement {
  const element = document.createElement('table');
  const rowOf = (cells: readonly Tokens.TableCell[], name: string): Node => {
    const row = document.createElement('tr');
    row.append(...cells.map(cell => make(name, cell.tokens)));
    return row;
  };
  element.append(
    rowOf(table.header, 'th'),
    ...table.rows.map(row => rowOf(row, 'td'))
  );
  return element;
}

function linkTo(href: string, content: Node[]): Node {
  const element = document.createElement('a');
  element.append(...content);
  if (URL.canParse(href) && PROTOCOLS.has(new URL(href).protocol)) {
    element.setAttribute('href', href);
    element.setAttribute('target', '_blank');
    element.setAttribute('rel', 'noopener noreferrer');
  }
  return element;
}
