import { describe, expect, it, test } from "vitest";
import { degradationLevels, degradationOf, isPausedAt } from "#core/event/degradation.ts";
import { priorities } from "#core/event/fact.ts";

test.each([
  { safety: "NORMAL", level: "NORMAL", paused: [] },
  { safety: "WARNING", level: "P3_PAUSED", paused: ["P3"] },
  { safety: "FAIL", level: "P2_P3_PAUSED", paused: ["P2", "P3"] },
  { safety: "LOCKDOWN", level: "CRITICAL_ONLY", paused: ["P1", "P2", "P3"] },
] as const)("safety $safety means $level and pauses $paused", ({ safety, level, paused }) => {
  expect(degradationOf(safety)).toBe(level);
  expect(priorities.filter((priority) => isPausedAt(level, priority))).toEqual(paused);
});

describe("a safety value nobody knows", () => {
  it.each(["", "normal", "OK", "toString", "__proto__", undefined, null, 0, {}])("is taken for the worst: %j (E5)", (value) => {
    expect(degradationOf(value)).toBe("CRITICAL_ONLY");
  });
});

it("never pauses P0", () => {
  for (const level of degradationLevels) expect(isPausedAt(level, "P0")).toBe(false);
});
