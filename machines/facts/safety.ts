/** Facts of safety, of the operating state and of the operator. `code` is from ../safety.codes.ts. */
import { factTable } from "./fact.ts";

export const safetyStates = ["NORMAL", "WARNING", "FAIL", "LOCKDOWN"] as const;
export type SafetyState = (typeof safetyStates)[number];

export const operatingStates = ["AGGRESSIVE", "BALANCED", "DEFENSIVE"] as const;
export type OperatingState = (typeof operatingStates)[number];

export const safetyFacts = factTable({
  "emergency.stop.requested": {
    seedName: "EMERGENCY_STOP",
    priority: "P0",
    journaled: true,
    payload: { operator: "text?", reason: "text" },
    says: "Stop everything now: LOCKDOWN.",
  },
  "anomaly.raised": {
    priority: "P0",
    journaled: true,
    payload: { code: "text", reason: "text" },
    says: "Something is odd; trading goes on under WARNING.",
  },
  "guardrail.tripped": {
    priority: "P0",
    journaled: true,
    payload: { code: "text", reason: "text" },
    says: "A limit was touched; trading goes on under WARNING.",
  },
  "failsafe.tripped": {
    priority: "P0",
    journaled: true,
    payload: { code: "text", reason: "text" },
    says: "Trading must stop: FAIL, and LOCKDOWN at the second one.",
  },
  "failsafe.cleared": {
    priority: "P0",
    journaled: true,
    payload: { code: "text", reason: "text" },
    says: "The named cause of a FAIL is gone.",
  },
  "kill.switch.tripped": {
    priority: "P0",
    journaled: true,
    payload: { reason: "text" },
    says: "The kill switch is on: LOCKDOWN, which nobody can release before it is off again.",
  },
  "kill.switch.cleared": {
    priority: "P0",
    journaled: true,
    payload: { reason: "text" },
    says: "The kill switch is off again. LOCKDOWN goes on until a person releases it.",
  },
  "kill.switch.look.requested": {
    priority: "P0",
    journaled: false,
    readBy: "handlers",
    payload: {},
    says: "A person wants to release LOCKDOWN: look at the kill switch now, not within a second.",
  },
  "operator.lockdown.requested": {
    priority: "P0",
    journaled: true,
    payload: { operator: "text?", reason: "text" },
    says: "A person locks trading down.",
  },
  "operator.lockdown.released": {
    priority: "P0",
    journaled: true,
    payload: { operator: "text", reason: "text" },
    says: "A named person releases LOCKDOWN.",
  },
  "safety.changed": {
    priority: "P0",
    journaled: false,
    payload: { from: { oneOf: safetyStates }, to: { oneOf: safetyStates }, code: "text", reason: "text" },
    says: "The safety state moved; lanes degrade with it. Derived from the fact that moved it, so not journaled again.",
  },
  "account.marked": {
    priority: "P0",
    journaled: true,
    readBy: "handlers",
    payload: { marks: "json" },
    says: "The last prices, by symbol, at which the account is valued before an evaluation. Journaled, so that a restart forgets no high-water mark.",
  },
  "operating.metrics.measured": {
    priority: "P0",
    journaled: true,
    payload: { metrics: "json" },
    says: "One evaluation of the operating state: each metric with its value and its own time.",
  },
  "operating.override.requested": {
    priority: "P0",
    journaled: true,
    payload: { state: { oneOf: operatingStates }, reason: "text", operator: "text", expiresAt: "at" },
    says: "A person pins the operating state for at most seven days.",
  },
  "operating.override.cleared": {
    priority: "P0",
    journaled: true,
    payload: { operator: "text", reason: "text" },
    says: "A person ends the override early.",
  },
  "operating.moved": {
    priority: "P0",
    journaled: true,
    readBy: "people",
    payload: { entry: "json" },
    says: "One line of the operating state's history: from, to, rule, the metrics that decided, operator. Journaled for people; no machine is told.",
  },
  "operating.changed": {
    priority: "P0",
    journaled: false,
    readBy: "people",
    payload: { from: { oneOf: operatingStates }, to: { oneOf: operatingStates }, rule: "text", reason: "text" },
    says: "The effective operating state moved. Derived, so not journaled again.",
  },
  "timer.due": {
    priority: "P0",
    journaled: true,
    payload: { id: "text", dueAt: "at" },
    says: "A deadline that a machine had asked for has passed.",
  },
});
