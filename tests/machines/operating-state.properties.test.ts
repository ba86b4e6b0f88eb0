/** Random lives of the posture: metrics, gaps, safety, overrides, kills and clock steps. A counter-example shrinks to a few facts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import { lowerRisk, type OperatingState, raisesRisk } from "#machines/operating-state.policy.ts";
import type { SafetyView } from "#machines/operating-state.rules.ts";
import { dayMs, hourMs, neutral, type PlainMetrics, sunny } from "../core/state/posture-series.ts";
import { at, beginPosture, type Effects, historyOf, type Posture } from "./operating-state.drive.ts";

const states = fc.constantFrom<OperatingState>("AGGRESSIVE", "BALANCED", "DEFENSIVE");
const metrics = fc.oneof(
  { weight: 3, arbitrary: fc.constant<PlainMetrics>(sunny) },
  { weight: 3, arbitrary: fc.constantFrom<PlainMetrics>(neutral, { ...neutral, vix: 35 }, { ...sunny, drawdown: 0.06 }, {}) },
  { weight: 1, arbitrary: fc.constant<PlainMetrics>({ ...sunny, circuitBreaker: true }) },
);

/** One thing that happens, and how much later (or, with a clock that steps, earlier) than the one before. */
type Fact =
  | { readonly what: "measure"; readonly metrics: PlainMetrics }
  | { readonly what: "safety"; readonly to: SafetyView }
  | { readonly what: "pin"; readonly state: OperatingState; readonly forMs: number }
  | { readonly what: "unpin" | "due" | "kill" };
const fact: fc.Arbitrary<Fact> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant("measure" as const), metrics }) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant("safety" as const),
      to: fc.constantFrom<SafetyView>("NORMAL", "NORMAL", "WARNING", "FAIL", "LOCKDOWN"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant("pin" as const),
      state: states,
      forMs: fc.constantFrom(hourMs, dayMs, 7 * dayMs, 7 * dayMs + 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom("unpin" as const, "due" as const, "kill" as const) }) },
);
const forward = fc.constantFrom(0, 1, hourMs, 2 * hourMs, dayMs, 5 * dayMs, 11 * dayMs);
const life = (gap: fc.Arbitrary<number>) => fc.array(fc.tuple(gap, fact), { minLength: 1, maxLength: 60 });
const stepping = fc.oneof(
  { weight: 5, arbitrary: forward },
  { weight: 1, arbitrary: fc.constantFrom(-1, -1000, -hourMs, -400 * dayMs) },
);

const act = (posture: Posture, happened: Fact, time: number): Effects => {
  switch (happened.what) {
    case "measure":
      return posture.measure(time, happened.metrics);
    case "safety":
      return posture.safety(time, happened.to);
    case "pin":
      return posture.pin(time, happened.state, time + happened.forMs);
    case "unpin":
      return posture.unpin(time);
    case "due":
      return posture.due(time);
    case "kill":
      posture.restart();
      return [];
    default:
      return happened satisfies never;
  }
};

describe("any life of the operating state", () => {
  it("keeps its promises after every fact, whatever the clock does", () => {
    fc.assert(
      fc.property(states, life(stepping), (initial, facts) => {
        const posture = beginPosture(operatingMachine, { initial });
        let time = at(0);
        for (const [gap, happened] of facts) {
          time += gap;
          const before = posture.state() as OperatingState;
          const effects = act(posture, happened, time);
          const after = posture.state() as OperatingState;
          const { safety, override } = posture.context();
          // FAIL is DEFENSIVE at that fact, and nothing raises it.
          if (safety === "FAIL") expect(after).toBe("DEFENSIVE");
          // A kill changes nothing, so a restart never means more risk.
          if (happened.what === "kill") expect(after).toBe(before);
          if (override !== null) {
            expect(override.expiresAt - override.setAt).toBeLessThanOrEqual(7 * dayMs);
            const limit = lowerRisk(override.state, posture.ruleState() as OperatingState);
            if (safety !== "NORMAL") expect(raisesRisk(limit, after)).toBe(false);
          }
          for (const { rule, from, to } of historyOf(effects)) {
            if (!raisesRisk(from, to)) continue;
            expect(["D_TO_B", "B_TO_A", "OVERRIDE"]).toContain(rule);
            expect(safety).toBe("NORMAL");
            if (rule !== "OVERRIDE") expect(happened.what).toBe("measure");
          }
        }
      }),
      { numRuns: 1500 },
    );
  });

  it("promotes only what was held, cooled down and confirmed, counted by an outsider with a clock that goes forward", () => {
    let promotions = 0;
    fc.assert(
      fc.property(states, life(forward), (initial, facts) => {
        const posture = beginPosture(operatingMachine, { initial });
        let time = at(0);
        let enteredAt: number | undefined;
        let lastMoveAt = Number.NEGATIVE_INFINITY;
        let sunSince: number | undefined;
        for (const [gap, happened] of facts) {
          time += gap;
          const ruleState = posture.ruleState();
          const effects = act(posture, happened, time);
          if (happened.what !== "kill") enteredAt ??= time;
          const { safety } = posture.context();
          if (safety === "FAIL" || safety === "LOCKDOWN") sunSince = undefined;
          else if (happened.what === "measure") {
            const isSunny = happened.metrics.vix === 14;
            sunSince = isSunny ? (sunSince ?? time) : undefined;
          }
          for (const { rule, from, to } of historyOf(effects)) {
            if (rule === "D_TO_B" || rule === "B_TO_A") {
              promotions += 1;
              expect(time - (enteredAt ?? time)).toBeGreaterThanOrEqual((rule === "D_TO_B" ? 5 : 10) * dayMs);
              expect(time - lastMoveAt).toBeGreaterThanOrEqual(dayMs);
              expect(time - (sunSince ?? time)).toBeGreaterThanOrEqual(2 * hourMs);
            }
            if (from !== to) lastMoveAt = time;
          }
          if (posture.ruleState() !== ruleState) enteredAt = time;
        }
      }),
      { numRuns: 1500 },
    );
    expect(promotions).toBeGreaterThan(50);
  });
});
