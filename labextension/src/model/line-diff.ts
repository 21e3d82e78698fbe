/** Lines of either side that are compared; longer ones are shown one after the other. */
const MOST = 500;

/** What differs between two texts, line by line, as in a unified diff. */
export function lineDiff(before: string, after: string): string {
  const [old, now] = [linesOf(before), linesOf(after)];
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) {
    head += 1;
  }
  let tail = 0;
  while (
    tail < old.length - head &&
    tail < now.length - head &&
    old.at(-1 - tail) === now.at(-1 - tail)
  ) {
    tail += 1;
  }
  const middle = compared(
    old.slice(head, old.length - tail),
    now.slice(head, now.length - tail)
  );
  return [
    ...marked(' ', old.slice(0, head)),
    ...middle,
    ...marked(' ', old.slice(old.length - tail))
  ].join('\n');
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.split('\n');
}

function marked(mark: ' ' | '+' | '-', lines: readonly string[]): string[] {
  return lines.map(line => mark + line);
}

/** By the longest sequence of lines that they have in common. */
function compared(old: readonly string[], now: readonly string[]): string[] {
  if (old.length > MOST || now.length > MOST) {
    return [...marked('-', old), ...marked('+', now)];
  }
  const width = now.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      common[i * width + j] =
        old[i] === now[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < now.length) {
    if (old[i] === now[j]) {
      lines.push(` ${old[i]}`);
      i += 1;
      j += 1;
    } else if (common[(i + 1) * width + j]! >= common[i * width + j + 1]!) {
      lines.push(`-${old[i]}`);
      i += 1;
    } else {
      lines.push(`+${now[j]}`);
      j += 1;
    }
  }
  return [...lines, ...marked('-', old.slice(i)), ...marked('+', now.slice(j))];
}
