import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { pipelineStages } from "#market/pipeline.ts";
import type { RawTick } from "#market/ports.ts";
import { openingAt, testPipeline, tick } from "./setup.ts";

describe("a good tick", () => {
  it("becomes one row, one mark and one fact in the lane (E5)", () => {
    const { pipeline, records, offered } = testPipeline();
    pipeline.accept(tick());
    expect(records()).toEqual([
      {
        _schema: "qts.snapshot/1",
        meta: { at: openingAt, session: "test-day", run: "1", sequence: 1, source: "memory", latencyMs: 0 },
        context: { symbol: "SPY", market: "NYSE", stage: "scalp" },
        observation: {
          inputs: { priceMinor: 1_674_100, quantity: 100, exchangeAt: openingAt, sequence: 1, venue: "P", condition: "20000020" },
          computed: { cumulativeVolume: 100, changeMinor: 0 },
          state: { phase: "regular" },
        },
        _quality: [],
      },
    ]);
    expect(pipeline.marks.get("SPY")).toEqual({ priceMinor: 1_674_100, quantity: 100, at: openingAt, sequence: 1 });
    expect(offered).toEqual([
      {
        type: "market.trade.ticked",
        source: "memory",
        at: openingAt,
        payload: { symbol: "SPY", priceMinor: 1_674_100, quantity: 100, sequence: 1, exchangeAt: openingAt },
      },
    ]);
  });

  it("knows the volume so far, the change and the exchange's phase", () => {
    const { pipeline, records, clock } = testPipeline();
    pipeline.accept(tick({ quantity: 10 }));
    pipeline.accept(tick({ symbol: "IBM", priceMinor: 1_800_000, quantity: 7 }));
    clock.at = openingAt + 6.5 * 3_600_000;
    pipeline.accept(tick({ sequence: 2, quantity: 5, priceMinor: 1_674_000, exchangeAt: clock.at }));
    expect(records().map(({ observation: { computed, state } }) => ({ ...computed, ...state }))).toEqual([
      { cumulativeVolume: 10, changeMinor: 0, phase: "regular" },
      { cumulativeVolume: 7, changeMinor: 0, phase: "regular" },
      { cumulativeVolume: 15, changeMinor: -100, phase: "after" },
    ]);
  });
});

describe("a tick that is refused", () => {
  test.each([
    { what: "of a symbol nobody asked for", given: { symbol: "QQQ" }, stage: "snapshot", reason: "symbol.unknown" },
    { what: "that is impossible", given: { priceMinor: -1 }, stage: "validation", reason: "price.not.positive" },
    { what: "that moved too far", given: { sequence: 2, priceMinor: 2_000_000 }, stage: "guard", reason: "price.jump" },
    { what: "that came before", given: {}, stage: "guard", reason: "sequence.repeated" },
  ] as const)("$what is counted with its reason, and is neither row nor mark nor fact", ({ given, stage, reason }) => {
    const { pipeline, rows, offered } = testPipeline();
    pipeline.accept(tick());
    const before = { rows: rows.length, ticks: offered.filter(({ type }) => type === "market.trade.ticked").length };
    pipeline.accept(tick(given));
    expect(pipeline.counts()[stage]).toMatchObject({ refused: 1, refusedBy: { [reason]: 1 } });
    expect(rows.length).toBe(before.rows);
    expect(offered.filter(({ type }) => type === "market.trade.ticked").length).toBe(before.ticks);
    expect(pipeline.marks.get("SPY")?.priceMinor).toBe(1_674_100);
  });

  it("is told to whoever declares it, except a repetition, which is in the archive already", () => {
    const { pipeline, refused } = testPipeline();
    pipeline.accept(tick());
    pipeline.accept(tick());
    pipeline.accept(tick({ sequence: 2, quantity: -1 }));
    expect(refused).toEqual([
      { stream: "scalp", stage: "validation", reason: "quantity.negative", symbol: "SPY", sequence: 2, series: 1, at: openingAt },
    ]);
    expect(pipeline.tickCounts()).toEqual({ received: 3, refused: 2, repeated: 1, errored: 0 });
  });

  test.each([openingAt * 1000, openingAt * 1_000_000, -1, Number.NaN, openingAt - 90_000_000])(
    "is declared at the clock's time when its own, %d, cannot be (A7)",
    (exchangeAt) => {
      const { pipeline, refused, clock } = testPipeline();
      clock.at = openingAt + 7;
      pipeline.accept(tick({ exchangeAt }));
      expect(refused).toMatchObject([{ stage: "validation", at: openingAt + 7 }]);
    },
  );

  it("uses up its number: the next one is not taken for a hole", () => {
    const { pipeline, records } = testPipeline();
    pipeline.accept(tick());
    pipeline.accept(tick({ sequence: 2, priceMinor: 0 }));
    pipeline.accept(tick({ sequence: 3 }));
    expect(records().map(({ _quality }) => _quality)).toEqual([[], []]);
  });
});

describe("the guard", () => {
  it("flags a hole in the source's numbers and says what is missing", () => {
    const holes: object[] = [];
    const { pipeline, records } = testPipeline({ onHole: (hole) => holes.push(hole) });
    pipeline.accept(tick());
    pipeline.accept(tick({ sequence: 5, exchangeAt: openingAt + 1 }));
    expect(records().map(({ _quality }) => _quality)).toEqual([[], ["SEQUENCE_GAP"]]);
    expect(holes).toEqual([{ symbol: "SPY", series: 1, after: 1, before: 5, at: openingAt + 1 }]);
  });

  it("takes numbers that begin again for a new series: no row is refused, and what it lacks is a hole of that series (A14)", () => {
    const holes: object[] = [];
    const renumbered: object[] = [];
    const { pipeline, records, refused } = testPipeline({
      onHole: (hole) => holes.push(hole),
      onRenumbered: (change) => renumbered.push(change),
    });
    for (let sequence = 1; sequence <= 200; sequence++) pipeline.accept(tick({ sequence, exchangeAt: openingAt + sequence }));
    for (let sequence = 3; sequence <= 150; sequence++)
      pipeline.accept(tick({ sequence, exchangeAt: openingAt + 1000 + sequence }));
    expect(refused).toEqual([]);
    expect(pipeline.tickCounts()).toMatchObject({ received: 348, refused: 0 });
    const kept = records().map(({ observation: { inputs } }) => inputs);
    expect(kept).toHaveLength(348);
    expect(kept.slice(0, 200).every(({ series }) => series === undefined)).toBe(true);
    expect(kept.slice(200).every(({ series }) => series === 2)).toBe(true);
    expect(renumbered).toEqual([{ symbol: "SPY", series: 2, lastSequence: 200, at: openingAt + 1003 }]);
    expect(holes).toEqual([{ symbol: "SPY", series: 2, after: 0, before: 3, at: openingAt + 1003 }]);
    expect(pipeline.sequences()).toEqual({ SPY: 150 });
  });

  it("declares what came before and cannot be proved to be there: an old number, or one with other figures (A14)", () => {
    const { pipeline, refused } = testPipeline();
    for (let sequence = 1; sequence <= 200; sequence++) pipeline.accept(tick({ sequence, exchangeAt: openingAt + sequence }));
    pipeline.accept(tick({ sequence: 200, exchangeAt: openingAt + 200, quantity: 7 }));
    pipeline.accept(tick({ sequence: 3, exchangeAt: openingAt + 3 }));
    pipeline.accept(tick({ sequence: 190, exchangeAt: openingAt + 190 }));
    expect(refused).toEqual([
      { stream: "scalp", stage: "guard", reason: "sequence.changed", symbol: "SPY", series: 1, at: openingAt + 200 },
      { stream: "scalp", stage: "guard", reason: "sequence.old", symbol: "SPY", series: 1, at: openingAt + 3 },
    ]);
    expect(pipeline.tickCounts()).toMatchObject({ refused: 3, repeated: 1 });
  });

  it("goes on in the series that an earlier run was in", () => {
    const last = { sequence: 6, series: 3, exchangeAt: openingAt, priceMinor: 1_674_000, quantity: 5, cumulativeVolume: 900 };
    const { pipeline, records } = testPipeline({ resume: { rows: { scalp: 10, swing: 3 }, symbols: { SPY: last } } });
    pipeline.accept(tick({ sequence: 7 }));
    pipeline.accept(tick({ sequence: 1, exchangeAt: openingAt + 1 }));
    expect(records().map(({ observation: { inputs } }) => [inputs.series, inputs.sequence])).toEqual([
      [3, 7],
      [4, 1],
    ]);
  });

  it("keeps rows that overtook each other where numbers are unique and not consecutive", () => {
    const { pipeline, records, refused } = testPipeline({ numbers: "sparse" });
    for (const sequence of [1000, 2000, 1500, 1500, 3000]) pipeline.accept(tick({ sequence }));
    expect(records().map(({ observation: { inputs } }) => inputs.sequence)).toEqual([1000, 2000, 1500, 3000]);
    expect(records().every(({ observation: { inputs } }) => inputs.series === undefined)).toBe(true);
    expect(refused).toEqual([]);
  });

  it("takes no jump of numbers for a hole when the source says that they are not consecutive", () => {
    const holes: unknown[] = [];
    const { pipeline, records } = testPipeline({ numbers: "sparse", onHole: (hole) => holes.push(hole) });
    for (const sequence of [1_618_678_262_000_001, 1_618_678_263_000_001, 1_618_678_263_000_001])
      pipeline.accept(tick({ sequence }));
    expect(holes).toEqual([]);
    expect(records().map(({ _quality }) => _quality)).toEqual([[], []]);
  });

  it("believes a jump that the next trade confirms, and reports it once", () => {
    const { pipeline, records, offered } = testPipeline();
    pipeline.accept(tick());
    pipeline.accept(tick({ sequence: 2, priceMinor: 2_000_000 }));
    pipeline.accept(tick({ sequence: 3, priceMinor: 2_010_000 }));
    pipeline.accept(tick({ sequence: 4, priceMinor: 2_000_000 }));
    expect(records().map(({ observation }) => observation.inputs.sequence)).toEqual([1, 3, 4]);
    expect(offered.filter(({ type }) => type === "anomaly.raised")).toEqual([
      expect.objectContaining({ payload: expect.objectContaining({ code: "AN001" }) }),
    ]);
  });

  it("forgets a single wild price when the market goes on as before", () => {
    const { pipeline, records } = testPipeline();
    for (const [index, priceMinor] of [100, 200, 101, 200, 102].entries())
      pipeline.accept(tick({ sequence: index + 1, priceMinor }));
    expect(records().map(({ observation }) => observation.inputs.priceMinor)).toEqual([100, 101, 102]);
  });

  it("keeps equal trades of one millisecond apart by their numbers: a fifth of a real day would be lost otherwise", () => {
    const { pipeline, rows } = testPipeline();
    pipeline.accept(tick());
    pipeline.accept(tick({ sequence: 2 }));
    expect(rows).toHaveLength(2);
  });

  it("flags what the source doubts and what comes late, and a late trade is not the mark (E5)", () => {
    const { pipeline, records } = testPipeline();
    pipeline.accept(tick({ priceMinor: 100 }));
    pipeline.accept(tick({ sequence: 2, priceMinor: 101, exchangeAt: openingAt - 1, suspicious: true }));
    expect(records()[1]?._quality).toEqual(["SUSPICIOUS", "OUT_OF_ORDER"]);
    expect(pipeline.marks.get("SPY")?.priceMinor).toBe(100);
  });
});

describe("neighbours that fail", () => {
  it("an archive without room costs the row, counted, and neither the mark nor the fact", () => {
    const { pipeline, offered, refused } = testPipeline({ archive: { hasRoom: () => false, append: () => false } });
    pipeline.accept(tick());
    expect(pipeline.counts().archive).toMatchObject({ in: 1, out: 0, refused: 1, refusedBy: { "buffer.full": 1 } });
    expect(pipeline.tickCounts()).toEqual({ received: 1, refused: 0, repeated: 0, errored: 1 });
    expect(refused).toMatchObject([{ stage: "archive", reason: "buffer.full", sequence: 1 }]);
    expect(offered).toHaveLength(1);
  });

  it("an outage of the disk ends with the first row that is kept, not with each row that is lost (A7)", () => {
    let isFull = false;
    const told: string[] = [];
    const { pipeline } = testPipeline({
      archive: { hasRoom: () => !isFull, append: () => !isFull },
      onRow: (stream) => told.push(`row ${stream}`),
      onRefused: ({ stream, sequence }) => told.push(`lost ${stream} ${sequence}`),
    });
    pipeline.accept(tick());
    isFull = true;
    pipeline.accept(tick({ sequence: 2 }));
    pipeline.acceptSwing("SPY", { priceMinor: 1_674_100, quantity: 100, exchangeAt: openingAt, sequence: 2 }, false);
    pipeline.accept(tick({ sequence: 3 }));
    isFull = false;
    pipeline.accept(tick({ sequence: 4 }));
    expect(told).toEqual(["row scalp", "lost scalp 2", "lost swing 1", "lost scalp 3", "row scalp"]);
  });

  it("a throw is counted where it happened with what it said, and the next tick goes on", () => {
    let broken = true;
    const { pipeline } = testPipeline({
      archive: {
        hasRoom: () => true,
        append: () => {
          if (broken) throw new Error("disk on fire");
          return true;
        },
      },
    });
    pipeline.accept(tick());
    broken = false;
    pipeline.accept(tick({ sequence: 2 }));
    expect(pipeline.counts().archive).toMatchObject({ in: 2, out: 1, errored: 1, lastError: "Error: disk on fire" });
    expect(pipeline.tickCounts()).toEqual({ received: 2, refused: 0, repeated: 0, errored: 1 });
  });
});

describe("after a restart", () => {
  it("row numbers, volume, change and marks go on, and what is on disk is not taken twice", () => {
    const { pipeline, records } = testPipeline({
      resume: {
        rows: { scalp: 10, swing: 3 },
        symbols: { SPY: { sequence: 6, exchangeAt: openingAt, priceMinor: 1_674_000, quantity: 5, cumulativeVolume: 900 } },
      },
    });
    expect(pipeline.marks.get("SPY")?.priceMinor).toBe(1_674_000);
    pipeline.accept(tick({ sequence: 6 }));
    pipeline.accept(tick({ sequence: 7, quantity: 50 }));
    expect(records()).toMatchObject([
      { meta: { sequence: 11 }, observation: { computed: { cumulativeVolume: 950, changeMinor: 100 } }, _quality: [] },
    ]);
    expect(pipeline.sequences()).toEqual({ SPY: 7 });
  });
});

it("conserves: at every stage in = out + refused + errored, whatever comes (A2)", () => {
  const anything = fc.oneof(fc.integer({ min: -2, max: 6 }), fc.constantFrom(Number.NaN, undefined, null, "x", 1.5, 2e9));
  const wild = fc.record({
    symbol: fc.constantFrom("SPY", "IBM", "QQQ", "", undefined),
    exchangeAt: fc.oneof(
      fc.integer({ min: -9e7, max: 6000 }).map((ms) => openingAt + ms),
      anything,
    ),
    sequence: anything,
    priceMinor: fc.oneof(fc.integer({ min: 90, max: 110 }), anything),
    quantity: anything,
    bidPriceMinor: fc.option(anything),
    askPriceMinor: fc.option(anything),
  }) as unknown as fc.Arbitrary<RawTick>;
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 9, arbitrary: wild }, { weight: 1, arbitrary: fc.constant(null as never) })),
      (ticks) => {
        let appended = 0;
        const { pipeline, offered } = testPipeline({
          archive: {
            hasRoom: () => appended % 3 === 0,
            append: () => {
              appended += 1;
              if (appended % 7 === 0) throw new Error("now and then");
              return appended % 5 !== 0;
            },
          },
        });
        for (const one of ticks) pipeline.accept(one);
        const counts = pipeline.counts();
        for (const stage of pipelineStages) {
          const { in: came, out, refused, errored, refusedBy } = counts[stage];
          expect(came, stage).toBe(out + refused + errored);
          expect(Object.values(refusedBy).reduce((sum, count) => sum + count, 0)).toBe(refused);
        }
        expect(counts.snapshot.in).toBe(ticks.length);
        expect(counts.validation.in).toBe(counts.snapshot.out);
        expect(counts.guard.in).toBe(counts.validation.out);
        expect(counts.enrichment.in).toBe(counts.guard.out);
        expect(counts.archive.in).toBe(counts.enrichment.out);
        const { received, refused, errored } = pipeline.tickCounts();
        expect(received).toBe(ticks.length);
        expect(counts.archive.out).toBe(received - refused - errored);
        expect(offered.filter(({ type }) => type === "market.trade.ticked")).toHaveLength(counts.lane.out);
      },
    ),
  );
});

describe("a clock that is not the source's", () => {
  it("judges what the source says by the source's time, as far as it is known: a slow clock refuses nothing (A3)", () => {
    const behind = testPipeline({ clockAheadMs: () => -20_000 });
    behind.pipeline.accept(tick({ exchangeAt: openingAt + 20_000 }));
    behind.pipeline.accept(tick({ sequence: 2, exchangeAt: openingAt + 26_000 }));
    expect(behind.records().map(({ meta, observation }) => [meta.at, meta.latencyMs, observation.inputs.exchangeAt])).toEqual([
      [openingAt, -20_000, openingAt + 20_000],
    ]);
    expect(behind.refused.map(({ reason }) => reason)).toEqual(["time.future"]);
    const unknown = testPipeline({ clockAheadMs: () => undefined });
    unknown.pipeline.accept(tick({ exchangeAt: openingAt + 20_000 }));
    expect(unknown.refused).toHaveLength(1);
  });
});
