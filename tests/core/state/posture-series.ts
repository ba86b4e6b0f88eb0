/** Series of evaluations for tests: random ones that reach every rule, and rows written by hand. */
import fc from "fast-check";
import type { PostureRow } from "#core/state/posture-csv.ts";
import type { OperatingMetrics } from "#machines/operating-state.metrics.ts";
import type { SafetyView } from "#machines/operating-state.rules.ts";

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
export const startAt = Date.UTC(2024, 0, 1);

export interface PlainMetrics {
  readonly drawdown?: number;
  readonly vix?: number;
  readonly consecutiveScalpLosses?: number;
  readonly dailyLoss?: number;
  readonly circuitBreaker?: boolean;
  readonly profitableDays?: number;
  readonly cagr?: number;
  readonly targetCagr?: number;
  readonly growth?: number;
  readonly winRate?: number;
}

/** Nothing demotes and nothing promotes. */
export const neutral: PlainMetrics = {
  drawdown: 0.05,
  vix: 22,
  consecutiveScalpLosses: 0,
  dailyLoss: 0,
  circuitBreaker: false,
  profitableDays: 0,
  cagr: 0.1,
  targetCagr: 0.15,
  growth: 0.05,
  winRate: 0.5,
};
/** Everything that DEFENSIVE and BALANCED need to be left upwards. */
export const sunny: PlainMetrics = {
  ...neutral,
  drawdown: 0.01,
  vix: 14,
  profitableDays: 3,
  cagr: 0.2,
  growth: 0.2,
  winRate: 0.7,
};

export const measuredAt = (metrics: PlainMetrics, at: number): OperatingMetrics =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, { value, at }]));

export const rowOf = (at: number, metrics: PlainMetrics, safety: SafetyView = "NORMAL"): PostureRow => ({
  timestamp: new Date(at).toISOString(),
  at,
  safety,
  metrics: measuredAt(metrics, at),
});

/** Values at, just beside and far from every threshold; undefined is an empty cell. */
const near = (...values: readonly (number | undefined)[]) => fc.constantFrom(...values);
const plainMetrics = fc.record({
  drawdown: near(0, 0.0499, 0.05, 0.0501, 0.1, 0.1001, undefined),
  vix: near(10, 14.99, 15, 19.99, 20, 25, 25.01, 30, 30.01, undefined),
  consecutiveScalpLosses: near(0, 5, 6, undefined),
  dailyLoss: near(0, 0.02, 0.0201, undefined),
  circuitBreaker: fc.constantFrom(false, false, false, true, undefined),
  profitableDays: near(0, 2, 3, 4, undefined),
  cagr: near(0.15, 0.1501, undefined),
  targetCagr: near(0.15, 0.15, undefined),
  growth: near(0.1, 0.1001, undefined),
  winRate: near(0.6, 0.6001, undefined),
});
const calm = fc.constantFrom(neutral, sunny, sunny, sunny, { ...sunny, vix: 18 });
const safety = fc.constantFrom<SafetyView>("NORMAL", "WARNING", "FAIL", "LOCKDOWN", "UNKNOWN");
const gapMs = fc.constantFrom(0, 1, hourMs - 1, hourMs, 2 * hourMs, 2 * hourMs - 1, dayMs, 3 * dayMs, 5 * dayMs, 10 * dayMs);

const stretch = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(calm, fc.constant<SafetyView>("NORMAL"), gapMs, fc.integer({ min: 1, max: 8 })) },
  { weight: 3, arbitrary: fc.tuple(plainMetrics, fc.constant<SafetyView>("NORMAL"), gapMs, fc.integer({ min: 1, max: 4 })) },
  { weight: 1, arbitrary: fc.tuple(calm, safety, gapMs, fc.integer({ min: 1, max: 3 })) },
);

/** Rows in time order, in stretches during which metrics, safety and the interval stay the same. */
export const postureSeries = fc.array(stretch, { minLength: 1, maxLength: 30 }).map((stretches) => {
  const rows: PostureRow[] = [];
  let at = startAt;
  for (const [metrics, safetyState, gap, repeats] of stretches) {
    for (let index = 0; index < repeats; index += 1) {
      at += gap;
      const known = Object.fromEntries(Object.entries(metrics).filter(([, value]) => value !== undefined));
      rows.push(rowOf(at, known, safetyState));
    }
  }
  return rows;
});
