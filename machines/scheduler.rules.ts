/** How long a target waits after a failure. Pure; figures from origin-facts §12 (500–60,000 ms, limit 3). */
import { backoffMs } from "./backoff.rules.ts";

export interface BackoffPolicy {
  readonly backoffMsMin: number;
  readonly backoffMsMax: number;
}

export interface TargetState {
  /** The latest occurrence that was handed out; null before the first. */
  readonly lastDueAt: number | null;
  readonly isRunning: boolean;
  /** An occurrence came while the target was running or backing off; several become one. */
  readonly missedDueAt: number | null;
  /** Failures in a row. */
  readonly failures: number;
  /** Until then the target rests after a failure; null when it does not. */
  readonly retryAt: number | null;
}

export const newTarget: TargetState = { lastDueAt: null, isRunning: false, missedDueAt: null, failures: 0, retryAt: null };

/** Doubles with each failure in a row, never above the maximum; a target is never given up. */
export const restMs = (failures: number, { backoffMsMin, backoffMsMax }: BackoffPolicy): number =>
  backoffMs({ firstMs: backoffMsMin, capMs: backoffMsMax }, failures - 1);
