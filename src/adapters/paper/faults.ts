/**
 * What goes wrong, and to whom: every draw is a function of the seed and of the thing it happens to.
 *
 * An order's fate depends on its own id and a report's on its ledger number, not on how many were drawn before, so a
 * restart in the middle of a session, or one more order, changes nobody else's luck. Each fate takes all its draws in
 * a fixed order, so switching one fault on does not move the others.
 */
import type { Config } from "#config/config.ts";
import { createRandom } from "#core/random.ts";

export type Faults = Config["broker"]["paper"]["faults"];
export type LatencyMs = Config["broker"]["paper"]["latencyMs"];

/** A venue on which nothing goes wrong. */
export const noFaults: Faults = {
  rejectShare: 0,
  rejectAfterAcceptShare: 0,
  lostResponseShare: 0,
  lateResponseShare: 0,
  lateResponseMs: 0,
  slowOrderShare: 0,
  slowOrderMs: 0,
  duplicateReportShare: 0,
  missingReportShare: 0,
  reorderReportShare: 0,
  listLagMs: 0,
  disconnectShare: 0,
  stallShare: 0,
  stallMs: 0,
};

/** FNV-1a, 32 bits: near keys give far seeds. */
const seedFrom = (seed: number, key: string): number => {
  let hash = (0x811c9dc5 ^ seed) | 0;
  for (let index = 0; index < key.length; index += 1) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return hash;
};

const between = ([low, high]: LatencyMs, draw: number): number => low + Math.floor(draw * (high - low + 1));

/** What happens to one request (submit, cancel, replace) on its way to the venue and back. */
export interface RequestFate {
  /** From sending to arrival at the venue. */
  readonly latencyMs: number;
  /** The venue refuses it although nothing is wrong with it. */
  readonly refused: boolean;
  /** The venue accepts it, and takes that back after so many ms. */
  readonly rejectedAfterMs: number | undefined;
  readonly response: "sent" | "late" | "lost";
  /** The connection is lost after the venue has decided and before it answers. */
  readonly disconnects: boolean;
  /** The connection stays up, but nothing comes through it for a while. */
  readonly stalls: boolean;
}

/** @param key names the request: its kind, its order id, and for changes the time of asking */
export const requestFate = (seed: number, key: string, latencyMs: LatencyMs, faults: Faults): RequestFate => {
  const draw = createRandom(seedFrom(seed, key));
  const latency = between(latencyMs, draw());
  const rejectAfter = between(latencyMs, draw());
  const refused = draw() < faults.rejectShare;
  const takesBack = draw() < faults.rejectAfterAcceptShare;
  const slow = draw() < faults.slowOrderShare;
  const lost = draw() < faults.lostResponseShare;
  const late = draw() < faults.lateResponseShare;
  const disconnects = draw() < faults.disconnectShare;
  const stalls = draw() < faults.stallShare;
  return {
    latencyMs: slow ? Math.max(latency, faults.slowOrderMs) : latency,
    refused,
    rejectedAfterMs: takesBack ? rejectAfter : undefined,
    response: lost ? "lost" : late ? "late" : "sent",
    disconnects,
    stalls,
  };
};

/** What happens to one report on its way to us. */
export interface ReportFate {
  readonly latencyMs: number;
  readonly missing: boolean;
  /** A second copy comes so many ms after the first. */
  readonly copyAfterMs: number | undefined;
  /** It leaves the queue and comes so many ms later, behind reports that were made after it. */
  readonly overtakenByMs: number | undefined;
}

/** @param n the ledger number of the record that the report tells of */
export const reportFate = (seed: number, n: number, latencyMs: LatencyMs, faults: Faults): ReportFate => {
  const draw = createRandom(seedFrom(seed, `report ${n}`));
  const latency = between(latencyMs, draw());
  const copyDelay = between(latencyMs, draw());
  const detour = 1 + between(latencyMs, draw());
  return {
    latencyMs: latency,
    missing: draw() < faults.missingReportShare,
    copyAfterMs: draw() < faults.duplicateReportShare ? copyDelay : undefined,
    overtakenByMs: draw() < faults.reorderReportShare ? detour * 4 : undefined,
  };
};
