import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import { explanationSchema } from "#adapters/host/control/wire.ts";
import { explainOperating, explainSafety } from "#core/state/posture-explain.ts";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import type { OperatingInput } from "#machines/operating-state.policy.ts";
import type { SafetyView } from "#machines/operating-state.rules.ts";
import { safetyMachine } from "#machines/safety.machine.ts";
import { operatingDefaults } from "../../machines/operating-state.drive.ts";
import { dayMs, hourMs, measuredAt, neutral, type PlainMetrics, startAt, sunny } from "./posture-series.ts";

const begin = (given: Partial<OperatingInput> = {}) => {
  const actor = createActor(operatingMachine, { input: { ...operatingDefaults, ...given } }).start();
  return {
    measure: (at: number, metrics: PlainMetrics) =>
      actor.send({ type: "operating.metrics.measured", at, metrics: measuredAt(metrics, at) }),
    safety: (at: number, to: SafetyView) =>
      actor.send({ type: "safety.changed", at, from: "NORMAL", to, code: "FS070", reason: "drift" }),
    pin: (at: number, expiresAt: number) =>
      actor.send({ type: "operating.override.requested", at, state: "DEFENSIVE", operator: "kim", reason: "news", expiresAt }),
    explain: (at: number) => explainOperating(actor.getSnapshot(), at),
  };
};
type Explained = ReturnType<typeof explainOperating>;
const move = (explanation: Explained, rule: string) => {
  const found = explanation.moves.find((candidate) => candidate.rule === rule);
  if (found === undefined) throw new Error(`${rule} is not explained`);
  return found;
};

describe("explaining the operating state (S17)", () => {
  it("says which state, since when and by what", () => {
    const posture = begin();
    for (const hour of [0, 1, 2]) posture.measure(startAt + hour * hourMs, { ...neutral, vix: 35 });
    const explanation = posture.explain(startAt + 3 * hourMs);
    expect(explanation).toMatchObject({
      state: "DEFENSIVE",
      since: startAt + 2 * hourMs,
      safety: "NORMAL",
      reading: "safety-first",
    });
    expect(explanation.sentence).toBe("The operating state is DEFENSIVE by B_TO_D (vix>30); safety is NORMAL.");
    expect(explanation.cooldownUntil).toBe(startAt + 26 * hourMs);
    expect(explanationSchema.safeParse(explanation).success).toBe(true);
  });

  it("names what each move needs, what holds, and what is unknown and why", () => {
    const posture = begin({ initial: "DEFENSIVE" });
    const { vix: _, ...rest } = sunny;
    posture.measure(startAt, rest);
    expect(move(posture.explain(startAt + dayMs), "D_TO_B").clauses).toEqual([
      { clause: "drawdown<0.05", value: 0.01, holds: true, measuredAt: startAt },
      { clause: "vix<20", value: null, holds: null, status: "missing" },
      { clause: "profitable_days>=3", value: 3, holds: true, measuredAt: startAt },
      { clause: "safety=NORMAL", value: "NORMAL", holds: true },
      { clause: "held_days>=5", value: 1, holds: false },
    ]);
    expect(posture.explain(startAt).sentence).toMatch(/Unknown: vix\.$/);
  });

  it("blocks in the origin's words, each with its end: stay, cooldown, confirmation (S17)", () => {
    const posture = begin({ cooldownHours: 200 });
    posture.measure(startAt, neutral);
    posture.safety(startAt + 1, "FAIL");
    posture.safety(startAt + 2, "NORMAL");
    posture.measure(startAt + 3, sunny);
    expect(move(posture.explain(startAt + 3), "D_TO_B").blocks).toEqual([
      { reason: "confirmation_pending 1/2", until: startAt + 3 + 2 * hourMs },
      { reason: "min_duration_not_met", until: startAt + 1 + 5 * dayMs },
      { reason: "cooldown_period", until: startAt + 1 + 200 * hourMs },
    ]);
    posture.measure(startAt + 4, sunny);
    expect(move(posture.explain(startAt + 4), "D_TO_B").blocks[0]?.reason).toBe("confirmation_pending 2/2");
    posture.measure(startAt + 3 + 2 * hourMs, sunny);
    // Each ends exactly at its time.
    expect(move(posture.explain(startAt + 1 + 5 * dayMs), "D_TO_B").blocks).toEqual([
      { reason: "cooldown_period", until: startAt + 1 + 200 * hourMs },
    ]);
    expect(move(posture.explain(startAt + 1 + 200 * hourMs), "D_TO_B").blocks).toEqual([]);
  });

  it("says when nothing calls for a move, and what runs one state ahead", () => {
    const posture = begin({ initial: "AGGRESSIVE" });
    posture.measure(startAt, neutral);
    const explanation = posture.explain(startAt);
    expect(explanation.moves.map(({ rule, to }) => [rule, to])).toEqual([
      ["A_TO_B", "BALANCED"],
      ["B_TO_D", "DEFENSIVE"],
    ]);
    expect(move(explanation, "A_TO_B").blocks).toEqual([{ reason: "no_transition_needed" }]);
    expect(move(explanation, "B_TO_D").blocks).toEqual([
      { reason: "one_step_per_evaluation" },
      { reason: "no_transition_needed" },
    ]);
  });

  it("shows a promotion that is held back by its target's own rule or by an unknown input", () => {
    const posture = begin({ promotionNeedsEveryInput: true });
    posture.measure(startAt, { ...sunny, drawdown: 0.06 });
    expect(move(posture.explain(startAt), "B_TO_A").blocks.map(({ reason }) => reason)).toContain(
      "promotion_blocked: A_TO_B is true in AGGRESSIVE: drawdown>0.05",
    );
    const { drawdown: _, ...rest } = sunny;
    posture.measure(startAt + 1, rest);
    expect(move(posture.explain(startAt + 1), "B_TO_A").blocks.map(({ reason }) => reason)).toContain(
      "promotion_blocked: unknown: drawdown",
    );
  });

  it("shows an override and what goes on behind it", () => {
    const posture = begin();
    posture.measure(startAt, neutral);
    posture.pin(startAt + 1, startAt + dayMs);
    const explanation = posture.explain(startAt + 2);
    expect(explanation).toMatchObject({ state: "DEFENSIVE", ruleState: "BALANCED", override: { operator: "kim" } });
    expect(explanation.sentence).toContain("kim pinned DEFENSIVE until 2024-01-02T00:00:00.000Z.");
    expect(move(explanation, "B_TO_D").blocks).toContainEqual({ reason: "manual_override_active", until: startAt + dayMs });
  });

  it.each([
    ["FAIL", "BALANCED", "safety_fail_force_defensive"],
    ["LOCKDOWN", "BALANCED", "safety_lockdown"],
  ] as const)("says what %s does", (safety, initial, reason) => {
    const posture = begin({ initial });
    posture.measure(startAt, neutral);
    posture.safety(startAt + 1, safety);
    expect(posture.explain(startAt + 2).moves[0]?.blocks[0]).toEqual({ reason });
  });

  it.each([
    ["AGGRESSIVE", "lockdown_release_conservative"],
    ["DEFENSIVE", "lockdown_release_same_state"],
  ] as const)("says what the release from LOCKDOWN will do to %s", (initial, reason) => {
    const posture = begin({ initial });
    posture.safety(startAt, "LOCKDOWN");
    posture.safety(startAt + 1, "NORMAL");
    expect(posture.explain(startAt + 2).moves[0]?.blocks[0]).toEqual({ reason });
  });

  it("explains a house that has seen nothing yet", () => {
    expect(begin().explain(startAt)).toMatchObject({ state: "BALANCED", since: startAt, cooldownUntil: null, evaluatedAt: null });
  });
});

describe("explaining safety (S17)", () => {
  const begun = () => createActor(safetyMachine, { input: { quietPeriodMs: 600_000, brokerGraceMs: 30_000 } }).start();

  it("names the cause, its runbook section and what ends the state", () => {
    const safety = begun();
    safety.send({ type: "anomaly.raised", at: 1000, code: "AN061", reason: "7 s" });
    const warning = explainSafety(safety.getSnapshot(), 2000);
    expect(warning).toMatchObject({
      state: "WARNING",
      since: 1000,
      trading: true,
      cause: { code: "AN061", runbook: "docs/operations/runbook.md#an061" },
      moves: [{ to: "NORMAL", blocks: [{ reason: "quiet_period", until: 601_000 }] }],
    });
    expect(warning.sentence).toBe(
      "Safety is WARNING because of AN061 (The wall clock jumped): 7 s. New orders may leave; a cancel that is asked for always may.",
    );
    safety.send({ type: "failsafe.tripped", at: 3000, code: "FS070", reason: "drift" });
    expect(explainSafety(safety.getSnapshot(), 4000)).toMatchObject({
      trading: false,
      moves: [{ to: "NORMAL", blocks: [{ reason: "cause_not_cleared FS070" }] }],
    });
    safety.send({ type: "kill.switch.tripped", at: 5000, reason: "on" });
    const locked = explainSafety(safety.getSnapshot(), 6000);
    expect(locked.moves[0]?.blocks).toEqual([{ reason: "kill_switch_on: on" }, { reason: "operator_release_needed" }]);
    expect(explanationSchema.safeParse(locked).success).toBe(true);
  });

  it("has nothing to say about an untroubled NORMAL", () => {
    expect(explainSafety(begun().getSnapshot(), 9)).toMatchObject({
      state: "NORMAL",
      since: 9,
      moves: [],
      cause: null,
      sentence: "Safety is NORMAL. New orders may leave; a cancel that is asked for always may.",
    });
  });
});
