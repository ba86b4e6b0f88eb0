/** Lines of the system stream: what the archive says about itself. A reader needs them to tell declared loss from silent loss. */
import type { Stage } from "#market/snapshot.ts";

export const systemSchemaName = "qts.system/1";

export const gapSeverities = ["minor", "major", "critical"] as const;
export type GapSeverity = (typeof gapSeverities)[number];

export const gapReasons = [
  /** Nobody traded: the source's numbers go on without a hole. */
  "quiet",
  /** The source skipped numbers: rows never reached this process. */
  "hole",
  /** Rows came and were refused; the archive does not keep what is impossible. */
  "refused",
  /** Rows came and could not be kept: the disk did not take them and the buffer was full. */
  "lost",
] as const;
export type GapReason = (typeof gapReasons)[number];

/** The detail of a loss whose rows nobody can number: nobody was connected to a source whose numbers are not consecutive. */
export const notConnected = "not.connected";

export interface GapRecord {
  readonly type: "gap";
  readonly stream: Stage;
  readonly symbol: string;
  /** Epoch ms of the last row before and of the first row after. */
  readonly from: number;
  readonly to: number;
  readonly seconds: number;
  readonly severity: GapSeverity;
  readonly reason: GapReason;
  /** Why rows were refused or lost. */
  readonly detail?: string;
  /**
   * The source's numbers that are missing, both inclusive; absent for a quiet gap, where nobody knows them (`notConnected`), and
   * where they say nothing: then `rows` is how many came and were not kept.
   */
  readonly firstMissing?: number;
  readonly lastMissing?: number;
  readonly rows?: number;
  /** Of the numbers, once they have begun again: 2 and more. */
  readonly series?: number;
}

export type SystemRecord =
  | GapRecord
  /** The source's numbers of this symbol began again after `lastSequence`; the rows that follow are of this series. */
  | {
      readonly type: "renumbered";
      readonly symbol: string;
      readonly series: number;
      readonly lastSequence: number;
      readonly exchangeAt: number;
    }
  /** A run began to write; torn tails of the run before were cut. `numbers` is there when the source's are not consecutive. */
  | { readonly type: "opened"; readonly tornFiles: number; readonly tornBytes: number; readonly numbers?: "sparse" }
  /** An fsync failed: of this segment only so many bytes may be trusted, the rest was written again elsewhere. */
  | { readonly type: "suspect"; readonly path: string; readonly trustedBytes: number; readonly reason: string }
  | { readonly type: "closed"; readonly persisted: number };

/** Whose line it is, and where in the run. */
export interface SystemMeta {
  readonly at: number;
  readonly session: string;
  readonly run: string;
  readonly sequence: number;
}

export const systemLine = (meta: SystemMeta, record: SystemRecord): string =>
  `${JSON.stringify({ _schema: systemSchemaName, meta, ...record })}\n`;
