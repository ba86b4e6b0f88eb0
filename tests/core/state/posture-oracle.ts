/**
 * The words of spec S10–S14 once more, as one plain loop over rows, for comparison with the machine. It shares no code with
 * it and knows nothing of overrides; figures are the seed's.
 */
import type { PostureRow } from "#core/state/posture-csv.ts";

type State = "A" | "B" | "D";
const names = { A: "AGGRESSIVE", B: "BALANCED", D: "DEFENSIVE" } as const;
const hour = 3_600_000;
const day = 24 * hour;

export interface OracleMove {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly rule: string;
}

export const oracleMoves = (
  rows: readonly PostureRow[],
  { literal, initial }: { readonly literal: boolean; readonly initial: State },
): readonly OracleMove[] => {
  const moves: OracleMove[] = [];
  let state = initial;
  let entered = rows[0]?.at ?? 0;
  let lastMove = Number.NEGATIVE_INFINITY;
  let wasLockdown = false;
  let steppedAt = Number.NaN;
  const pending: { [rule: string]: { since: number; last: number; count: number } } = {};

  const go = (at: number, to: State, rule: string): void => {
    moves.push({ at, from: names[state], to: names[to], rule });
    state = to;
    entered = at;
    lastMove = at;
  };
  const reset = (...rules: string[]): void => {
    for (const rule of rules) delete pending[rule];
  };
  const confirm = (rule: string, isTrue: boolean, at: number): boolean => {
    if (!isTrue) {
      reset(rule);
      return false;
    }
    const run = pending[rule];
    if (run === undefined) {
      if (steppedAt !== at) pending[rule] = { since: at, last: at, count: 1 };
      return false;
    }
    if (at > run.last) {
      run.count += 1;
      run.last = at;
    }
    return run.count >= 2 && run.last - run.since >= 2 * hour;
  };

  for (const { at, safety, metrics } of rows) {
    const value = (name: Exclude<keyof typeof metrics, "notYet" | "rests">): number => {
      const given = metrics[name]?.value;
      return typeof given === "number" ? given : Number.NaN;
    };
    // Every comparison with NaN is false: unknown satisfies nothing.
    const breaker = metrics.circuitBreaker?.value === true;
    const ownA =
      value("drawdown") > 0.05 || value("vix") > 25 || value("consecutiveScalpLosses") > 5 || value("dailyLoss") > 0.02;
    const demotesB = value("drawdown") > 0.1 || value("vix") > 30 || breaker || safety === "WARNING";
    const demotesA = literal ? ownA : ownA || demotesB;
    // S12: what guards a promotion holds as long as its rule, through the whole confirmation.
    const guard = (demotesTarget: boolean): boolean => literal || (safety === "NORMAL" && !breaker && !demotesTarget);
    const promotesD =
      value("drawdown") < 0.05 && value("vix") < 20 && value("profitableDays") >= 3 && safety === "NORMAL" && guard(demotesB);
    const promotesB =
      value("cagr") > value("targetCagr") &&
      value("vix") < 15 &&
      value("growth") > 0.1 &&
      value("winRate") > 0.6 &&
      guard(demotesA);

    if (safety === "FAIL" || safety === "LOCKDOWN") {
      reset("AB", "BD", "DB", "BA");
      // S14: time in LOCKDOWN never counts as held, also when FAIL follows it.
      if (safety === "FAIL" && wasLockdown && !literal) entered = at;
      wasLockdown = safety === "LOCKDOWN";
      if (safety === "FAIL" && state !== "D") go(at, "D", "SAFETY_FAIL");
      continue;
    }
    if (wasLockdown) {
      wasLockdown = false;
      if (state === "A" || (literal && state === "D")) go(at, "B", "LOCKDOWN_RESUME");
      else if (!literal) entered = at;
    }
    const held = (days: number): boolean => at - entered >= days * day;
    const cooled = at - lastMove >= day;
    const mayStep = steppedAt !== at;
    const begun = state;
    if (begun === "A") {
      const ab = confirm("AB", demotesA, at);
      if (!literal) confirm("BD", demotesB, at);
      const now = ab || (!literal && breaker);
      if (mayStep && now && (!literal || (held(7) && cooled))) {
        go(at, "B", "A_TO_B");
        steppedAt = at;
        reset("AB");
        if (literal) reset("BD");
      }
    } else if (begun === "B") {
      const bd = confirm("BD", demotesB, at);
      const ba = confirm("BA", promotesB, at);
      if (mayStep && (bd || (!literal && breaker)) && (!literal || (held(5) && cooled))) {
        go(at, "D", "B_TO_D");
        steppedAt = at;
        reset("BD", "BA");
      } else if (mayStep && ba && held(10) && cooled) {
        go(at, "A", "B_TO_A");
        steppedAt = at;
        reset("BA");
        if (literal) reset("BD");
      }
    } else {
      const db = confirm("DB", promotesD, at);
      if (mayStep && db && held(5) && cooled) {
        go(at, "B", "D_TO_B");
        steppedAt = at;
        reset("DB");
      }
    }
  }
  return moves;
};
