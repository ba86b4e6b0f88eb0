import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { createSnapshotLoop } from "#market/snapshot-loop.ts";
import { openingAt, testPipeline, tick } from "./setup.ts";

const minute = 60_000;

const setUp = () => {
  const clock = createSimulatedClock({ startAt: openingAt });
  const world = testPipeline({ clock });
  const loop = createSnapshotLoop({ pipeline: world.pipeline, clock, symbols: ["SPY", "IBM"], swingEveryMs: 10 * minute });
  const swing = () => world.records().filter(({ context }) => context.stage === "swing");
  return { ...world, clock, loop, swing };
};

describe("the snapshot loop", () => {
  it("makes a swing row of every symbol at every full interval, without anybody calling it (A1)", async () => {
    const { clock, loop, swing } = setUp();
    loop.start();
    loop.accept(tick({ symbol: "SPY" }));
    loop.accept(tick({ symbol: "IBM", priceMinor: 1_800_000 }));
    await clock.advanceTo(openingAt + 25 * minute);
    expect(swing().map(({ meta, context }) => [context.symbol, (meta.at - openingAt) / minute])).toEqual([
      ["SPY", 10],
      ["IBM", 10],
      ["SPY", 20],
      ["IBM", 20],
    ]);
  });

  it("puts the interval's open, high, low, close and volume into the row, and begins anew", async () => {
    const { clock, loop, swing } = setUp();
    loop.start();
    for (const [index, priceMinor] of [100, 105, 98, 101].entries())
      loop.accept(tick({ sequence: index + 1, priceMinor, quantity: 10 }));
    await clock.advanceTo(openingAt + 10 * minute);
    loop.accept(tick({ sequence: 5, priceMinor: 103, quantity: 7, exchangeAt: clock.now() }));
    await clock.advanceTo(openingAt + 20 * minute);
    const bars = swing().map(({ observation: { inputs } }) => [
      inputs.openPriceMinor,
      inputs.highPriceMinor,
      inputs.lowPriceMinor,
      inputs.closePriceMinor,
      inputs.volume,
    ]);
    expect(bars).toEqual([
      [100, 105, 98, 101, 40],
      [103, 103, 103, 103, 7],
    ]);
  });

  it("flags a symbol that has not traded since the last row, and counts one that never did: neither is silence", async () => {
    const { clock, loop, swing, pipeline } = setUp();
    loop.start();
    loop.accept(tick());
    await clock.advanceTo(openingAt + 20 * minute);
    expect(swing().map(({ context, _quality }) => [context.symbol, _quality])).toEqual([
      ["SPY", []],
      ["SPY", ["STALE"]],
    ]);
    expect(pipeline.counts().snapshot).toMatchObject({ refused: 2, refusedBy: { "symbol.silent": 2 } });
  });

  it("does not let a refused tick shape the bar", async () => {
    const { clock, loop, swing } = setUp();
    loop.start();
    loop.accept(tick({ priceMinor: 100 }));
    loop.accept(tick({ sequence: 2, priceMinor: 900 }));
    await clock.advanceTo(openingAt + 10 * minute);
    expect(swing()[0]?.observation.inputs).toMatchObject({ highPriceMinor: 100, volume: 100 });
  });

  it("keeps its grid across a restart, and stops when it is told to", async () => {
    const { clock, loop, swing } = setUp();
    await clock.advanceTo(openingAt + 7 * minute + 123);
    loop.start();
    loop.accept(tick());
    await clock.advanceTo(openingAt + 11 * minute);
    expect(swing().map(({ meta }) => meta.at)).toEqual([openingAt + 10 * minute]);
    loop.stop();
    loop.stop();
    await clock.advanceTo(openingAt + 60 * minute);
    expect(swing()).toHaveLength(1);
  });
});
