import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { z } from "zod";
import { marketPhases, qualityFlags, type SnapshotRecord, snapshotJsonSchema, snapshotLine, stages } from "#market/snapshot.ts";
import { testPipeline, tick } from "./setup.ts";

const whole = fc.maxSafeInteger();
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
/** Leaves out what is undefined, as a parsed record would, and keeps the order of the names. */
const dense = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;

const records: fc.Arbitrary<SnapshotRecord> = fc.record({
  _schema: fc.constant("qts.snapshot/1" as const),
  meta: fc.record({ at: whole, session: fc.string(), run: fc.string(), sequence: whole, source: fc.string(), latencyMs: whole }),
  context: fc.record({ symbol: fc.string({ unit: "binary" }), market: fc.string(), stage: fc.constantFrom(...stages) }),
  observation: fc.record({
    inputs: fc
      .record({
        priceMinor: whole,
        quantity: whole,
        exchangeAt: whole,
        sequence: whole,
        series: maybe(whole),
        venue: maybe(fc.string()),
        condition: maybe(fc.string()),
        bidPriceMinor: maybe(whole),
        askPriceMinor: maybe(whole),
        bar: fc.option(fc.tuple(whole, whole, whole, whole, whole), { nil: undefined }),
      })
      .map(({ bar, ...inputs }) =>
        dense({
          ...inputs,
          ...(bar === undefined
            ? {}
            : { openPriceMinor: bar[0], highPriceMinor: bar[1], lowPriceMinor: bar[2], closePriceMinor: bar[3], volume: bar[4] }),
        }),
      ),
    computed: fc.record({ cumulativeVolume: whole, changeMinor: whole }),
    state: fc.record({ phase: fc.constantFrom(...marketPhases) }),
  }),
  _quality: fc.uniqueArray(fc.constantFrom(...qualityFlags)),
}) as fc.Arbitrary<SnapshotRecord>;

it("writes the bytes of JSON.stringify, whatever the record (A3)", () => {
  fc.assert(
    fc.property(records, (record) => {
      expect(snapshotLine(record)).toBe(`${JSON.stringify(record)}\n`);
    }),
  );
});

it("keeps one row's names out of the next, of whichever session, symbol, market and stage they are", async () => {
  // What is remembered from row to row begins empty with a process: so with every run of this property.
  const name = fc.constantFrom("", "A", "B");
  const few = fc.tuple(records, name, name, name, name).map(
    ([record, session, run, symbol, market]): SnapshotRecord => ({
      ...record,
      meta: { ...record.meta, session, run },
      context: { ...record.context, symbol, market },
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(few, { minLength: 1, maxLength: 8 }), async (rows) => {
      vi.resetModules();
      const fresh = await import("#market/snapshot.ts");
      for (const row of rows) expect(fresh.snapshotLine(row)).toBe(`${JSON.stringify(row)}\n`);
    }),
  );
});

it("makes lines that fit the published JSON Schema, and the schema refuses what it does not know (A3)", () => {
  const schema = z.fromJSONSchema(snapshotJsonSchema() as never);
  const { pipeline, records: made } = testPipeline();
  pipeline.accept(tick());
  pipeline.accept(tick({ sequence: 2, bidPriceMinor: 1, askPriceMinor: 2, suspicious: true }));
  pipeline.acceptSwing(
    "SPY",
    {
      priceMinor: 1,
      quantity: 1,
      exchangeAt: tick().exchangeAt,
      sequence: 2,
      openPriceMinor: 1,
      highPriceMinor: 1,
      lowPriceMinor: 1,
      closePriceMinor: 1,
      volume: 0,
    },
    true,
  );
  expect(made()).toHaveLength(3);
  for (const record of made()) expect(schema.safeParse(record)).toMatchObject({ success: true });
  expect(schema.safeParse({ ...made()[0], more: 1 }).success).toBe(false);
  expect(schema.safeParse({ ...made()[0], _schema: "qts.snapshot/2" }).success).toBe(false);
});

it("has its schema in the docs as it is (A3)", () => {
  const file = join(import.meta.dirname, "../../docs/reference/snapshot.schema.json");
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(snapshotJsonSchema());
});
