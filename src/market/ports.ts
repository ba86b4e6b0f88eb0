/** What the market room asks of the world: sources of market data, a clock, and somewhere to put rows. */
import type { Observable } from "rxjs";
import type { Clock, Valve } from "#core/ports.ts";
import type { Stage } from "./snapshot.ts";

/**
 * One frame of a source, as its adapter understood it. The adapter promises names, not truth: values are checked once, in
 * `validation.ts`. Prices are integers of the instrument's minor unit, times are epoch ms.
 */
export interface RawTick {
  readonly symbol: string;
  /** When it happened, by the exchange's clock. */
  readonly exchangeAt: number;
  /** The source's own number, 1, 2, 3 … per symbol: what makes loss and repetition visible. */
  readonly sequence: number;
  readonly priceMinor: number;
  /** Lots traded. */
  readonly quantity: number;
  readonly venue?: string;
  /** Sale condition flags, as the source writes them. */
  readonly condition?: string;
  /** The source itself doubts this trade. */
  readonly suspicious?: boolean;
  readonly bidPriceMinor?: number;
  readonly askPriceMinor?: number;
}

/** Where a restarted process goes on: for each symbol the last sequence that is already on disk. */
export type SequenceBySymbol = { readonly [symbol: string]: number };

export interface FeedConnection {
  /**
   * Ticks in the order of the source, per symbol without a hole. Nothing flows before the one subscription. Completes at the
   * end of a recorded source or after `stop()`; an error means that the connection is gone.
   */
  readonly ticks: Observable<RawTick>;
  /** Resolves when there is a connection, for a source that needs time for it; it stands at once when absent. */
  readonly opened?: Promise<void>;
  /** Share of the source's data that has been delivered, 0 to 1; null when the source has no end. */
  progress(): number | null;
  /** Ends delivery at the next tick; twice is fine. Resolves when nothing more will be delivered. */
  stop(): Promise<void>;
}

export interface FeedOpening {
  readonly afterSequence?: SequenceBySymbol;
  /** Closed while the house has no room: a source that can wait does. */
  readonly valve: Valve;
}

/** Why there is no connection, from a source that says how long it wants to be left alone. */
export class ConnectionRefused extends Error {
  readonly retryAfterMs: number;
  constructor(reason: string, retryAfterMs: number) {
    super(reason);
    this.retryAfterMs = retryAfterMs;
  }
}

/** A source of market data. How fast it delivers is the adapter's own matter. */
export interface Feed {
  readonly name: string;
  /** "sparse": the source's numbers grow and are not consecutive, so that a jump is no loss; 1, 2, 3 … when absent. */
  readonly numbers?: "sparse";
  /**
   * What this machine's clock is ahead of the source's, in ms, negative when behind; undefined while nobody knows. Absent for a
   * source that has no clock of its own.
   */
  readonly clockAheadMs?: () => number | undefined;
  open(opening: FeedOpening): FeedConnection;
}

/** The part of the Clock port that this room needs. */
export type MarketClock = Pick<Clock, "now" | "setTimer">;

/** Where rows go to be kept; the archive's sink is one. */
export interface RowIntake {
  /**
   * Takes a line of JSON, newline included, that belongs to the time `at`.
   *
   * @returns false when there is no room for it: the row is lost and counted there
   */
  append(stage: Stage, at: number, line: string): boolean;
  /** Whether a row of this stream would be taken now: what must be said before a row is said only when the row comes too. */
  hasRoom(stage: Stage): boolean;
}

/** What a restarted process needs from the rows on disk to go on as if it had never stopped. */
export interface ResumePoint {
  /** The last row number of each stream; 0 when there is none. */
  readonly rows: { readonly [S in Stage]: number };
  readonly symbols: {
    readonly [symbol: string]: {
      readonly sequence: number;
      /** 2 and more once the source's numbers have begun again; 1 when absent. */
      readonly series?: number;
      readonly exchangeAt: number;
      readonly priceMinor: number;
      readonly quantity: number;
      readonly cumulativeVolume: number;
    };
  };
}

export const freshStart: ResumePoint = { rows: { scalp: 0, swing: 0 }, symbols: {} };
