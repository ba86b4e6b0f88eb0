/** When a heartbeat that did not arrive is tried again, and when people are told. Pure. */
import { backoffMs } from "./backoff.rules.ts";

export interface HeartbeatPace {
  readonly everyMs: number;
  readonly timeoutMs: number;
}

/** A service that was restarted is back within seconds; later it is tried at the pace of the heartbeat itself. */
const firstRetryMs = 1_000;
/** By then the switch outside has sounded or soon will; one or two lost beats are no news. */
const beatsMissedMax = 5;

/** @param failures in a row, 1 after the first */
export const retryMs = (failures: number, { everyMs }: HeartbeatPace): number =>
  backoffMs({ firstMs: firstRetryMs, capMs: everyMs }, failures - 1);

/** Has nothing arrived for as long as several beats take? Inclusive. */
export const isLasting = (failingSince: number, at: number, { everyMs }: HeartbeatPace): boolean =>
  at - failingSince >= beatsMissedMax * everyMs;

/** A beat first waits for the journal and then for its answer; as long for the one as for the other. */
export const outcomeMsMax = ({ timeoutMs }: HeartbeatPace): number => 2 * timeoutMs;
