/** Characters that the page takes in one go without a noticeable pause. */
export const PIECE = 20_000;

/**
 * A long text in pieces, cut at the ends of lines where there are any. Of a
 * text that grows, all pieces but the last stay as they are.
 */
export function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  let at = 0;
  while (text.length - at > PIECE) {
    const newline = text.lastIndexOf('\n', at + PIECE - 1);
    let end = newline < at ? at + PIECE : newline + 1;
    if (isFirstHalf(text.charCodeAt(end - 1))) {
      end -= 1;
    }
    pieces.push(text.slice(at, end));
    at = end;
  }
  pieces.push(text.slice(at));
  return pieces;
}

/** Of a character that takes two places. */
function isFirstHalf(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}
