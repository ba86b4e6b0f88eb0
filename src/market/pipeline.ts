/**
 * The way of a tick: snapshot → validation → guard → enrichment → { marks, archive, lane } (spec A2).
 *
 * Every stage counts what came in and what became of it, so that in = out + refused + errored holds at any moment: a
 * recorder that looks healthy while it loses rows (the origin's incident: 116 of 97,329 written) cannot hide here.
 */
import type { Config } from "#config/schema.ts";
import type { Offer } from "#core/event/catalog.ts";
import { createEnrichment } from "./enrichment.ts";
import { createGuard, type GuardOptions } from "./guard.ts";
import { LastTrades } from "./mark-book.ts";
import { freshStart, type MarketClock, type RawTick, type ResumePoint, type RowIntake, type SequenceBySymbol } from "./ports.ts";
import { type SnapshotDraft, type SnapshotInputs, type Stage, snapshotLine, snapshotSchemaName } from "./snapshot.ts";
import { type ValidationLimits, validationProblem } from "./validation.ts";

export const pipelineStages = ["snapshot", "validation", "guard", "enrichment", "archive", "lane"] as const;
export type PipelineStage = (typeof pipelineStages)[number];

/** in = out + refused + errored, at any moment. */
export interface StageCounts {
  readonly in: number;
  readonly out: number;
  readonly refused: number;
  readonly errored: number;
  /** The refused by reason. */
  readonly refusedBy: { readonly [reason: string]: number };
  /** What the last error said; absent while there was none. */
  readonly lastError?: string;
}

/** A row that will not be in the archive although its source delivered it, so that it can be declared there. */
export interface RefusedRow {
  readonly stream: Stage;
  readonly stage: PipelineStage;
  readonly reason: string;
  readonly symbol: string;
  /** The source's number, a swing row's own; absent where it was used before, so that no place is empty for want of the row. */
  readonly sequence?: number;
  readonly series: number;
  /** The exchange's time, or the clock's where that cannot be: a gap line of the year 45736 would declare everything. */
  readonly at: number;
}

export interface TickCounts {
  readonly received: number;
  readonly refused: number;
  /** Of the refused, those that came again and are in the archive already. */
  readonly repeated: number;
  readonly errored: number;
}

export interface MarketPipeline {
  /** Takes one tick through all stages; never throws. Returns whether it was believed, and may so be the price. */
  accept(tick: RawTick): boolean;
  /** Takes a snapshot that the loop made of a symbol's interval; archived, not offered to a lane. */
  acceptSwing(symbol: string, inputs: SnapshotInputs, isStale: boolean): void;
  /** A swing snapshot could not be made, for this reason: counted as refused at the first stage. */
  refuseSwing(reason: string): void;
  readonly marks: LastTrades;
  /** Where a source goes on after a lost connection: the last number of each symbol that was seen. */
  sequences(): SequenceBySymbol;
  counts(): { readonly [S in PipelineStage]: StageCounts };
  /** Ticks that entered, and what became of them before the archive; swing snapshots are not among them. */
  tickCounts(): TickCounts;
}

export interface MarketPipelineOptions {
  readonly session: string;
  readonly run: string;
  /** Name of the feed. */
  readonly source: string;
  readonly instruments: Config["instruments"];
  readonly clock: Pick<MarketClock, "now">;
  readonly limits: ValidationLimits & Pick<GuardOptions, "priceJumpShareMax">;
  readonly archive: RowIntake;
  readonly offer: Offer;
  readonly resume?: ResumePoint;
  /** As the feed says of its numbers. */
  readonly numbers?: "sparse" | undefined;
  /** What our clock is ahead of the source's, where that is known: what the source says is judged by its own clock. */
  readonly clockAheadMs?: (() => number | undefined) | undefined;
  /** Told of every row that was let through, for gap detection; on the path of every tick. */
  readonly onRow?: (stage: Stage, symbol: string, market: string, exchangeAt: number) => void;
  readonly onHole?: GuardOptions["onHole"];
  readonly onRenumbered?: GuardOptions["onRenumbered"];
  readonly onRefused?: (row: RefusedRow) => void;
}

class Counts {
  in = 0;
  out = 0;
  refused = 0;
  errored = 0;
  readonly refusedBy: Record<string, number> = {};
  lastError: string | undefined;
  refuse(reason: string): void {
    this.refused += 1;
    this.refusedBy[reason] = (this.refusedBy[reason] ?? 0) + 1;
  }
}

const shown = ({ in: came, out, refused, errored, refusedBy, lastError }: Counts): StageCounts => ({
  in: came,
  out,
  refused,
  errored,
  refusedBy: { ...refusedBy },
  ...(lastError === undefined ? {} : { lastError }),
});

const nothing = (): undefined => undefined;

export const createMarketPipeline = ({
  session,
  run,
  source,
  instruments,
  clock,
  limits,
  archive,
  offer,
  resume = freshStart,
  numbers,
  clockAheadMs = nothing,
  onRow = nothing,
  onHole = nothing,
  onRenumbered = nothing,
  onRefused = nothing,
}: MarketPipelineOptions): MarketPipeline => {
  const stages = {
    snapshot: new Counts(),
    validation: new Counts(),
    guard: new Counts(),
    enrichment: new Counts(),
    archive: new Counts(),
    lane: new Counts(),
  };
  const ticks = { received: 0, refused: 0, repeated: 0, errored: 0 };
  const markets = new Map(instruments.map(({ symbol, market }) => [symbol, market]));
  const marks = new LastTrades();
  for (const [symbol, { priceMinor, quantity, exchangeAt, sequence }] of Object.entries(resume.symbols))
    marks.record(symbol, { priceMinor, quantity, at: exchangeAt, sequence });
  const enrich = createEnrichment(resume);
  const guard = createGuard({
    priceJumpShareMax: limits.priceJumpShareMax,
    resume,
    isSparse: numbers === "sparse",
    onHole,
    onRenumbered,
    onJump: ({ symbol, fromMinor, toMinor, at }) =>
      offer({
        type: "anomaly.raised",
        source: "market.guard",
        at,
        payload: {
          code: "AN001",
          reason: `${symbol} jumped from ${fromMinor} to ${toMinor}; refused until the next trade confirms it`,
        },
      }),
  });

  /** The source's time at a moment of our clock. */
  const sourceTime = (at: number): number => at - (clockAheadMs() ?? 0);

  const draftOf = (stage: Stage, symbol: string, market: string, inputs: SnapshotInputs): SnapshotDraft => {
    const now = clock.now();
    return {
      _schema: snapshotSchemaName,
      meta: { at: now, session, run, sequence: 0, source, latencyMs: now - inputs.exchangeAt },
      context: { symbol, market, stage },
      observation: { inputs, computed: { cumulativeVolume: 0, changeMinor: 0 }, state: { phase: "closed" } },
      _quality: [],
    };
  };

  const inputsOf = (tick: RawTick): SnapshotInputs => {
    const inputs: { -readonly [K in keyof SnapshotInputs]: SnapshotInputs[K] } = {
      priceMinor: tick.priceMinor,
      quantity: tick.quantity,
      exchangeAt: tick.exchangeAt,
      sequence: tick.sequence,
    };
    if (tick.venue !== undefined) inputs.venue = tick.venue;
    if (tick.condition !== undefined) inputs.condition = tick.condition;
    if (tick.bidPriceMinor !== undefined) inputs.bidPriceMinor = tick.bidPriceMinor;
    if (tick.askPriceMinor !== undefined) inputs.askPriceMinor = tick.askPriceMinor;
    return inputs;
  };

  const believedAt = ({ exchangeAt }: RawTick): number => {
    const now = sourceTime(clock.now());
    const isPossible = exchangeAt <= now + limits.futureMsMax && exchangeAt >= now - limits.pastMsMax;
    return isPossible && Number.isSafeInteger(exchangeAt) ? exchangeAt : now;
  };

  const tellRefused = (stage: PipelineStage, reason: string, { symbol, sequence }: RawTick, at: number, isNumbered: boolean) =>
    onRefused({
      stream: "scalp",
      stage,
      reason,
      symbol,
      ...(isNumbered ? { sequence } : {}),
      series: guard.placeOf(symbol, sequence).series,
      at,
    });

  const refuse = (stage: PipelineStage, reason: string, tick: RawTick | undefined, isNumbered: boolean): void => {
    stages[stage].refuse(reason);
    if (tick === undefined) return;
    ticks.refused += 1;
    if (reason === "sequence.repeated") ticks.repeated += 1;
    // The one is in the archive, and a hole that is declared names the other: all else is declared.
    else if (reason !== "sequence.late") tellRefused(stage, reason, tick, believedAt(tick), isNumbered);
  };

  /** Runs the stages over one draft; `tick` is its origin, absent for a swing snapshot. The stage it is in is kept in `current`. */
  let current: PipelineStage = "snapshot";
  const walk = (draft: SnapshotDraft, tick: RawTick | undefined): boolean => {
    const { context, observation, meta } = draft;
    const { inputs } = observation;
    stages.snapshot.out += 1;

    current = "validation";
    stages.validation.in += 1;
    const impossible = validationProblem(draft, sourceTime(meta.at), limits);
    if (impossible !== undefined) {
      refuse("validation", impossible, tick, tick !== undefined && guard.placeOf(tick.symbol, tick.sequence).isNew);
      if (tick !== undefined) guard.skip(tick.symbol, tick.sequence);
      return false;
    }
    stages.validation.out += 1;

    current = "guard";
    stages.guard.in += 1;
    const unfit = tick === undefined ? undefined : guard.problem(draft);
    if (unfit !== undefined) {
      refuse("guard", unfit, tick, unfit === "price.jump");
      return false;
    }
    stages.guard.out += 1;
    if (tick !== undefined)
      marks.record(context.symbol, {
        priceMinor: inputs.priceMinor,
        quantity: inputs.quantity,
        at: inputs.exchangeAt,
        sequence: inputs.sequence,
      });

    current = "enrichment";
    stages.enrichment.in += 1;
    enrich(draft);
    stages.enrichment.out += 1;

    current = "archive";
    stages.archive.in += 1;
    // A gap ends with a row that is kept: one outage of the disk is one gap, however many rows it takes.
    if (archive.hasRoom(context.stage)) onRow(context.stage, context.symbol, context.market, inputs.exchangeAt);
    if (archive.append(context.stage, inputs.exchangeAt, snapshotLine(draft))) stages.archive.out += 1;
    else {
      stages.archive.refuse("buffer.full");
      if (tick !== undefined) {
        // The row was good: for the archive this is a loss, not a refusal.
        ticks.errored += 1;
        tellRefused("archive", "buffer.full", tick, tick.exchangeAt, true);
      } else {
        // A swing row has no number but its own.
        const { symbol } = context;
        const { sequence } = meta;
        onRefused({
          stream: "swing",
          stage: "archive",
          reason: "buffer.full",
          symbol,
          sequence,
          series: 1,
          at: inputs.exchangeAt,
        });
      }
    }

    if (tick === undefined) return true;
    current = "lane";
    stages.lane.in += 1;
    offer({
      type: "market.trade.ticked",
      source,
      at: meta.at,
      payload: {
        symbol: context.symbol,
        priceMinor: inputs.priceMinor,
        quantity: inputs.quantity,
        sequence: inputs.sequence,
        exchangeAt: inputs.exchangeAt,
      },
    });
    stages.lane.out += 1;
    return true;
  };

  /** A throw in a stage is a bug or a broken neighbour: the row is counted where it died, and the next one goes on. */
  const failed = (error: unknown): PipelineStage => {
    stages[current].errored += 1;
    stages[current].lastError = String(error);
    return current;
  };

  const declareLost = (tick: RawTick, stage: PipelineStage): void => {
    try {
      tellRefused(stage, "error", tick, believedAt(tick), true);
    } catch (error) {
      stages[stage].lastError = String(error);
    }
  };

  return {
    marks,
    sequences: guard.sequences,
    accept: (tick) => {
      ticks.received += 1;
      current = "snapshot";
      stages.snapshot.in += 1;
      try {
        const market = markets.get(tick.symbol);
        if (market === undefined) {
          refuse("snapshot", "symbol.unknown", tick, false);
          return false;
        }
        const draft = draftOf("scalp", tick.symbol, market, inputsOf(tick));
        if (tick.suspicious === true) draft._quality.push("SUSPICIOUS");
        return walk(draft, tick);
      } catch (error) {
        const stage = failed(error);
        // A row that the lane could not take is in the archive all the same.
        if (stage === "lane") return true;
        ticks.errored += 1;
        declareLost(tick, stage);
        return false;
      }
    },
    acceptSwing: (symbol, inputs, isStale) => {
      current = "snapshot";
      stages.snapshot.in += 1;
      try {
        const market = markets.get(symbol);
        if (market === undefined) return stages.snapshot.refuse("symbol.unknown");
        const draft = draftOf("swing", symbol, market, inputs);
        if (isStale) draft._quality.push("STALE");
        walk(draft, undefined);
      } catch (error) {
        failed(error);
      }
    },
    refuseSwing: (reason) => {
      stages.snapshot.in += 1;
      stages.snapshot.refuse(reason);
    },
    counts: () => ({
      snapshot: shown(stages.snapshot),
      validation: shown(stages.validation),
      guard: shown(stages.guard),
      enrichment: shown(stages.enrichment),
      archive: shown(stages.archive),
      lane: shown(stages.lane),
    }),
    tickCounts: () => ({ ...ticks }),
  };
};
