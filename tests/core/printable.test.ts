/** What names may hold, on one line of a terminal. */
import { expect, test } from "vitest";
import { printable, sendable } from "#core/printable.ts";

test.each([
  ["swing/20131007/09_00.jsonl", "swing/20131007/09_00.jsonl"],
  ["가격 '가' \"x\" 😀.jsonl", "가격 '가' \"x\" 😀.jsonl"],
  ["a\nb\r\tc", "a\\nb\\r\\tc"],
  ["\u001b[2Jgone\u0007\u007f\u0085", "\\u001b[2Jgone\\u0007\\u007f\\u0085"],
  ["caf\udce9", "caf\\xe9"],
  ["caf\\xe9", "caf\\\\xe9"],
  ["abc\u202elnosj.\u2028x", "abc\\u202elnosj.\\u2028x"],
])("%j is printed as %j", (text, shown) => {
  expect(printable(text)).toBe(shown);
  expect(sendable(printable(text))).toBe(printable(text));
});

test("lines keep their breaks and their backslashes, and command nothing", () => {
  expect(sendable("one\\ \u009b2J\ntwo \u001b]0;title\u0007 \u202e\n")).toBe(
    "one\\ \\u009b2J\ntwo \\u001b]0;title\\u0007 \\u202e\n",
  );
});

test("a JSON document stays the same document", () => {
  const document = { "caf\udce9 \u009b": ["\u202e\u2028", "a\nb", "\\", "가격 😀"] };
  for (const text of [JSON.stringify(document), JSON.stringify(document, null, 2)]) {
    expect(JSON.parse(sendable(text))).toEqual(document);
    expect(sendable(text)).not.toMatch(/[\u0080-\u009f\u2028-\u202e]/u);
  }
});
