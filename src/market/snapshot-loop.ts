/**
 * The trigger of snapshots is ours (spec A1): the origin waited for somebody to call `on_snapshot`, and nobody ever did.
 *
 * Every tick becomes a scalp row on the way in. A swing row per symbol is made here at every full interval of market time,
 * from whatever the feed delivered since the last one. A symbol without a trade yet is counted, not passed over in silence.
 */
import type { MarketPipeline } from "./pipeline.ts";
import type { MarketClock, RawTick } from "./ports.ts";

interface Bar {
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}

export interface SnapshotLoop {
  /** Takes a tick through the pipeline and into the running interval of its symbol. */
  accept(tick: RawTick): void;
  start(): void;
  /** Makes no further snapshot; twice is fine. */
  stop(): void;
}

export const createSnapshotLoop = ({
  pipeline,
  clock,
  symbols,
  swingEveryMs,
}: {
  readonly pipeline: MarketPipeline;
  readonly clock: MarketClock;
  readonly symbols: readonly string[];
  /** Intervals begin at multiples of this since the epoch, so that a restart keeps the grid. */
  readonly swingEveryMs: number;
}): SnapshotLoop => {
  const bars = new Map<string, Bar>();
  let cancel: (() => void) | undefined;

  const snapshotOf = (symbol: string): void => {
    const mark = pipeline.marks.get(symbol);
    if (mark === undefined) {
      pipeline.refuseSwing("symbol.silent");
      return;
    }
    const bar = bars.get(symbol);
    bars.delete(symbol);
    const last = mark.priceMinor;
    pipeline.acceptSwing(
      symbol,
      {
        priceMinor: last,
        quantity: mark.quantity,
        exchangeAt: clock.now(),
        sequence: mark.sequence,
        openPriceMinor: bar?.open ?? last,
        highPriceMinor: bar?.high ?? last,
        lowPriceMinor: bar?.low ?? last,
        closePriceMinor: bar?.close ?? last,
        volume: bar?.volume ?? 0,
      },
      bar === undefined,
    );
  };

  const schedule = (): void => {
    const nextAt = (Math.floor(clock.now() / swingEveryMs) + 1) * swingEveryMs;
    cancel = clock.setTimer(nextAt, () => {
      schedule();
      for (const symbol of symbols) snapshotOf(symbol);
    });
  };

  return {
    accept: (tick) => {
      // A refused tick is not the mark, nor is a late one: neither must shape the bar.
      if (!pipeline.accept(tick)) return;
      const mark = pipeline.marks.get(tick.symbol);
      if (mark === undefined || mark.sequence !== tick.sequence) return;
      const bar = bars.get(tick.symbol);
      if (bar === undefined) {
        const price = mark.priceMinor;
        bars.set(tick.symbol, { open: price, high: price, low: price, close: price, volume: mark.quantity });
        return;
      }
      if (mark.priceMinor > bar.high) bar.high = mark.priceMinor;
      if (mark.priceMinor < bar.low) bar.low = mark.priceMinor;
      bar.close = mark.priceMinor;
      bar.volume += mark.quantity;
    },
    start: () => {
      if (cancel === undefined) schedule();
    },
    stop: () => {
      cancel?.();
      cancel = undefined;
    },
  };
};
