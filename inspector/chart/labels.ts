/**
 * How much of an arrow's words fits beside it.
 *
 * The layout needs the size of a text before anybody draws it, and Node has no fonts: letters of a monospace font are 0.6 em
 * wide in every font that matters, so a text measures the same here and in the browser (spec I11).
 */
/** Letter sizes in px, the same in chart.css. */
export const namePx = 13;
export const notePx = 10;
export const labelPx = 11;
export const labelLinePx = 14;

export const columnsMax = 28;
export const linesMax = 4;

/** Width of a letter of a monospace font, in em. */
const letterEm = 0.6;

/** @returns px */
export const textWidth = (text: string, fontPx: number): number => [...text].length * fontPx * letterEm;

/** A text in lines of at most 28 letters, broken at spaces; a longer word is broken after a dot, else where it must. */
export const wrap = (text: string): string[] => {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    let rest = word;
    const joined = line === "" ? rest : `${line} ${rest}`;
    if (joined.length <= columnsMax) {
      line = joined;
      continue;
    }
    if (line !== "") lines.push(line);
    while (rest.length > columnsMax) {
      const dot = rest.lastIndexOf(".", columnsMax - 1);
      const at = dot > 0 ? dot + 1 : columnsMax;
      lines.push(rest.slice(0, at));
      rest = rest.slice(at);
    }
    line = rest;
  }
  return line === "" ? lines : [...lines, line];
};

const shortened = (text: string): string => {
  const [first = "", ...more] = wrap(text);
  if (more.length === 0) return first;
  return first.length < columnsMax ? `${first}…` : `${first.slice(0, columnsMax - 1)}…`;
};

/**
 * The lines beside an arrow: everything if that is at most four lines, else one line for each way, else the first ways and how
 * many more there are.
 */
export const labelLines = (labels: readonly string[]): string[] => {
  const all = labels.flatMap(wrap);
  if (all.length <= linesMax) return all;
  const short = [...new Set(labels.map(shortened))];
  if (short.length <= linesMax) return short;
  return [...short.slice(0, linesMax - 1), `and ${short.length - linesMax + 1} more`];
};
