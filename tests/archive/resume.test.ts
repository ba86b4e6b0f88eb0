import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { createArchiveFiles } from "#adapters/host/archive-files.ts";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { readResumePoint } from "#archive/resume.ts";
import { createArchiveWatch, growthPerHour } from "#archive/watch.ts";
import type { NewFact } from "#core/event/catalog.ts";
import { openingAt, temporaryDirectory } from "./setup.ts";

const row = (stage: string, number: number, symbol: string, sequence: number, session = "s"): string =>
  `${JSON.stringify({
    _schema: "qts.snapshot/1",
    meta: { at: openingAt, session, run: "1", sequence: number, source: "x", latencyMs: 0 },
    context: { symbol, market: "NYSE", stage },
    observation: {
      inputs: { priceMinor: 100 + sequence, quantity: 5, exchangeAt: openingAt + sequence, sequence },
      computed: { cumulativeVolume: sequence * 5, changeMinor: 0 },
      state: { phase: "regular" },
    },
    _quality: [],
  })}\n`;

const resume = async (files: { readonly [path: string]: string }) => {
  const directory = temporaryDirectory();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  const point = await readResumePoint({ files: createArchiveFiles(), directory, session: "s", symbols: ["SPY", "IBM"] });
  if (!point.ok) throw new Error(point.error.reason);
  return point.value;
};

describe("where a session goes on", () => {
  it("is the beginning when nothing is on disk", async () => {
    expect(await resume({})).toEqual({ rows: { scalp: 0, swing: 0 }, symbols: {} });
  });

  it("is the last row of every symbol, also of one that traded long ago, and the last row number of each stream", async () => {
    const point = await resume({
      "scalp/20131007/22_30_00.jsonl": row("scalp", 1, "IBM", 1) + row("scalp", 2, "IBM", 2) + row("scalp", 3, "SPY", 1),
      "scalp/20131007/22_31_00.jsonl": row("scalp", 4, "SPY", 2),
      "scalp/20131007/22_31_00.p2.jsonl": row("scalp", 5, "SPY", 3),
      "scalp/20131007/22_31_00.p10.jsonl": row("scalp", 6, "SPY", 4),
      "scalp/20131007/22_32_00.jsonl": "",
      "swing/20131007/22_00.jsonl": row("swing", 1, "SPY", 3) + row("swing", 2, "IBM", 2),
    });
    expect(point).toEqual({
      rows: { scalp: 6, swing: 2 },
      symbols: {
        SPY: { sequence: 4, exchangeAt: openingAt + 4, priceMinor: 104, quantity: 5, cumulativeVolume: 20 },
        IBM: { sequence: 2, exchangeAt: openingAt + 2, priceMinor: 102, quantity: 5, cumulativeVolume: 10 },
      },
    });
  });

  it("is the last row that was written, where the clocks were set back and an hour's names came twice (A5)", async () => {
    const point = await resume({
      "scalp/20261101/01_30_00.jsonl": row("scalp", 1, "SPY", 1) + row("scalp", 2, "IBM", 1),
      "scalp/20261101/01_59_00.jsonl": row("scalp", 3, "SPY", 2) + row("scalp", 4, "IBM", 2),
      "scalp/20261101/01_30_00.p2.jsonl": row("scalp", 5, "SPY", 3) + row("scalp", 6, "IBM", 3),
    });
    expect(point).toMatchObject({ rows: { scalp: 6 }, symbols: { SPY: { sequence: 3 }, IBM: { sequence: 3 } } });
  });

  it("counts on from the last swing row, also when a run after a kill made an earlier hour's again (A5)", async () => {
    const point = await resume({
      "swing/20131007/22_00.jsonl": row("swing", 1, "SPY", 3),
      "swing/20131007/23_00.jsonl": row("swing", 2, "SPY", 4),
      "swing/20131007/22_00.p2.jsonl": row("swing", 3, "SPY", 3),
    });
    expect(point.rows.swing).toBe(3);
  });

  it("is not another session's: a day that is played again begins anew", async () => {
    const point = await resume({
      "scalp/20131007/23_59_00.jsonl": row("scalp", 900, "SPY", 800, "earlier"),
      "scalp/20131007/22_30_00.jsonl": row("scalp", 1, "SPY", 1, "earlier"),
      "scalp/20131007/22_30_00.p2.jsonl": row("scalp", 1, "SPY", 1),
    });
    expect(point).toMatchObject({ rows: { scalp: 1 }, symbols: { SPY: { sequence: 1 } } });
  });
});

describe("the watch (A10)", () => {
  it("tells the archive's counters and the disk's free space at even intervals of market time", async () => {
    const clock = createSimulatedClock({ startAt: openingAt });
    const offered: NewFact[] = [];
    const counts = { received: 5, persisted: 3, refused: 1, repeated: 0, errored: 0, pending: 1 };
    const watch = createArchiveWatch({
      clock,
      files: { diskSpace: async () => ({ ok: true, value: { freeBytes: 50, totalBytes: 200, freeFilesShare: 0.9 } }) },
      directory: "/",
      counts: () => counts,
      countsEveryMs: 60_000,
      diskEveryMs: 120_000,
      offer: (fact) => offered.push(fact),
    });
    watch.start();
    await clock.advanceTo(openingAt + 240_000);
    watch.stop();
    await clock.advanceTo(openingAt + 600_000);
    const of = (type: string): NewFact[] => offered.filter((fact) => fact.type === type);
    expect(of("archive.measured")).toHaveLength(4);
    expect(of("archive.measured")[0]?.payload).toEqual(counts);
    expect(of("disk.measured")).toHaveLength(3);
    expect(of("disk.measured")[0]?.payload).toEqual({ freeShare: 0.25, freeBytes: 50 });
    expect(of("disk.measured")[2]?.payload).toEqual({ freeShare: 0.25, freeBytes: 50, growthBytesPerHour: 0 });
  });

  it("takes a disk without inodes for one without room", async () => {
    const offered: NewFact[] = [];
    const watch = createArchiveWatch({
      clock: createSimulatedClock({ startAt: openingAt }),
      files: { diskSpace: async () => ({ ok: true, value: { freeBytes: 190, totalBytes: 200, freeFilesShare: 0.01 } }) },
      directory: "/",
      counts: () => ({ received: 0, persisted: 0, refused: 0, repeated: 0, errored: 0, pending: 0 }),
      countsEveryMs: 60_000,
      diskEveryMs: 60_000,
      offer: (fact) => offered.push(fact),
    });
    watch.start();
    await new Promise((resolve) => setImmediate(resolve));
    expect(offered[0]?.payload).toMatchObject({ freeShare: 0.01 });
    watch.stop();
  });

  it("measures growth per hour, and none from one look", () => {
    const hour = 3_600_000;
    expect(growthPerHour([{ at: 0, bytes: 1000 }])).toBeUndefined();
    expect(
      growthPerHour([
        { at: 0, bytes: 1000 },
        { at: hour / 2, bytes: 900 },
      ]),
    ).toBe(200);
    expect(
      growthPerHour([
        { at: 0, bytes: 900 },
        { at: hour, bytes: 1000 },
      ]),
    ).toBe(-100);
  });

  it("asks the real disk", async () => {
    const space = await createArchiveFiles().diskSpace("/");
    expect(space).toMatchObject({ ok: true });
    if (space.ok) expect(space.value.totalBytes).toBeGreaterThan(space.value.freeBytes);
  });
});
