import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { feedMachine } from "#machines/feed.machine.ts";
import { fractionOf, reconnectDelayMs } from "#machines/feed.rules.ts";
import { feedScenarios, reconnect } from "./feed.scenarios.ts";

describe("a feed", () => {
  it.each(feedScenarios)("$name", ({ run }) => {
    run(feedMachine);
  });
});

it("waits anything between nothing and the doubled, capped wait, the same for the same moment", () => {
  fc.assert(
    fc.property(fc.nat({ max: 100 }), fc.maxSafeInteger().map(Math.abs), (attempt, at) => {
      const delay = reconnectDelayMs(reconnect, attempt, fractionOf(at, attempt));
      expect(delay).toBeGreaterThanOrEqual(1);
      expect(delay).toBeLessThanOrEqual(Math.min(15_000, 1000 * 2 ** attempt));
      expect(reconnectDelayMs(reconnect, attempt, fractionOf(at, attempt))).toBe(delay);
    }),
  );
  const spread = new Set(
    Array.from({ length: 200 }, (_, at) => Math.floor(reconnectDelayMs(reconnect, 4, fractionOf(1e12 + at, 4)) / 1500)),
  );
  expect(spread.size).toBe(10);
});
