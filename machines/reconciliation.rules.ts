/** How often and how patiently is the venue asked, and what counts as an answer? Pure: times and counts, no clock, no venue. */

/** "timer" also stands for the questions about single orders: neither closes trading while it is under way. */
export const reconciliationCauses = ["start", "reconnect", "operator", "end", "timer"] as const;
export type ReconciliationCause = (typeof reconciliationCauses)[number];

/** kis/kis.md §10: the list may lag, so a lost order is looked for at growing distances. */
const lookupStepsMs = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000] as const;
const retryStepsMs = [1_000, 2_000, 5_000, 15_000, 30_000] as const;
/** Facts and lists overtake each other: what differs is looked at again this much later before it counts. */
export const confirmMs = 1_000;
/** Comparisons of moving positions before a run gives its verdict. At start nothing moves, nor does a replay's time. */
export const comparisonsMax = { start: 1, reconnect: 3, operator: 3, end: 1, timer: 3 } as const satisfies Record<
  ReconciliationCause,
  number
>;
/** Trading is closed at the first disagreement; a fail-safe waits this long, because a list of executions may lag behind the account. */
export const disagreementMsMax = 15_000;
/** "Absent" must come from so many complete lists, asked for at different times. */
export const absencesMin = 3;
/** Adapters give up after seconds; this is for one that never answers, so that the next question is asked all the same. */
export const answerMsMax = 60_000;

const stepAt = (steps: readonly number[], attempt: number): number => steps[Math.min(attempt, steps.length - 1)] ?? 0;

/** @param attempt lookups made since an order was last reported without an outcome */
export const lookupDelayMs = (attempt: number): number => stepAt(lookupStepsMs, attempt);
/** @param failuresInRow failed runs before the present one */
export const retryDelayMs = (failuresInRow: number): number => stepAt(retryStepsMs, failuresInRow);

/** How often complete lists did not have an order, and which question was the last of them. */
export interface Absence {
  readonly count: number;
  readonly asked: number;
}
export type Absences = { readonly [orderId: string]: Absence };

export const withAbsence = (absences: Absences, orderId: string, asked: number): Absences => ({
  ...absences,
  [orderId]: { count: (absences[orderId]?.count ?? 0) + 1, asked },
});

/** Those that the run which began with this question has seen: an order that was found leaves no count behind. */
export const absencesSince = (absences: Absences, firstAsked: number): Absences =>
  Object.fromEntries(Object.entries(absences).filter(([, { asked }]) => asked >= firstAsked));

/** Only many lists, and the last of them long enough after the approval, say that the order never arrived. */
export const isAbsent = (
  absence: Absence | undefined,
  { at, approvedAt, absentAfterMs }: { readonly at: number; readonly approvedAt: number; readonly absentAfterMs: number },
): boolean => (absence?.count ?? 0) >= absencesMin && at - approvedAt >= absentAfterMs;

/** Positions that differ from the venue's. */
export interface Disagreement {
  readonly since: number;
  /** Symbol by symbol, for people. */
  readonly reason: string;
  /** FS070 was reported for it. */
  readonly hasTripped: boolean;
}

/**
 * The same trouble goes on, or another one begins? A process that was away cannot know whether positions disagreed all the
 * time, so a disagreement that it finds at its start is the earlier one only when it reads the same.
 */
export const disagreementAt = (
  before: Disagreement | null,
  { at, cause, reason }: { readonly at: number; readonly cause: ReconciliationCause; readonly reason: string },
): Disagreement => {
  const isNew = before === null || (cause === "start" && !before.hasTripped && before.reason !== reason);
  return isNew ? { since: at, reason, hasTripped: false } : { ...before, reason };
};

/** Has it lasted so long that no list can still be behind? */
export const hasLasted = (disagreement: Disagreement | null, at: number): boolean =>
  disagreement !== null && at - disagreement.since >= disagreementMsMax;
/** Has it lasted so long that trading must fail safe, for the first time? */
export const isLasting = (disagreement: Disagreement, at: number): boolean =>
  !disagreement.hasTripped && hasLasted(disagreement, at);
