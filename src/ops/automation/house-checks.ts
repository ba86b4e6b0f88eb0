/** The health checks that every house has, made from its own status; those of the world outside are given by the caller. */
import type { ArchiveCounts } from "#archive/watch.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import { refusalLevel } from "#machines/archive.rules.ts";
import type { HealthCheck, HealthFinding } from "./health.ts";

interface DiskCheck {
  readonly free: () => Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
  readonly warningFreeShare: number;
  readonly criticalFreeShare: number;
}

export interface HouseCheckOptions {
  readonly status: () => HouseStatus;
  readonly archive: () => ArchiveCounts;
  /** Host time: the window of the archive's ratio is real. */
  readonly now: () => number;
  readonly loopDelayMsMax: number;
  /** `free` is absent where nobody can say. */
  readonly disk: Omit<DiskCheck, "free"> & Partial<Pick<DiskCheck, "free">>;
  /** Injected: broker heartbeat, sheets, database, cache; each by its own adapter. */
  readonly outside?: readonly HealthCheck[];
}

/** Below this share of rows persisted over the window, the recorder loses data (spec A2). */
const persistedShareMin = 0.9999;
const archiveWindowMs = 5 * 60_000;
/** More records than this waiting for one fsync means that the disk has stopped. */
const journalPendingMax = 10_000;

const ok = (reason: string): HealthFinding => ({ state: "ok", reason });
const percent = (share: number): string => `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`;

/**
 * Persisted of received over the last five minutes, without those that wait for the next write or were there already: what then is
 * missing was refused, or got lost between the stages, which is how the origin wrote 116 of 97,329 rows and called itself healthy.
 */
const archiveCheck = ({ archive, now }: HouseCheckOptions): HealthCheck => {
  const seen = [{ at: Number.NEGATIVE_INFINITY, due: 0, persisted: 0, refused: 0 }];
  return {
    name: "archive",
    look: () => {
      const { received, refused, repeated, pending, persisted } = archive();
      const newest = { at: now(), due: received - repeated - pending, persisted, refused: refused - repeated };
      seen.push(newest);
      // The last measurement from before the window is its beginning.
      while (seen.length > 2 && newest.at - (seen[1] as typeof newest).at >= archiveWindowMs) seen.shift();
      const first = seen[0] as typeof newest;
      const [due, kept] = [newest.due - first.due, newest.persisted - first.persisted];
      if (due <= 0) return ok("no row was due");
      const unfit = newest.refused - first.refused;
      const told = unfit === 0 ? "" : `; ${unfit} were refused`;
      const reason = `${kept} of ${due} rows of the last five minutes are on disk (${percent(kept / due)})${told}`;
      const isLosing = (kept + unfit) / due < persistedShareMin;
      return { state: isLosing ? "critical" : refusalLevel({ refused: unfit, received: due }), reason };
    },
  };
};

const diskCheck = ({ free, warningFreeShare, criticalFreeShare }: DiskCheck): HealthCheck => ({
  name: "disk",
  look: async () => {
    const { freeBytes, totalBytes } = await free();
    const share = freeBytes / totalBytes;
    const state = share < criticalFreeShare ? "critical" : share < warningFreeShare ? "warning" : "ok";
    return { state, reason: `${percent(share)} of the disk is free` };
  },
});

export const houseChecks = (options: HouseCheckOptions): readonly HealthCheck[] => {
  const { status, disk, loopDelayMsMax, outside = [] } = options;
  return [
    archiveCheck(options),
    {
      name: "journal",
      look: () => {
        const { pending, lastSeq, failure } = status().journal;
        if (failure !== null) return { state: "critical", reason: failure };
        if (pending > journalPendingMax) return { state: "critical", reason: `${pending} records wait to become durable` };
        return ok(`${lastSeq} records, ${pending} waiting`);
      },
    },
    {
      name: "loop",
      look: () => {
        const { p99, max } = status().loopDelayMs;
        const reason = `event loop delay p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms`;
        return { state: p99 > loopDelayMsMax ? "critical" : max > loopDelayMsMax ? "warning" : "ok", reason };
      },
    },
    ...(disk.free === undefined ? [] : [diskCheck({ ...disk, free: disk.free })]),
    ...outside,
  ];
};
