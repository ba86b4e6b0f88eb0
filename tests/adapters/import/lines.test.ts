import fc from "fast-check";
import { expect, it } from "vitest";
import { createLineSplitter, lineBytesMax } from "#adapters/import/lines.ts";

/** The lines of these pieces, or what is wrong. */
const linesOf = (...pieces: readonly (string | Uint8Array)[]): string[] | string => {
  const splitter = createLineSplitter();
  const lines: string[] = [];
  const take = (line: string): undefined => void lines.push(line);
  for (const piece of pieces) {
    const pushed = splitter.push(typeof piece === "string" ? Buffer.from(piece) : piece, take);
    if (!pushed.ok) return `${pushed.error.line}: ${pushed.error.problem}`;
  }
  const ended = splitter.end(take);
  return ended.ok ? lines : `${ended.error.line}: ${ended.error.problem}`;
};

it("gives lines without their ends and without a byte-order mark, the last also without one", () => {
  expect(linesOf("\uFEFFa,b\r\nc\n\nd")).toEqual(["a,b", "c", "", "d"]);
  expect(linesOf("")).toEqual([]);
});

it("gives the same lines however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 8 })), fc.nat(20), (texts, step) => {
      const lines = texts.map((text) => text.replaceAll(/[\n\r\0\uFEFF]|\p{Cs}/gu, "x"));
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += step + 1) pieces.push(bytes.subarray(at, at + step + 1));
      expect(linesOf(...pieces)).toEqual(lines);
    }),
  );
});

it("refuses what is no text, with the line", () => {
  expect(linesOf("a\nb\0c\n")).toMatch(/^2: has a NUL byte/);
  expect(linesOf("a\n", new Uint8Array([0x61, 0xff, 0x0a]))).toMatch(/^2: is not UTF-8/);
  expect(linesOf(Buffer.from("\uFEFFa\n", "utf16le"))).toMatch(/^1: is UTF-16/);
});

it("refuses a line that is longer than any trade, without keeping it", () => {
  expect(linesOf("a\n", "x".repeat(1_048_576))).toMatch(/^2: is longer than 65536 bytes/);
  expect(linesOf("x".repeat(lineBytesMax), "\n")).toEqual(["x".repeat(lineBytesMax)]);
  expect(linesOf(`${"x".repeat(lineBytesMax + 1)}\n`)).toMatch(/^1: is longer than/);
});
