/**
 * The inputs of the operating state: which metrics there are, what makes a value impossible, and when it is too old.
 *
 * Missing is not calm (spec S13): a metric that is absent, refused or stale reads as null, and null satisfies no condition
 * in either direction. One that cannot exist yet is not missing, nor is one
 * that cannot be newer while its market is closed: they read as null too, and alarm nobody. Fractions are
 * fractions: 0.05 is five per cent.
 */
import { dayMs } from "./durations.ts";
import type { OperatingPolicy } from "./operating-state.policy.ts";

export interface Measured<T> {
  readonly value: T;
  /** When it was true, epoch ms; each metric has its own. */
  readonly at: number;
}

/** What `operating.metrics.measured` carries; a metric that is not known is left out or null. */
export interface OperatingMetrics {
  readonly drawdown?: Measured<number> | null;
  readonly vix?: Measured<number> | null;
  readonly consecutiveScalpLosses?: Measured<number> | null;
  readonly dailyLoss?: Measured<number> | null;
  readonly circuitBreaker?: Measured<boolean> | null;
  readonly profitableDays?: Measured<number> | null;
  readonly cagr?: Measured<number> | null;
  readonly targetCagr?: Measured<number> | null;
  readonly growth?: Measured<number> | null;
  readonly winRate?: Measured<number> | null;
  /** Why an account's metric cannot exist yet, for those left out above: a house without trades has no win rate. */
  readonly notYet?: { readonly [N in MetricName]?: string };
  /** What of the age of these values says nothing; absent in a file or an old journal, where weekends are those of UTC. */
  readonly rests?: { readonly account?: Rests; readonly vix?: Rests };
}
export type MetricName = Exclude<keyof OperatingMetrics, "notYet" | "rests">;

/** Since a value was true, ms. */
export interface Rests {
  /** In whole days on which its market does not trade. */
  readonly daysMs: number;
  /** In which its market is closed, these days among them. */
  readonly closedMs?: number;
}

/** The values the rules may use; null is unknown. */
export interface Readings {
  readonly drawdown: number | null;
  readonly vix: number | null;
  readonly consecutiveScalpLosses: number | null;
  readonly dailyLoss: number | null;
  readonly circuitBreaker: boolean | null;
  readonly profitableDays: number | null;
  readonly cagr: number | null;
  readonly targetCagr: number | null;
  readonly growth: number | null;
  readonly winRate: number | null;
}

interface MetricKind {
  /** Name in CSV files, clauses and messages. */
  readonly column: string;
  readonly ageLimit: keyof OperatingPolicy["staleAfterMs"];
  /** It comes from outside, so it is there or missing: it cannot be waited for by trading. */
  readonly isGiven?: true;
  /** What is wrong with a value that is a finite number, or undefined. */
  readonly problem: (value: number) => string | undefined;
}

const fraction =
  (max: number, min = 0) =>
  (value: number): string | undefined =>
    value < min
      ? `must not be below ${min}`
      : value > max
        ? `is above ${max}: fractions, not percent; write ${value / 100} for ${value} %`
        : undefined;
const wholeNumber = (value: number): string | undefined =>
  Number.isSafeInteger(value) && value >= 0 ? undefined : "must be a whole number of at least 0";

/** Every metric, in the order of the CSV's columns. */
export const metricKinds: { readonly [N in MetricName]-?: MetricKind } = {
  drawdown: { column: "drawdown", ageLimit: "drawdown", problem: fraction(1) },
  vix: {
    column: "vix",
    ageLimit: "vix",
    isGiven: true,
    // The index has never been below 9; a small number is a fraction or a zero that stands for "missing".
    problem: (value) => (value < 1 ? "must be at least 1: VIX is in points; write 25, not 0.25" : undefined),
  },
  consecutiveScalpLosses: { column: "consecutive_losses", ageLimit: "account", problem: wholeNumber },
  // A profitable day may be given as a negative loss.
  dailyLoss: { column: "daily_loss", ageLimit: "drawdown", problem: (value) => fraction(1, Number.NEGATIVE_INFINITY)(value) },
  circuitBreaker: { column: "circuit_breaker", ageLimit: "drawdown", problem: () => "must be true or false" },
  profitableDays: { column: "profitable_days", ageLimit: "account", problem: wholeNumber },
  cagr: { column: "cagr", ageLimit: "account", problem: fraction(10, -1) },
  targetCagr: { column: "target", ageLimit: "account", isGiven: true, problem: fraction(2, -1) },
  growth: { column: "growth", ageLimit: "account", problem: fraction(10, -1) },
  winRate: { column: "win_rate", ageLimit: "account", problem: fraction(1) },
};
export const metricNames = Object.keys(metricKinds) as MetricName[];
const columns: ReadonlyMap<string, MetricName> = new Map(metricNames.map((name) => [metricKinds[name].column, name]));
export const metricOfColumn = (column: string): MetricName | undefined => columns.get(column);

/** Why a value cannot be a measurement of this metric, or undefined. */
export const metricProblem = (name: MetricName, value: unknown): string | undefined => {
  if (name === "circuitBreaker") return typeof value === "boolean" ? undefined : "must be true or false";
  if (typeof value !== "number" || !Number.isFinite(value)) return "must be a finite number";
  return metricKinds[name].problem(value);
};

/** 1970-01-01 was a Thursday; in this count of days since then, 2 and 3 of every 7 are Saturday and Sunday. */
const weekendDaysBefore = (day: number): number => {
  const weeks = Math.floor(day / 7);
  return weeks * 2 + Math.min(Math.max(day - weeks * 7 - 2, 0), 2);
};
const weekendMsBefore = (at: number): number => {
  const day = Math.floor(at / dayMs);
  const isWeekend = weekendDaysBefore(day + 1) > weekendDaysBefore(day);
  return weekendDaysBefore(day) * dayMs + (isWeekend ? at - day * dayMs : 0);
};
/** Of Saturdays and Sundays (UTC): Friday's VIX is one trading day old on Monday, not three. */
const weekendMs = (from: number, to: number): number => weekendMsBefore(to) - weekendMsBefore(from);

/** Clock and fact times may differ by this much without meaning anything (spec S7: a jump is more than 2 s). */
export const clockToleranceMs = 2000;

/** Resting: too old to be used, and it cannot be newer while its market is closed. */
export type MetricStatus = "fresh" | "stale" | "resting" | "refused" | "missing" | "notYet";
export interface ReadMetric {
  readonly status: MetricStatus;
  readonly value: number | boolean | null;
  readonly at: number | null;
  /** Of one that is not yet: what it waits for. */
  readonly why?: string;
}
export type ReadMetrics = { readonly [N in MetricName]-?: ReadMetric };

export interface MetricsRead {
  readonly metrics: ReadMetrics;
  readonly readings: Readings;
  /** Names of what is missing or stale, in order; no entry twice. */
  readonly absent: readonly MetricName[];
  /** One sentence per field that is refused and was not before: told when that begins, like a missing one. */
  readonly refused: readonly string[];
}

const missing: ReadMetric = { status: "missing", value: null, at: null };
export const noMetrics: ReadMetrics = Object.fromEntries(metricNames.map((name) => [name, missing])) as unknown as ReadMetrics;
export const noReadings: Readings = Object.fromEntries(metricNames.map((name) => [name, null])) as unknown as Readings;

/**
 * Reads one evaluation's metrics.
 *
 * @param given the JSON body of `operating.metrics.measured`
 * @param before the previous evaluation's metrics: a metric's own time must not go back
 */
export const readMetrics = (given: unknown, at: number, policy: OperatingPolicy, before: ReadMetrics): MetricsRead => {
  const refused: string[] = [];
  const absent: MetricName[] = [];
  const metrics = { ...noMetrics } as { -readonly [N in MetricName]: ReadMetric };
  const readings = { ...noReadings } as { -readonly [N in MetricName]: number | boolean | null };
  const body = typeof given === "object" && given !== null ? (given as { readonly [name: string]: unknown }) : {};
  const rests = (body.rests ?? {}) as OperatingMetrics["rests"] & object;
  const notYet = (body.notYet ?? {}) as { readonly [N in MetricName]?: unknown };
  for (const name in body)
    if (!(name in metricKinds) && name !== "notYet" && name !== "rests")
      refused.push(`${name} is not a metric of the operating state`);
  for (const name of metricNames) {
    const entry = body[name] as { readonly value?: unknown; readonly at?: unknown } | null | undefined;
    if (entry === undefined || entry === null || entry.value === undefined || entry.value === null) {
      const why = notYet[name];
      if (name === "targetCagr" && policy.targetCagr !== null) readings[name] = policy.targetCagr;
      else if (typeof why === "string" && metricKinds[name].isGiven !== true)
        metrics[name] = { status: "notYet", value: null, at: null, why };
      else absent.push(name);
      continue;
    }
    const { value, at: measuredAt } = entry;
    const problem =
      metricProblem(name, value) ??
      (typeof measuredAt !== "number" || !Number.isSafeInteger(measuredAt)
        ? "needs its own time `at` in epoch ms"
        : measuredAt > at + clockToleranceMs
          ? `was measured in the future, ${measuredAt - at} ms from now`
          : measuredAt < (before[name].at ?? 0)
            ? "is older than the one before it"
            : undefined);
    if (problem !== undefined) {
      if (before[name].status !== "refused") refused.push(`${name} ${problem}`);
      absent.push(name);
      metrics[name] = { status: "refused", value: null, at: before[name].at };
      continue;
    }
    const { ageLimit } = metricKinds[name];
    const age = at - (measuredAt as number);
    const ageMax = policy.staleAfterMs[ageLimit];
    const { daysMs = weekendMs(measuredAt as number, at), closedMs = 0 } = rests[name === "vix" ? "vix" : "account"] ?? {};
    const isOld = age > ageMax && age - daysMs > ageMax;
    // A limit of hours is one of trading hours; one of days has its nights.
    const isResting = isOld && ageLimit === "drawdown" && age - closedMs <= ageMax;
    const status = isResting ? "resting" : isOld ? "stale" : "fresh";
    metrics[name] = { status, value: value as number | boolean, at: measuredAt as number };
    if (status === "stale") absent.push(name);
    else if (status === "fresh") readings[name] = value as number | boolean;
  }
  return { metrics, readings: readings as Readings, absent, refused };
};
