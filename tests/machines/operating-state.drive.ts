/** Drives the operating machine in hours and days, with a handful of words for what tests ask of it. */
import { parseConfig } from "#config/config.ts";
import type { HistoryEntry, OperatingContext, OperatingEffect, OperatingEvent } from "#machines/operating-state.context.ts";
import { type operatingMachine, operatingView } from "#machines/operating-state.machine.ts";
import type { OperatingInput, OperatingState } from "#machines/operating-state.policy.ts";
import type { SafetyView } from "#machines/operating-state.rules.ts";
import { hourMs, measuredAt, type PlainMetrics, startAt } from "../core/state/posture-series.ts";
import { drive } from "./drive.ts";

export type OperatingMachine = typeof operatingMachine;

const defaults = parseConfig();
if (!defaults.ok) throw new Error("the default configuration is broken");
export const operatingDefaults: OperatingInput = { ...defaults.config.operating, promotionNeedsEveryInput: false };

export type Effects = readonly OperatingEffect[];
const isHistory = (effect: OperatingEffect): effect is Extract<OperatingEffect, { type: "operating.history.append" }> =>
  effect.type === "operating.history.append";
export const historyOf = (effects: Effects): readonly HistoryEntry[] => effects.filter(isHistory).map(({ entry }) => entry);
export const rulesOf = (effects: Effects): readonly string[] => historyOf(effects).map(({ rule }) => rule);
export const typesOf = (effects: Effects): readonly string[] => effects.map(({ type }) => type);
export const announcementsOf = (effects: Effects): readonly string[] =>
  effects.flatMap((effect) => (effect.type === "operating.announce" ? [`${effect.from}>${effect.to} ${effect.rule}`] : []));
export const timersOf = (effects: Effects): readonly string[] =>
  effects.flatMap((effect) =>
    effect.type === "timer.set" ? [`set ${effect.at}`] : effect.type === "timer.clear" ? ["clear"] : [],
  );
export const reportsOf = (effects: Effects): readonly string[] =>
  effects.flatMap((effect) => (effect.type === "safety.report" ? [`${effect.kind} ${effect.code} ${effect.reason}`] : []));

/** Times are hours since `startAt`, with a fraction where a test needs one. */
export const at = (hours: number, ms = 0): number => startAt + hours * hourMs + ms;
export const days = (count: number, ms = 0): number => at(count * 24, ms);

export interface Posture {
  readonly send: (event: OperatingEvent) => Effects;
  /** One evaluation whose metrics were all measured at that time. */
  readonly measure: (time: number, metrics: PlainMetrics) => Effects;
  readonly safety: (time: number, to: SafetyView) => Effects;
  readonly pin: (
    time: number,
    state: OperatingState,
    expiresAt: number,
    who?: { readonly operator?: string; readonly reason?: string; readonly state?: OperatingState },
  ) => Effects;
  readonly unpin: (time: number) => Effects;
  readonly due: (time: number, id?: string) => Effects;
  /** What the rules have come to. */
  readonly ruleState: () => string;
  /** What is in force. */
  readonly state: () => string;
  readonly context: () => OperatingContext;
  readonly restart: () => void;
}

export const beginPosture = (machine: OperatingMachine, given: Partial<OperatingInput> = {}): Posture => {
  const driven = drive<OperatingEvent, OperatingEffect>(machine, { ...operatingDefaults, ...given });
  const context = (): OperatingContext => driven.context();
  return {
    send: driven.send,
    measure: (time, metrics) => driven.send({ type: "operating.metrics.measured", at: time, metrics: measuredAt(metrics, time) }),
    safety: (time, to) =>
      driven.send({ type: "safety.changed", at: time, from: context().safety, to, code: "FS070", reason: `now ${to}` }),
    pin: (time, state, expiresAt, who = {}) =>
      driven.send({ type: "operating.override.requested", at: time, state, expiresAt, operator: "kim", reason: "news", ...who }),
    unpin: (time) => driven.send({ type: "operating.override.cleared", at: time, operator: "lee", reason: "over" }),
    due: (time, id = "operating.override") => driven.send({ type: "timer.due", at: time, id, dueAt: time }),
    ruleState: driven.value,
    state: () => operatingView(driven.snapshot()).state,
    context,
    restart: driven.restart,
  };
};
