/** How often and how soon may a part be restarted? Pure functions of earlier restarts and time (spec: 5 in 30 s per child). */
import { backoffMs } from "./backoff.rules.ts";

export interface RestartPolicy {
  readonly restartsMax: number;
  readonly windowMs: number;
  /** The first restart waits this long, each further one in the window twice as long, up to `delayMsMax`. */
  readonly delayMs: number;
  readonly delayMsMax: number;
}

/** Times of restarts by component; only those inside the window are kept, so it cannot grow. */
export type Restarts = { readonly [component: string]: readonly number[] };

const recent = (restarts: Restarts, component: string, at: number, { windowMs }: RestartPolicy): readonly number[] =>
  (restarts[component] ?? []).filter((time) => at - time < windowMs);

export const restartsLeft = (restarts: Restarts, component: string, at: number, policy: RestartPolicy): number =>
  policy.restartsMax - recent(restarts, component, at, policy).length;

export const restartDelayMs = (restarts: Restarts, component: string, at: number, policy: RestartPolicy): number =>
  backoffMs({ firstMs: policy.delayMs, capMs: policy.delayMsMax }, recent(restarts, component, at, policy).length);

export const withRestart = (restarts: Restarts, component: string, at: number, policy: RestartPolicy): Restarts => ({
  ...restarts,
  [component]: [...recent(restarts, component, at, policy), at],
});
