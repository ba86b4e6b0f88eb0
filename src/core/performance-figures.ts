/** The figures that say how a session went. */
import type { Side } from "./instrument.ts";

/** Money in minor units, times in epoch ms. */
export interface EquityPoint {
  readonly at: number;
  readonly equityMinor: number;
}

export interface StateChange {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

export interface StateHistory {
  /** How long each state was in force, ms. */
  readonly lasted: { readonly [state: string]: number };
  /** The newest of them, oldest first. */
  readonly changes: readonly StateChange[];
  readonly changeCount: number;
}

export interface DayPerformance {
  readonly day: string;
  readonly openMinor: number;
  readonly closeMinor: number;
  readonly highMinor: number;
  readonly lowMinor: number;
  /** What the account was charged this day; below zero when more came back than went. */
  readonly feesMinor: number;
  /** Of this day, without those that the venue took back later. */
  readonly fills: number;
  /** Positions that were opened and closed again, by the day of the close. */
  readonly trades: number;
  readonly won: number;
  /** Orders that went to the venue. */
  readonly orders: number;
  readonly denied: number;
}

export interface ShownFill {
  readonly at: number;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: number;
  readonly priceMinor: number;
}

export interface Performance {
  /** Of the first and the last fact; null without any. */
  readonly from: number | null;
  readonly to: number | null;
  readonly facts: number;
  readonly startMinor: number;
  readonly endMinor: number;
  readonly feesMinor: number;
  /** The deepest fall from a high; null when equity never fell. */
  readonly drawdown: {
    readonly share: number;
    readonly high: EquityPoint;
    readonly low: EquityPoint;
  } | null;
  /** At most 4,000 points, evenly thinned. */
  readonly curve: readonly EquityPoint[];
  readonly trades: {
    readonly count: number;
    readonly won: number;
    readonly lost: number;
    readonly bestMinor: number;
    readonly worstMinor: number;
    readonly wonMinor: number;
    readonly lostMinor: number;
  };
  readonly orders: {
    readonly intended: number;
    readonly sent: number;
    readonly denied: number;
    /** One row per code, the most frequent first, with the newest reason. */
    readonly denials: readonly { readonly code: string; readonly count: number; readonly reason: string }[];
    readonly filled: number;
    readonly partlyFilled: number;
    readonly unfilled: number;
    /** Of orders as they were last changed. */
    readonly lotsSent: number;
    readonly lotsFilled: number;
    /** Approval to first fill, ms of the session's own time; null without a fill. */
    readonly firstFillMs: { readonly p50: number; readonly p95: number } | null;
    /** What limit orders were filled better than their limit, in minor units. */
    readonly betterThanLimitMinor: number;
  };
  readonly positions: readonly {
    readonly symbol: string;
    readonly quantity: number;
    readonly costMinor: number;
    readonly markMinor: number | null;
  }[];
  readonly safety: StateHistory;
  readonly operating: StateHistory;
  readonly days: readonly DayPerformance[];
  /** The newest of them, oldest first. */
  readonly fills: readonly ShownFill[];
  readonly fillCount: number;
}
