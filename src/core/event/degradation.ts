/**
 * Which lanes the safety state pauses (spec E5).
 *
 * A paused lane holds what arrives by its own policy; nothing is refused, so a liquidation or a monitor still finds it.
 */
import type { Priority } from "./fact.ts";

export const degradationLevels = ["NORMAL", "P3_PAUSED", "P2_P3_PAUSED", "CRITICAL_ONLY"] as const;
export type DegradationLevel = (typeof degradationLevels)[number];

const levelBySafety: { readonly [safety: string]: DegradationLevel } = {
  NORMAL: "NORMAL",
  WARNING: "P3_PAUSED",
  FAIL: "P2_P3_PAUSED",
  LOCKDOWN: "CRITICAL_ONLY",
};

/** The level of a safety state. Anything that is not one of the four names is taken for the worst, never for NORMAL. */
export const degradationOf = (safetyState: unknown): DegradationLevel =>
  typeof safetyState === "string" && Object.hasOwn(levelBySafety, safetyState)
    ? (levelBySafety[safetyState] as DegradationLevel)
    : "CRITICAL_ONLY";

const pausedLanes: { readonly [L in DegradationLevel]: readonly Priority[] } = {
  NORMAL: [],
  P3_PAUSED: ["P3"],
  P2_P3_PAUSED: ["P2", "P3"],
  CRITICAL_ONLY: ["P1", "P2", "P3"],
};

export const isPausedAt = (level: DegradationLevel, priority: Priority): boolean => pausedLanes[level].includes(priority);

export const isBetter = (level: DegradationLevel, than: DegradationLevel): boolean =>
  degradationLevels.indexOf(level) < degradationLevels.indexOf(than);
