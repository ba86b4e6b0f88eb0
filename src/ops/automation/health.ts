/**
 * Health checks: named questions about the world around QTS, each with a time-out, its last result and since when (spec
 * M12). The answers never decide anything; what goes wrong is told to `changed`, which alerts a person.
 *
 * Time here is the host's, not the market's: a check that hangs must be noticed while a replay's clock stands still.
 */
import type { Clock } from "#core/ports.ts";

export type HealthState = "ok" | "warning" | "critical";

/** What a check found. `reason` is one sentence, with figures. */
export interface HealthFinding {
  readonly state: HealthState;
  readonly reason: string;
}

export interface HealthCheck {
  readonly name: string;
  /** May throw or reject: that is a finding too. */
  readonly look: () => HealthFinding | Promise<HealthFinding>;
  /** No answer by then counts as the worst that this check can find. */
  readonly timeoutMs?: number;
  /** How bad it is when the check itself fails: critical unless said otherwise. */
  readonly failsAs?: "warning" | "critical";
}

export interface HealthResult extends HealthFinding {
  readonly name: string;
  /** Epoch ms: when this check entered its state, not when it was last looked at. */
  readonly since: number;
  readonly checkedAt: number;
  readonly elapsedMs: number;
}

export interface HealthMonitor {
  /**
   * Asks every check once, side by side; one that still hangs since an earlier run is not asked again.
   *
   * @returns the results in the order in which the checks were added; never rejects
   */
  runChecks(): Promise<readonly HealthResult[]>;
  /** The results of the last run; empty before the first. */
  results(): readonly HealthResult[];
}

export interface HealthMonitorOptions {
  readonly checks: readonly HealthCheck[];
  /** The host's clock. */
  readonly clock: Pick<Clock, "now" | "monotonicMs" | "setTimer">;
  readonly timeoutMs?: number;
  /** Told when a check enters another state, also its first when that is not ok: alert, or close the alert. */
  readonly changed?: (result: HealthResult, before: HealthState | undefined) => void;
}

const timeoutMsDefault = 5000;

export const createHealthMonitor = ({
  checks,
  clock,
  timeoutMs = timeoutMsDefault,
  changed = () => {},
}: HealthMonitorOptions): HealthMonitor => {
  const last = new Map<string, HealthResult>();
  const hanging = new Map<string, number>();

  const look = async (check: HealthCheck): Promise<HealthFinding> => {
    const worst = check.failsAs ?? "critical";
    const limitMs = check.timeoutMs ?? timeoutMs;
    const hangsSince = hanging.get(check.name);
    if (hangsSince !== undefined) {
      const seconds = Math.round((clock.monotonicMs() - hangsSince) / 1000);
      return { state: worst, reason: `has not answered for ${seconds} s` };
    }
    hanging.set(check.name, clock.monotonicMs());
    const answer = Promise.resolve()
      .then(check.look)
      .catch(
        (error: unknown): HealthFinding => ({
          state: worst,
          reason: `failed: ${error instanceof Error ? error.message : String(error)}`,
        }),
      )
      .finally(() => hanging.delete(check.name));
    const { promise: late, resolve } = Promise.withResolvers<HealthFinding>();
    const cancel = clock.setTimer(clock.now() + limitMs, () =>
      resolve({ state: worst, reason: `did not answer within ${limitMs} ms` }),
    );
    try {
      return await Promise.race([answer, late]);
    } finally {
      cancel();
    }
  };

  const runCheck = async (check: HealthCheck): Promise<HealthResult> => {
    const startedMs = clock.monotonicMs();
    const { state, reason } = await look(check);
    const checkedAt = clock.now();
    const before = last.get(check.name);
    const result: HealthResult = {
      name: check.name,
      state,
      reason,
      since: before?.state === state ? before.since : checkedAt,
      checkedAt,
      elapsedMs: clock.monotonicMs() - startedMs,
    };
    last.set(check.name, result);
    if (before === undefined ? state !== "ok" : state !== before.state) changed(result, before?.state);
    return result;
  };

  return {
    runChecks: () => Promise.all(checks.map(runCheck)),
    results: () => checks.flatMap(({ name }) => last.get(name) ?? []),
  };
};
