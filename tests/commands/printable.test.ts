/** What names may hold, on one line of a terminal. */
import { expect, test } from "vitest";
import { printable } from "#commands/printable.ts";

test.each([
  ["swing/20131007/09_00.jsonl", "swing/20131007/09_00.jsonl"],
  ["가격 '가' \"x\" 😀.jsonl", "가격 '가' \"x\" 😀.jsonl"],
  ["a\nb\r\tc", "a\\nb\\r\\tc"],
  ["\u001b[2Jgone\u0007\u007f\u0085", "\\x1b[2Jgone\\x07\\x7f\\x85"],
  ["caf\udce9", "caf\\xe9"],
  ["caf\\xe9", "caf\\\\xe9"],
  ["abc\u202elnosj.\u2028x", "abc\\u202elnosj.\\u2028x"],
])("%j is printed as %j", (text, shown) => {
  expect(printable(text)).toBe(shown);
});
