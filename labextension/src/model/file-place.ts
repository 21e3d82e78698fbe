/** A file, and a line of it counted from 1, as an answer names them. */
export interface FilePlace {
  path: string;
  line: number | null;
}

/** Without what stands in an expression, a command or an address. */
const NAME = /^[^\s:*?"'<>|`$(){}[\]\\;,=#&!]+(:\d+){0,2}$/;

/** A folder and a file with an ending: `text/markdown` has none. */
const IN_FOLDER = /\/[^/]*\.\w+$/;

/**
 * Whether a text is the name of a file, maybe with a line. `isKnown` says
 * whether a name has an ending of the files that one knows, as `plot.png` has
 * and `df.head` has not.
 */
export function isPlace(
  text: string,
  isKnown: (path: string) => boolean
): boolean {
  if (!NAME.test(text)) {
    return false;
  }
  const { path } = readPlace(text);
  return IN_FOLDER.test(path) || isKnown(path);
}

/** Reads `data/file.py:12`, and `data/file.py:12:3` just so. */
export function readPlace(place: string): FilePlace {
  const [, path = place, line] =
    /^(.+?)(?::(\d+))?(?::\d+)?$/.exec(place) ?? [];
  return { path, line: line ? Number(line) : null };
}

const ELSEWHERE = /^([a-z][a-z0-9+.-]*:|\/\/|#|$)/i;

/** The place that a link of an answer leads to, if that is a file. */
export function placeOfLink(href: string): string | null {
  if (ELSEWHERE.test(href)) {
    return null;
  }
  const [address = '', fragment = ''] = href.split('#');
  const line = /^L(\d+)/.exec(fragment)?.[1];
  try {
    const path = decodeURIComponent(address);
    return line ? `${path}:${line}` : path;
  } catch {
    return null;
  }
}

/**
 * A path as Jupyter's contents know it, below the server's `root`; null if it
 * is elsewhere. A relative one is seen from `cwd`.
 */
export function contentsPath(
  path: string,
  { cwd, root }: { cwd: string; root: string }
): string | null {
  const parts = partsOf(path.startsWith('/') ? path : `${cwd}/${path}`);
  const above = partsOf(root);
  const isBelow = above.every((part, i) => part === parts[i]);
  return isBelow ? parts.slice(above.length).join('/') : null;
}

function partsOf(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') {
      parts.pop();
    } else if (part && part !== '.') {
      parts.push(part);
    }
  }
  return parts;
}
