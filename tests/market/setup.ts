/** A pipeline whose neighbours are lists, and ticks that are valid unless said otherwise. */
import type { NewFact } from "#core/event/catalog.ts";
import { createMarketPipeline, type MarketPipeline, type MarketPipelineOptions, type RefusedRow } from "#market/pipeline.ts";
import type { RawTick } from "#market/ports.ts";
import type { SnapshotRecord, Stage } from "#market/snapshot.ts";

/** 2013-10-07 09:30:00 New York. */
export const openingAt = Date.UTC(2013, 9, 7, 13, 30);

export const instruments = [
  { symbol: "SPY", market: "NYSE", currency: "USD", priceScale: 4, tickSize: 100, lotSize: 1 },
  { symbol: "IBM", market: "NYSE", currency: "USD", priceScale: 4, tickSize: 100, lotSize: 1 },
] as const;

export const limits = { futureMsMax: 5000, pastMsMax: 86_400_000, spreadShareMax: 0.1, priceJumpShareMax: 0.1 };

export const tick = (given: Partial<RawTick> = {}): RawTick => ({
  symbol: "SPY",
  exchangeAt: openingAt,
  sequence: 1,
  priceMinor: 1_674_100,
  quantity: 100,
  venue: "P",
  condition: "20000020",
  ...given,
});

export interface TestPipeline {
  readonly pipeline: MarketPipeline;
  readonly rows: { readonly stage: Stage; readonly at: number; readonly line: string }[];
  readonly records: () => SnapshotRecord[];
  readonly offered: NewFact[];
  readonly refused: RefusedRow[];
  readonly clock: { at: number };
}

export const testPipeline = (options: Partial<MarketPipelineOptions> = {}): TestPipeline => {
  const rows: { stage: Stage; at: number; line: string }[] = [];
  const offered: NewFact[] = [];
  const refused: RefusedRow[] = [];
  const clock = { at: openingAt };
  const pipeline = createMarketPipeline({
    session: "test-day",
    run: "1",
    source: "memory",
    instruments,
    clock: { now: () => clock.at },
    limits,
    archive: {
      hasRoom: () => true,
      append: (stage, at, line) => {
        rows.push({ stage, at, line });
        return true;
      },
    },
    offer: (fact) => offered.push(fact),
    onRefused: (row) => refused.push(row),
    ...options,
  });
  return { pipeline, rows, records: () => rows.map(({ line }) => JSON.parse(line) as SnapshotRecord), offered, refused, clock };
};
