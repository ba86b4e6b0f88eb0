import { describe, expect, it } from "vitest";
import { parseTimestamp } from "#core/timestamp.ts";

describe("a time as text (O15)", () => {
  it.each([
    ["2024-03-05", Date.UTC(2024, 2, 5)],
    ["2024-03-05T10:30", Date.UTC(2024, 2, 5, 10, 30)],
    ["2024-03-05 10:30:15", Date.UTC(2024, 2, 5, 10, 30, 15)],
    ["2024-03-05T10:30:15.123456Z", Date.UTC(2024, 2, 5, 10, 30, 15, 123)],
    ["2024-03-05T10:30:15+09:00", Date.UTC(2024, 2, 5, 1, 30, 15)],
    ["2024-03-05T10:30:15-0530", Date.UTC(2024, 2, 5, 16, 0, 15)],
    ["2024-02-30", undefined],
    ["2024-03-05T24:00:00Z", undefined],
    ["05/03/2024", undefined],
    ["1709600000000", undefined],
    ["1", undefined],
    ["", undefined],
  ])("reads the time %s", (text, at) => {
    expect(parseTimestamp(text)).toBe(at);
  });
});
