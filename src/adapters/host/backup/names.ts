/**
 * Names as a file system holds them are bytes, and as the rest of QTS holds them text. A byte that is no UTF-8 becomes a
 * lone surrogate, U+DC80 to U+DCFF, and back (as Python's PEP 383 does it): any name survives JSON, sorting and globs, and
 * two names that differ in their bytes differ as text. Nothing is normalised: NFC and NFD of a name are two names.
 */
import { isUtf8 } from "node:buffer";

const firstEscape = 0xdc00;

/** How many bytes of UTF-8 begin with this one, if they are UTF-8. */
const lengthFrom = (lead: number): number => (lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);

export const nameOf = (bytes: Buffer): string => {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let name = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] as number;
    const character = bytes.subarray(at, at + lengthFrom(lead));
    if (isUtf8(character)) {
      name += character.toString("utf8");
      at += character.length;
    } else {
      name += String.fromCharCode(firstEscape + lead);
      at += 1;
    }
  }
  return name;
};

export const bytesOf = (name: string): Buffer => {
  if (name.isWellFormed()) return Buffer.from(name);
  const parts: Buffer[] = [];
  for (const character of name) {
    const code = character.codePointAt(0) as number;
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - firstEscape) : Buffer.from(character));
  }
  return Buffer.concat(parts);
};
