/** A source whose numbers begin again, on real files: a new day, another gateway. Until it was tried, 4,000 of 9,000 rows went in silence. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ArchiveReport } from "#archive/check.report.ts";
import { createGapTracker } from "#archive/gaps.ts";
import { readResumePoint } from "#archive/resume.ts";
import { command } from "#commands/archive-check.ts";
import { regularSpans } from "#market/calendar.ts";
import { createMarketPipeline } from "#market/pipeline.ts";
import { instruments, limits, tick } from "../market/setup.ts";
import { openingAt, temporaryDirectory, testFiles, testSink, tree } from "./setup.ts";

const gapLimits = {
  scalp: { minorMs: 10_000, majorMs: 60_000, criticalMs: 300_000 },
  swing: { minorMs: 660_000, majorMs: 900_000, criticalMs: 1_800_000 },
};
type Given = readonly [number: number, afterOpeningMs: number];

/** One run of a recorder over an archive; its rows are all there when it resolves. */
const record = async (
  directory: string,
  run: string,
  numbers: "sparse" | undefined,
  rows: readonly Given[],
  bufferRowsMax = 20_000,
) => {
  const { sink } = testSink(directory, { run, numbers, bufferRowsMax });
  await sink.open();
  const symbols = instruments.map(({ symbol }) => symbol);
  const resume = await readResumePoint({ files: testFiles().files, directory, session: "test-day", symbols });
  if (!resume.ok) throw new Error(resume.error.reason);
  const clock = { at: openingAt };
  const gaps = createGapTracker({
    limits: gapLimits,
    symbols: instruments.filter(({ symbol }) => symbol === "SPY"),
    startsAt: openingAt,
    lastRowAt: Object.fromEntries(Object.entries(resume.value.symbols).map(([symbol, { exchangeAt }]) => [symbol, exchangeAt])),
    regularSpans,
    isSparse: numbers === "sparse",
    note: sink.note,
  });
  const pipeline = createMarketPipeline({
    session: "test-day",
    run,
    source: "memory",
    instruments,
    clock: { now: () => clock.at },
    limits,
    archive: sink,
    offer: () => {},
    resume: resume.value,
    numbers,
    onRow: gaps.row,
    onHole: gaps.hole,
    onRenumbered: gaps.renumbered,
    onRefused: ({ stage, reason, ...row }) =>
      gaps.missing({ ...row, reason: stage === "archive" ? "lost" : "refused", detail: reason }),
  });
  for (const [sequence, ms] of rows) {
    clock.at = openingAt + ms;
    pipeline.accept(tick({ sequence, exchangeAt: clock.at }));
  }
  gaps.finish(clock.at);
  await sink.close();
  return pipeline.tickCounts();
};

const check = async (directory: string): Promise<ArchiveReport> => {
  let told = "";
  const io = { out: (text: string) => (told += text), err: (text: string) => (told += text), env: {}, cwd: directory };
  await command.run([".", "--json"], io);
  return JSON.parse(told) as ArchiveReport;
};

const upTo = (first: number, last: number, fromMs: number): readonly Given[] =>
  Array.from({ length: last - first + 1 }, (_, index) => [first + index, fromMs + index]);
const systemLines = (directory: string) =>
  Object.entries(tree(directory))
    .filter(([path]) => path.startsWith("system"))
    .flatMap(([, text]) => text.trim().split("\n"))
    .map((line) => JSON.parse(line) as { readonly type: string } & Record<string, unknown>);

describe("numbers of a source that begin again (A2, A5, A14)", () => {
  it("cost no row, within a run and after a restart, and the archive is whole by a reader who knows only the contract", async () => {
    const directory = temporaryDirectory();
    const first = await record(directory, "1", undefined, [...upTo(1, 5000, 0), ...upTo(1, 2000, 6000)]);
    expect(first).toEqual({ received: 7000, refused: 0, repeated: 0, errored: 0 });
    // The new run goes on in the series, then the numbers begin a third time.
    const second = await record(directory, "2", undefined, [...upTo(2001, 2500, 8500), ...upTo(1, 1500, 9500)]);
    expect(second).toEqual({ received: 2000, refused: 0, repeated: 0, errored: 0 });
    const report = await check(directory);
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({
      ok: true,
      duplicates: 0,
      streams: { scalp: { rows: 9000 } },
      missing: { declared: 0, silent: 0 },
    });
    expect(systemLines(directory).filter(({ type }) => type === "renumbered")).toMatchObject([
      { symbol: "SPY", series: 2, lastSequence: 5000 },
      { symbol: "SPY", series: 3, lastSequence: 2500 },
    ]);
  });

  it("a hole at the beginning of the new series is declared, and a row of it that is taken away is found", async () => {
    const directory = temporaryDirectory();
    await record(directory, "1", undefined, [...upTo(1, 100, 0), ...upTo(4, 50, 1000)]);
    expect(await check(directory)).toMatchObject({ ok: true, missing: { declared: 3, silent: 0 } });
    const damaged = temporaryDirectory();
    for (const [path, text] of Object.entries(tree(directory))) {
      mkdirSync(dirname(join(damaged, path)), { recursive: true });
      writeFileSync(join(damaged, path), text.replace(/^.*"sequence":20,"series":2.*\n/m, ""));
    }
    const report = await check(damaged);
    expect(report).toMatchObject({ ok: false, missing: { declared: 3, silent: 1 } });
    expect(report.problems.join("\n")).toContain(
      "scalp SPY 20 to 20 of series 2 of session test-day are missing and not declared",
    );
  });

  it("an old number that comes again is counted in a line of its own, and the archive stays whole", async () => {
    const directory = temporaryDirectory();
    const counts = await record(directory, "1", undefined, [...upTo(1, 200, 0), ...upTo(1, 30, 0), ...upTo(201, 210, 300)]);
    expect(counts).toEqual({ received: 240, refused: 30, repeated: 0, errored: 0 });
    expect(systemLines(directory).filter(({ type }) => type === "gap")).toMatchObject([
      { reason: "refused", detail: "sequence.old", rows: 30 },
    ]);
    expect(await check(directory)).toMatchObject({ ok: true, gaps: { refused: 1 }, missing: { silent: 0 } });
  });

  it.each(["sparse", undefined] as const)(
    "a disk that is full for a while is one line, whole by the check (numbers: %s)",
    async (numbers) => {
      const directory = temporaryDirectory();
      // The sink writes nothing while rows come without a pause, so that the buffer is full from the 1,001st row on.
      const counts = await record(directory, "1", numbers, upTo(1, 3000, 0), 1000);
      expect(counts).toMatchObject({ received: 3000, errored: 2000 });
      expect(systemLines(directory).filter(({ type }) => type === "gap")).toMatchObject([
        {
          reason: "lost",
          detail: "buffer.full",
          ...(numbers === "sparse" ? { rows: 2000 } : { firstMissing: 1001, lastMissing: 3000 }),
        },
      ]);
      expect((await check(directory)).problems).toEqual([]);
    },
  );
});
