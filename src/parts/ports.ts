/** What a session needs from the world; adapters implement it, and tests bring their own. */
import type { Observable } from "rxjs";
import type { ArchiveFiles, Pulse } from "#archive/ports.ts";
import type { Broker, Clock, Journal, JournalError, KillSwitch } from "#core/ports.ts";
import type { Result } from "#core/result.ts";
import type { Strategy } from "#core/strategy/strategy.ts";
import type { SafetyCode } from "#machines/safety.codes.ts";
import type { Feed, RawTick } from "#market/ports.ts";
import type { AlertChannel, AlertLog } from "#ops/automation/alerts.ts";
import type { BackupWorker, MaintenanceFiles, Post } from "#ops/ports.ts";
import type { SessionClock } from "./waits.ts";

/** The logger, as much of it as the house uses; pino's fits. */
export type Log = AlertLog;

/** A value that the market had at a time of its own. */
export interface TimedValue {
  readonly at: number;
  readonly value: number;
}

/** Something odd about the process that no room can see from inside. */
export interface Oddity {
  readonly code: SafetyCode;
  readonly reason: string;
}

export interface OpsPorts {
  readonly files: MaintenanceFiles;
  readonly worker: BackupWorker;
}

export interface SessionPorts {
  readonly version: string;
  readonly home: { readonly path: string; readonly archive: string; readonly backup: string; readonly maintenanceLogs: string };
  readonly session: string;
  /** Of the lease. */
  readonly epoch: number;
  /** What the order ids of this run begin with: no other run at the same venue has it, whatever became of the home. */
  readonly orderSeries: string;
  readonly clock: SessionClock;
  /** People live in real time, also in a replay. */
  readonly wallClock: Pick<Clock, "now" | "monotonicMs" | "setTimer">;
  readonly journal: Journal;
  readonly markEnded: (cause: string) => Promise<Result<void, JournalError>>;
  /** Called once, when recovery has come to its end and before anything new is written: from now on the home is this version's. */
  readonly stampHome?: () => Result<void, string>;
  readonly broker: Broker;
  readonly feed: Feed;
  readonly startsAt: number;
  readonly archiveFiles: ArchiveFiles;
  readonly pulse: Pulse;
  /** The venue watches the market through us; absent for one that sees it itself. */
  readonly onTrade?: (tick: RawTick) => void;
  /** The venue closes for the day. */
  readonly endOfDay?: () => Promise<void>;
  /** The price step of a symbol at a price, for markets with a tick table. */
  readonly tickAt?: (symbol: string, priceMinor: number) => number;
  readonly strategy: Strategy;
  /** The volatility index, each value when its time has come. */
  readonly vix: Observable<TimedValue>;
  /** The process's own signs of life; they do not wait, so only the newest of each code is worth telling. */
  readonly oddities: Observable<Oddity>;
  /** Absent: there is none. */
  readonly killSwitch?: KillSwitch;
  /** How long the event loop is blocked. */
  readonly loopDelayMs?: () => { readonly p99: number; readonly max: number };
  /** Memory that the process takes of the machine. */
  readonly memoryBytes?: () => number;
  /** Room on the disk that holds the home; rejects when nobody can say. */
  readonly diskSpace?: () => Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
  /** The way to services outside; absent where there is none. */
  readonly post?: Post;
  /** The ways to people beside the log. */
  readonly alertChannels?: readonly AlertChannel[];
  readonly log: Log;
  /** Lines that the log could not write. */
  readonly logLinesLost?: () => number;
  /** Absent: core runs without ops. */
  readonly ops?: OpsPorts;
}
