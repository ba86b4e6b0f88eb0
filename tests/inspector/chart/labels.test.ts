import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columnsMax, labelLines, linesMax, textWidth, wrap } from "#chart/labels.ts";

describe("the words beside an arrow", () => {
  it("break at spaces, and a long word after a dot", () => {
    expect(wrap("timer.due [isBrokerOverdue]")).toEqual(["timer.due [isBrokerOverdue]"]);
    expect(wrap("operator.lockdown.released [mayBeReleased]")).toEqual(["operator.lockdown.released", "[mayBeReleased]"]);
    expect(wrap("a.very.long.name.of.some.fact.that.happened")).toEqual(["a.very.long.name.of.some.", "fact.that.happened"]);
    expect(wrap("")).toEqual([]);
  });

  it("are given whole while they are four lines, then one line for each way, then counted (I10)", () => {
    const guarded = (name: string) => `${name}.was.requested [isInLockdown]`;
    expect(labelLines(["a", "b", "c", "d"])).toEqual(["a", "b", "c", "d"]);
    expect(labelLines([guarded("start"), guarded("stop"), "ended"])).toEqual([
      "start.was.requested…",
      "stop.was.requested…",
      "ended",
    ]);
    expect(labelLines(["a", "b", "c", "d", "e"])).toEqual(["a", "b", "c", "and 2 more"]);
  });

  it("are never more than four lines of twenty-eight letters, and lose no letter while they are wrapped (I10)", () => {
    const words = fc.string({ unit: fc.constantFrom(..."abc.[]…· "), maxLength: 120 });
    fc.assert(
      fc.property(words, (text) => {
        expect(wrap(text).join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
        expect(wrap(text).every((line) => line.length <= columnsMax)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 9 }), (labels) => {
        const lines = labelLines(labels);
        expect(lines.length).toBeLessThanOrEqual(linesMax);
        expect(lines.every((line) => line.length <= columnsMax)).toBe(true);
      }),
    );
  });

  it("measure 0.6 em a letter", () => {
    expect(textWidth("0123456789", 10)).toBe(60);
  });
});
