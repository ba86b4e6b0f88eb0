/**
 * A person may pin the operating state for a while. Safety still outranks the pin (spec S15).
 */
import { dayMs } from "./durations.ts";
import { lowerRisk, type OperatingPolicy, type OperatingState, operatingStates, raisesRisk } from "./operating-state.policy.ts";
import type { SafetyView } from "./operating-state.rules.ts";

export interface Override {
  readonly state: OperatingState;
  readonly reason: string;
  readonly operator: string;
  readonly setAt: number;
  readonly expiresAt: number;
}

/** What decides which state is in force; the machine's context has these and more. */
export interface Standing {
  readonly policy: OperatingPolicy;
  readonly safety: SafetyView;
  /** LOCKDOWN was seen and no evaluation has followed its release. */
  readonly lockdown: boolean;
  readonly readings: { readonly circuitBreaker: boolean | null };
  readonly override: Override | null;
}

/**
 * The state in force: what the risk gates enforce.
 *
 * @param ruleState the state that the rules have come to, evaluated in the background while a person has pinned another
 */
export const effectiveState = (ruleState: OperatingState, standing: Standing): OperatingState => {
  const { override, safety, lockdown, readings } = standing;
  const isPinLimited = safety !== "NORMAL" || lockdown || readings.circuitBreaker === true;
  const pinned = override === null ? ruleState : isPinLimited ? lowerRisk(override.state, ruleState) : override.state;
  // Released, and the first evaluation is still to come: nobody trades more boldly than BALANCED in between.
  return lockdown && safety !== "LOCKDOWN" ? lowerRisk(pinned, "BALANCED") : pinned;
};

export interface OverrideRequest {
  readonly state: string;
  readonly reason: string;
  readonly operator: string;
  readonly expiresAt: number;
}

/** Why a request is refused, one sentence, or undefined. Nothing is clamped: a person must know what they get. */
export const overrideProblem = (
  request: OverrideRequest,
  at: number,
  ruleState: OperatingState,
  standing: Standing,
): string | undefined => {
  const { policy, safety, lockdown } = standing;
  if (!(operatingStates as readonly string[]).includes(request.state))
    return `the state must be one of ${operatingStates.join(", ")}, not ${request.state}`;
  if (request.operator.trim() === "") return "an override needs the operator's name";
  if (request.reason.trim() === "") return "an override needs a reason";
  if (!(request.expiresAt > at)) return "the override would have expired already";
  if (request.expiresAt - at > policy.overrideDaysMax * dayMs) return `an override lasts at most ${policy.overrideDaysMax} days`;
  const inForce = effectiveState(ruleState, standing);
  const raises = raisesRisk(inForce, request.state as OperatingState);
  if (raises && safety !== "NORMAL")
    return `safety is ${safety}: an override may not raise risk from ${inForce} to ${request.state}`;
  if (raises && lockdown) return `LOCKDOWN has just ended: no override may raise risk before the next evaluation`;
  return undefined;
};
