/** What a page is shown of the work that keeps the house standing (spec I9). Plain JSON, bounded, made only when somebody asks. */
import type { SampleSeries } from "./samples.ts";

/** What became of one file in a maintenance run. */
export interface FileLine {
  readonly path: string;
  readonly became: "backed up" | "deleted" | "kept" | "skipped" | "not deleted";
  /** Empty where there is nothing to explain. */
  readonly reason: string;
  readonly bytes: number | null;
}

export interface MaintenanceRun {
  readonly runId: string;
  readonly outcome: "running" | "done" | "failed" | "refused";
  readonly failure: { readonly step: string; readonly reason: string } | null;
  /** Deleted ones and those that could not be first; 500 at most. */
  readonly files: readonly FileLine[];
  readonly filesLeftOut: number;
  /** Files that an earlier archive holds already. */
  readonly unchanged: number;
  readonly notes: readonly string[];
  /** Monotonic ms; 0 while it runs. */
  readonly elapsedMs: number;
}

/** A backup that was read back and agreed. */
export interface VerifiedBackup {
  /** Epoch ms of the session's clock. */
  readonly at: number;
  readonly runId: string;
  /** Files that it holds, by itself and by reference to earlier archives. */
  readonly files: number;
}

export interface ScheduleLine {
  readonly name: string;
  /** In words: "02:00 Asia/Seoul", "every 60 s". */
  readonly when: string;
  /** Epoch ms of the session's clock; null when it will not come again. */
  readonly nextAt: number | null;
  readonly isUnderWay: boolean;
}

export interface AlertLine {
  /** Epoch ms of the host: people live in real time. */
  readonly at: number;
  readonly level: "critical" | "warning" | "resolved";
  readonly code: string;
  readonly text: string;
  /** How often it came again without being told again. */
  readonly repeated: number;
}

export interface AlertsTold {
  /** The newest first. */
  readonly recent: readonly AlertLine[];
  /** Codes of which no end has been told. */
  readonly open: readonly string[];
  readonly channels: {
    readonly [name: string]: {
      readonly sent: number;
      readonly lost: number;
      readonly waiting: number;
      readonly held: number;
      readonly limited: number;
      readonly lastFailure: string | null;
    };
  };
}

export interface GapLine {
  readonly stream: string;
  readonly symbol: string;
  /** Epoch ms, market time. */
  readonly from: number;
  readonly to: number;
  readonly severity: "minor" | "major" | "critical";
  readonly reason: string;
}

/** Where rows are missing in the archive, of this run. */
export interface Gaps {
  readonly counts: { readonly minor: number; readonly major: number; readonly critical: number };
  /** The newest first. */
  readonly recent: readonly GapLine[];
}

export interface OpsSight {
  /** Epoch ms of the session's clock. */
  readonly at: number;
  /** Null where ops does not run, or has not run since this process began. */
  readonly run: MaintenanceRun | null;
  readonly lastVerified: VerifiedBackup | null;
  readonly schedule: readonly ScheduleLine[];
  readonly alerts: AlertsTold;
  readonly gaps: Gaps;
  /** Rows received and on disk at the end of each of the last 24 hours. */
  readonly hours: SampleSeries;
}

/** What of a house may say about ops; each from exactly one part. */
export interface OpsReadings {
  readonly samples: (spanMs: number, placesMax: number) => SampleSeries;
  readonly maintenanceRun: () => MaintenanceRun | null;
  readonly lastVerified: () => VerifiedBackup | null;
  readonly schedule: () => readonly ScheduleLine[];
  readonly alertsTold: () => AlertsTold;
  readonly gaps: () => Gaps;
}

const hourMs = 3_600_000;

export const opsSight = (view: OpsReadings & { readonly now: () => number }): OpsSight => ({
  at: view.now(),
  run: view.maintenanceRun(),
  lastVerified: view.lastVerified(),
  schedule: view.schedule(),
  alerts: view.alertsTold(),
  gaps: view.gaps(),
  hours: view.samples(24 * hourMs, 24),
});
