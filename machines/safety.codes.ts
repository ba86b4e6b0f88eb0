/**
 * Every cause that can reach the safety machine or an operator, once (spec S4). FS: fail-safe, trading stops. GR: guardrail,
 * AN: anomaly; both lead to WARNING. The origin used FS080, FS081 and FS095 twice each; here a code has one meaning.
 */
export const safetyCodes = {
  FS001: "A record or message has another schema version than this process understands.",
  FS040: "The broker cannot be reached.",
  FS041: "The broker's answer lacks data that is needed.",
  FS042: "An order's outcome stayed unknown beyond its deadline.",
  FS050: "Account equity is zero or negative.",
  FS060: "Evaluation cycles failed again and again.",
  FS070: "Positions disagree with the broker's.",
  FS075: "The journal cannot append: an unrecorded decision is worse than none.",
  FS076: "Another process has taken over this home's journal.",
  FS095: "The P0 lane is full: critical facts wait outside.",
  FS098: "A handler of critical facts failed for good.",
  FS110: "A core part has used up its restarts.",
  FS111: "A critical machine stopped with an error.",
  FS120: "An emergency stop was asked for.",
  FS121: "The kill switch is on.",
  FS122: "A person locked trading down.",
  FS199: "A fail-safe came with a code that this registry does not know.",
  GR001: "Total exposure reached its limit.",
  GR010: "A symbol's position reached its limit.",
  GR020: "The day's loss reached its limit.",
  GR030: "Too many orders in a row failed.",
  GR040: "Order rate reached its limit.",
  GR090: "The event system runs on critical facts only.",
  AN001: "A price jumped further than the guard allows.",
  AN010: "Market data is missing: a feed is silent.",
  AN011: "A metric that decides the operating state is missing or stale.",
  AN012: "A metric that decides the operating state was refused: impossible value, wrong unit or time out of order.",
  AN020: "An order report was illegal, or says otherwise than one before it.",
  AN021: "A fill arrived for an order that had already ended.",
  AN022: "An order's outcome is not known yet; the broker is being asked.",
  AN023: "A cancel or replace request stayed unanswered.",
  AN030: "Reconciliation found a difference and corrected it.",
  AN040: "An evaluation cycle overran its budget.",
  AN050: "The broker answers slowly.",
  AN051: "The broker's connection dropped and is being re-established.",
  AN060: "The event loop was blocked.",
  AN061: "The wall clock jumped.",
  AN062: "A lane reached its critical mark.",
  AN063: "A handler gives up on facts.",
  AN064: "The kill switch cannot be looked at.",
  AN070: "The archive cannot write.",
  AN071: "Less was persisted than was received.",
  AN072: "Many rows of the source are refused.",
  AN080: "A maintenance run failed; nothing unproven was deleted.",
  AN081: "Disk space runs out.",
  AN082: "Expired files could not be deleted; they stay until the next run.",
  AN090: "An optional part has used up its restarts.",
  AN091: "A scheduled target keeps failing.",
  AN092: "No heartbeat has arrived outside for some time.",
  AN199: "An anomaly or guardrail came with a code that this registry does not know.",
} as const;

export type SafetyCode = keyof typeof safetyCodes;

/**
 * Troubles that last, whose reporter tells people of them and of their end. Safety neither tells it a second time nor says that
 * it is over because nothing new was heard of it.
 */
const alertedByTheirReporter: ReadonlySet<string> = new Set<SafetyCode>([
  "AN010",
  "AN070",
  "AN071",
  "AN072",
  "AN080",
  "AN081",
  "AN091",
]);

export const alertedByReporter = (code: string): boolean => alertedByTheirReporter.has(code);

export type CauseKind = "failsafe" | "guardrail" | "anomaly";

export interface CodeDescription {
  readonly code: SafetyCode;
  /** Read from the code's letters, so that a code and its consequence cannot disagree. */
  readonly kind: CauseKind;
  /** A fail-safe wakes a person; a guardrail or anomaly can wait for working hours. */
  readonly severity: "critical" | "warning";
  readonly sentence: string;
  /** Section of the runbook: what it means, what to look at, what to do. */
  readonly runbook: string;
}

const kindsByPrefix: { readonly [prefix: string]: CauseKind } = { FS: "failsafe", GR: "guardrail", AN: "anomaly" };

export const isSafetyCode = (code: string): code is SafetyCode => Object.hasOwn(safetyCodes, code);

export const describeCode = (code: SafetyCode): CodeDescription => {
  const kind = kindsByPrefix[code.slice(0, 2)] ?? "failsafe";
  return {
    code,
    kind,
    severity: kind === "failsafe" ? "critical" : "warning",
    sentence: safetyCodes[code],
    runbook: `docs/operations/runbook.md#${code.toLowerCase()}`,
  };
};

export const describedCodes = (): readonly CodeDescription[] => (Object.keys(safetyCodes) as SafetyCode[]).map(describeCode);
