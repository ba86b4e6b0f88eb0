/**
 * Where rows are missing, and how we know: evidence is recorded, data is never made up (spec A7).
 *
 * Two things are told apart that look alike in a file: nobody traded (the source's own numbers go on) and rows are missing (they
 * do not, or we refused them). Age is data age within the exchange's regular session. A gap's line is handed to the sink before
 * the row that ends it, and the sink writes the system stream first: after a crash no hole is on disk without its line.
 */
import type { Stage } from "#market/snapshot.ts";
import { type GapReason, type GapRecord, type GapSeverity, notConnected, type SystemRecord } from "./system-record.ts";

export interface GapLimits {
  readonly minorMs: number;
  readonly majorMs: number;
  readonly criticalMs: number;
}

export interface GapTrackerOptions {
  readonly limits: { readonly [S in Stage]: GapLimits };
  readonly symbols: readonly { readonly symbol: string; readonly market: string }[];
  /** Silence counts from here for a symbol that has no row yet. */
  readonly startsAt: number;
  /** Exchange time of each symbol's last row that an earlier run of the session wrote. */
  readonly lastRowAt?: { readonly [symbol: string]: number };
  /** The parts of a time span in which the market held its regular session. */
  readonly regularSpans: (
    market: string,
    fromAt: number,
    toAt: number,
  ) => readonly { readonly fromAt: number; readonly untilAt: number }[];
  readonly note: (at: number, record: SystemRecord) => void;
  /** The source's numbers are unique and not consecutive. */
  readonly isSparse?: boolean;
}

export interface GapTracker {
  /** A row is about to be archived; on the path of every tick. */
  row(stream: Stage, symbol: string, market: string, at: number): void;
  /** The source skipped the numbers between `after` and `before`. */
  hole(hole: {
    readonly symbol: string;
    readonly series: number;
    readonly after: number;
    readonly before: number;
    readonly at: number;
  }): void;
  /** The source's numbers begin again: nothing is missing for that, and a reader must know it. */
  renumbered(change: {
    readonly symbol: string;
    readonly series: number;
    readonly lastSequence: number;
    readonly at: number;
  }): void;
  /** The connection is new and the source's numbers tell no loss: what lies between each symbol's last row and its next one is lost. */
  severed(): void;
  /** A row came and will not be in the archive. */
  missing(row: {
    readonly stream: Stage;
    readonly reason: Extract<GapReason, "refused" | "lost">;
    readonly detail: string;
    readonly symbol: string;
    /** Absent when the number says nothing: it was used before. */
    readonly sequence?: number | undefined;
    readonly series: number;
    readonly at: number;
  }): void;
  /** No more rows come: whatever is open ends at `at`. */
  finish(at: number): void;
  counts(): { readonly [S in GapSeverity]: number };
}

interface OpenRun {
  readonly reason: GapReason;
  readonly detail: string;
  readonly from: number;
  to: number;
  readonly series: number;
  /** Absent when rows can only be counted. */
  readonly firstMissing: number | undefined;
  lastMissing: number | undefined;
  rows: number;
}

/** Named only from the second on. */
const named = (series: number): { readonly series?: number } => (series > 1 ? { series } : {});

interface Track {
  readonly market: string;
  lastAt: number;
  /** Refused or lost rows since the last one that was kept. */
  run: OpenRun | undefined;
  /** The silence before the next row is part of a hole that is already declared. */
  isHoleDeclared: boolean;
  /** It had a row before, of this run or an earlier one: what comes before a first row was never asked for. */
  hasRow: boolean;
  isSevered: boolean;
}

export const createGapTracker = ({
  limits,
  symbols,
  startsAt,
  lastRowAt = {},
  regularSpans,
  note,
  isSparse = false,
}: GapTrackerOptions): GapTracker => {
  const severities: Record<GapSeverity, number> = { minor: 0, major: 0, critical: 0 };
  const trackFor = (market: string, lastAt: number, hasRow = false): Track => ({
    market,
    lastAt,
    run: undefined,
    isHoleDeclared: false,
    hasRow,
    isSevered: false,
  });
  const tracks: { readonly [S in Stage]: Map<string, Track> } = {
    scalp: new Map(
      symbols.map(({ symbol, market }) => [
        symbol,
        trackFor(market, lastRowAt[symbol] ?? startsAt, lastRowAt[symbol] !== undefined),
      ]),
    ),
    // On this machine's clock a run starts after the outage, and its silence began with the last row before it.
    swing: new Map(
      symbols.map(({ symbol, market }) => [symbol, trackFor(market, Math.min(startsAt, lastRowAt[symbol] ?? startsAt))]),
    ),
  };

  const severityOf = (stream: Stage, ms: number): GapSeverity => {
    const { majorMs, criticalMs } = limits[stream];
    return ms >= criticalMs ? "critical" : ms >= majorMs ? "major" : "minor";
  };

  const declare = (gap: Omit<GapRecord, "type" | "seconds" | "severity">): void => {
    const ms = Math.max(0, gap.to - gap.from);
    const severity = severityOf(gap.stream, ms);
    severities[severity] += 1;
    const { stream, symbol, from, to, reason, ...numbers } = gap;
    note(to, { type: "gap", stream, symbol, from, to, seconds: ms / 1000, severity, reason, ...numbers });
  };

  const endRun = (stream: Stage, symbol: string, track: Track): void => {
    const { run } = track;
    if (run === undefined) return;
    track.run = undefined;
    const { reason, detail, from, to, firstMissing, lastMissing, rows, series } = run;
    const which = firstMissing === undefined || lastMissing === undefined ? { rows } : { firstMissing, lastMissing };
    declare({ stream, symbol, from, to, reason, detail, ...which, ...named(series) });
  };

  const quiet = (stream: Stage, symbol: string, { market, lastAt }: Track, at: number): void => {
    const { minorMs } = limits[stream];
    for (const { fromAt, untilAt } of regularSpans(market, lastAt, at))
      if (untilAt - fromAt >= minorMs) declare({ stream, symbol, from: fromAt, to: untilAt, reason: "quiet" });
  };

  const endSeverance = (symbol: string, track: Track, at: number): void => {
    track.isSevered = false;
    track.isHoleDeclared = true;
    declare({
      stream: "scalp",
      symbol,
      from: track.lastAt,
      to: Math.max(at, track.lastAt),
      reason: "lost",
      detail: notConnected,
    });
  };

  return {
    row: (stream, symbol, market, at) => {
      let track = tracks[stream].get(symbol);
      if (track === undefined) {
        track = trackFor(market, startsAt);
        tracks[stream].set(symbol, track);
      }
      if (track.run !== undefined) endRun(stream, symbol, track);
      if (track.isSevered) endSeverance(symbol, track, at);
      if (at - track.lastAt >= limits[stream].minorMs && !track.isHoleDeclared) quiet(stream, symbol, track, at);
      track.isHoleDeclared = false;
      track.hasRow = true;
      if (at > track.lastAt) track.lastAt = at;
    },
    hole: ({ symbol, series, after, before, at }) => {
      const track = tracks.scalp.get(symbol);
      if (track !== undefined) track.isHoleDeclared = true;
      declare({
        stream: "scalp",
        symbol,
        from: Math.min(track?.lastAt ?? at, at),
        to: at,
        reason: "hole",
        firstMissing: after + 1,
        lastMissing: before - 1,
        ...named(series),
      });
    },
    renumbered: ({ symbol, series, lastSequence, at }) => {
      note(at, { type: "renumbered", symbol, series, lastSequence, exchangeAt: at });
    },
    severed: () => {
      for (const track of tracks.scalp.values()) track.isSevered = track.hasRow;
    },
    missing: ({ stream, reason, detail, symbol, sequence, series, at }) => {
      const track = tracks[stream].get(symbol);
      // A row of a symbol that nobody asked for leaves no hole in the archive.
      if (track === undefined) return;
      const { run } = track;
      const when = Number.isSafeInteger(at) ? at : track.lastAt;
      // Numbers that are not consecutive name no rows between a first and a last.
      const number = (isSparse && stream === "scalp") || !Number.isSafeInteger(sequence) ? undefined : sequence;
      const isSame = run !== undefined && run.reason === reason && run.detail === detail && run.series === series;
      const follows =
        isSame && (number === undefined ? run.lastMissing === undefined : number === (run.lastMissing ?? Number.NaN) + 1);
      if (run !== undefined && follows) {
        run.lastMissing = number;
        run.rows += 1;
        run.to = Math.max(run.to, when);
        return;
      }
      endRun(stream, symbol, track);
      const from = Math.min(track.lastAt, when);
      track.run = { reason, detail, from, to: when, series, firstMissing: number, lastMissing: number, rows: 1 };
    },
    finish: (at) => {
      for (const stream of ["scalp", "swing"] as const)
        for (const [symbol, track] of tracks[stream]) {
          endRun(stream, symbol, track);
          if (track.isSevered) endSeverance(symbol, track, at);
          else quiet(stream, symbol, track, at);
          if (at > track.lastAt) track.lastAt = at;
        }
    },
    counts: () => ({ ...severities }),
  };
};
