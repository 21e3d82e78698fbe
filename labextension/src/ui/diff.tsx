import type { JSX } from 'preact';

const DIFF = /^(diff --git |--- .+\n\+\+\+ |@@ -\d+)/m;

export function isDiff(text: string): boolean {
  return DIFF.test(text.slice(0, 2000));
}

/** A unified diff: what came and what went, by colour and by its mark. */
export function Diff({ text }: { text: string }): JSX.Element {
  return (
    <>
      {text.split(/(?<=\n)/).map((line, i) => {
        switch (kindOf(line)) {
          case 'added':
            return <ins key={i}>{line}</ins>;
          case 'removed':
            return <del key={i}>{line}</del>;
          case 'place':
            return (
              <span key={i} class="hj-diff-place">
                {line}
              </span>
            );
          case 'same':
            return line;
        }
      })}
    </>
  );
}

function kindOf(line: string): 'added' | 'removed' | 'place' | 'same' {
  if (/^(@@|diff |index |--- |\+\+\+ )/.test(line)) {
    return 'place';
  }
  if (line.startsWith('+')) {
    return 'added';
  }
  return line.startsWith('-') ? 'removed' : 'same';
}
