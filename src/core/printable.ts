/**
 * Text that is not ours, on its way to a terminal or a log: names of files, symbols, what a venue, a strategy or a server says.
 * A line break would look like a second line of ours, an escape sequence would command the terminal, a change of direction would
 * show other words than are there, and bytes that are no UTF-8 have no letter at all. Such characters are shown, never sent.
 */

/** Control characters, what turns the direction of writing or breaks lines, and bytes that are no UTF-8 (`names.ts`). */
const foreign = String.raw`\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff`;
const unprintable = new RegExp(String.raw`[${foreign}\\]`, "gu");
const unsendable = new RegExp(String.raw`(?!\n)[${foreign}]`, "gu");

/** As in JSON, so that a document stays the same document. */
const coded = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

const escaped = (character: string): string => {
  const code = character.charCodeAt(0);
  if (character === "\\") return "\\\\";
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  return code >= 0xdc80 && code <= 0xdcff ? `\\x${(code - 0xdc00).toString(16)}` : coded(character);
};

/** @returns the same text on one line, with `\n`, `\xe9`, `\u202e` and `\\` for what cannot be printed as it is */
export const printable = (text: string): string => text.replace(unprintable, escaped);

/**
 * The last door before a terminal or a log: whatever was forgotten before it can no longer command anything.
 *
 * @param text whole lines; a value of others in them has been through `printable`, so that every line break is ours
 * @returns the same lines; of a JSON document the same document
 */
export const sendable = (text: string): string => text.replace(unsendable, coded);
