/** The lines of a segment, as bytes: what is not UTF-8 must be seen, and a place in a file is counted in bytes. */
import type { Json } from "./check.rows.ts";

export interface SegmentLine {
  /** From 1. */
  readonly number: number;
  /** In bytes, of its first. */
  readonly start: number;
  readonly bytes: Uint8Array;
  /** The last one of a file may lack its newline. */
  readonly isTorn: boolean;
}

const newline = 10;
export function* linesOf(bytes: Uint8Array): Generator<SegmentLine> {
  let number = 0;
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(newline, start);
    number += 1;
    yield { number, start, bytes: bytes.subarray(start, end === -1 ? bytes.length : end), isTorn: end === -1 };
    if (end === -1) return;
    start = end + 1;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The object that a line is, or what it is not. */
export const parseLine = (bytes: Uint8Array): Json | "is not UTF-8" | "is not a JSON object" => {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return "is not UTF-8";
  }
  try {
    const row: unknown = JSON.parse(text);
    return typeof row === "object" && row !== null && !Array.isArray(row) ? (row as Json) : "is not a JSON object";
  } catch {
    return "is not a JSON object";
  }
};
