/**
 * Text for one line of a terminal or a log. The names in it are whatever a file system holds: a line break would look like a
 * second line of ours, an escape sequence would command the terminal, and bytes that are no UTF-8 have no letter at all.
 */

/** Control characters, what turns the direction of writing or breaks lines, and bytes that are no UTF-8 (`names.ts`). */
const unprintable = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\\]/gu;

const escaped = (character: string): string => {
  const code = character.codePointAt(0) as number;
  if (character === "\\") return "\\\\";
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
};

/** @returns the same text on one line, with `\n`, `\xe9`, `\u202e` and `\\` for what cannot be printed as it is */
export const printable = (text: string): string => text.replace(unprintable, escaped);
