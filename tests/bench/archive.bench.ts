/**
 * How fast are validated snapshots on disk, and what does the event loop feel of it (spec A11)?
 *
 * Every system writes the same rows of the shipped day. QTS takes raw ticks through its whole pipeline (snapshot, validation,
 * guard, enrichment, gap tracking) into segments by minute with fsync; the peers get finished records and one file without
 * fsync, so that they are the limit, not an equal. Time counts until the last row is in its file and the file is closed.
 */
import { once } from "node:events";
import { createReadStream, createWriteStream, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import pino from "pino";
import { createArchiveFiles, realPulse } from "#adapters/host/archive-files.ts";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import type { RecordedDay } from "#adapters/replay/day-format.ts";
import { createReplayFeed } from "#adapters/replay/feed.ts";
import { openRecordedDay } from "#adapters/replay/recorded-days.ts";
import { createGapTracker } from "#archive/gaps.ts";
import { createJsonlSink } from "#archive/jsonl-sink.ts";
import { type Config, parseConfig } from "#config/config.ts";
import { regularSpans } from "#market/calendar.ts";
import { createMarketPipeline } from "#market/pipeline.ts";
import { type SnapshotRecord, snapshotLine } from "#market/snapshot.ts";
import { openValve } from "../valve.ts";
import type { Bench, BenchRow } from "./contract.ts";

const table = "rows of one recorded day to disk";
const sliceMs = 5;
const rounds = 3;

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The record of row `index`, as a recorder without a pipeline would make it. */
const recordOf = (day: RecordedDay, index: number): SnapshotRecord => ({
  _schema: "qts.snapshot/1",
  meta: {
    at: day.exchangeAt[index] as number,
    session: "bench",
    run: "1",
    sequence: index + 1,
    source: "replay",
    latencyMs: 0,
  },
  context: { symbol: day.header.symbols[day.symbol[index] as number]?.symbol as string, market: "NYSE", stage: "scalp" },
  observation: {
    inputs: {
      priceMinor: day.priceMinor[index] as number,
      quantity: day.quantity[index] as number,
      exchangeAt: day.exchangeAt[index] as number,
      sequence: day.sequence[index] as number,
      venue: day.header.venues[day.venue[index] as number] as string,
      condition: day.header.conditions[day.condition[index] as number] as string,
    },
    computed: { cumulativeVolume: index, changeMinor: 0 },
    state: { phase: "regular" },
  },
  _quality: [],
});

/** Calls `write` for every row in slices, waiting when it returns a promise. */
const eachRow = async (day: RecordedDay, write: (record: SnapshotRecord) => Promise<unknown> | undefined): Promise<void> => {
  let sliceStart = performance.now();
  for (let index = 0; index < day.rows; index++) {
    const wait = write(recordOf(day, index));
    if (wait !== undefined) await wait;
    if (index % 64 === 0 && performance.now() - sliceStart > sliceMs) {
      await breathe();
      sliceStart = performance.now();
    }
  }
};

type System = (directory: string, day: RecordedDay, config: Config) => Promise<void>;

const qts: System = async (directory, day, config) => {
  const startsAt = day.exchangeAt[0] as number;
  const clock = createSimulatedClock({ startAt: startsAt });
  const feed = createReplayFeed({ day, hours: "all", speed: 0, clock, settle: () => sink.room() });
  const sink = createJsonlSink({
    ...config.archive,
    directory,
    session: "bench",
    run: "1",
    files: createArchiveFiles(),
    clock,
    pulse: realPulse,
    offer: () => {},
  });
  await sink.open();
  const { instruments } = config;
  const gaps = createGapTracker({ limits: config.archive.gaps, symbols: instruments, startsAt, regularSpans, note: sink.note });
  const pipeline = createMarketPipeline({
    session: "bench",
    run: "1",
    source: feed.name,
    instruments,
    clock,
    limits: config.market,
    archive: sink,
    offer: () => {},
    onRow: gaps.row,
    onHole: gaps.hole,
  });
  await new Promise<void>((resolve, reject) => {
    feed.open({ valve: openValve(clock) }).ticks.subscribe({ next: pipeline.accept, complete: resolve, error: reject });
  });
  await sink.close();
};

const writeStream =
  (toLine: (record: SnapshotRecord) => string): System =>
  async (directory, day) => {
    const stream = createWriteStream(join(directory, "rows.jsonl"));
    await eachRow(day, (record) => (stream.write(toLine(record)) ? undefined : once(stream, "drain")));
    stream.end();
    await once(stream, "close");
  };

const pinoFile: System = async (directory, day) => {
  const destination = pino.destination({ dest: join(directory, "rows.jsonl"), sync: false, minLength: 4096 });
  const logger = pino({ base: null, timestamp: false }, destination);
  await once(destination, "ready");
  await eachRow(day, (record) => {
    logger.info(record);
    return undefined;
  });
  destination.end();
  await once(destination, "close");
};

const systems: readonly (readonly [string, System])[] = [
  ["QTS: validated, segments by minute, fsync", qts],
  ["JSON.stringify + one write stream (the limit)", writeStream((record) => `${JSON.stringify(record)}\n`)],
  ["snapshotLine + one write stream", writeStream(snapshotLine)],
  ["pino to a file", pinoFile],
];

const countLines = async (directory: string): Promise<{ rows: number; bytes: number }> => {
  const counted = { rows: 0, bytes: 0 };
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.includes("/system")) continue;
    for await (const piece of createReadStream(join(entry.parentPath, entry.name)) as AsyncIterable<Buffer>) {
      counted.bytes += piece.length;
      for (const byte of piece) if (byte === 0x0a) counted.rows += 1;
    }
  }
  return counted;
};

const measure = async (name: string, system: System, day: RecordedDay, config: Config): Promise<BenchRow> => {
  const directory = mkdtempSync(join(tmpdir(), "qts-bench-archive-"));
  try {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const start = performance.now();
    await system(directory, day, config);
    const seconds = (performance.now() - start) / 1000;
    delay.disable();
    const { rows, bytes } = await countLines(directory);
    return {
      table,
      system: name,
      "rows on disk": rows,
      "rows/s": Math.round(rows / seconds),
      "MB/s": Math.round(bytes / seconds / 1e6),
      "loop delay p99 ms": Number((delay.percentile(99) / 1e6).toFixed(1)),
      "max ms": Number((delay.max / 1e6).toFixed(1)),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};

export const bench: Bench = {
  name: "archive",
  describe: `one recorded day, 274,894 rows, to disk beside the plainest writers there are; the best of ${rounds} rounds each`,
  run: async () => {
    const parsed = parseConfig();
    const opened = openRecordedDay("us-equity-20131007");
    if (!parsed.ok || !opened.ok) throw new Error("the defaults or the recorded day cannot be read");
    const best: BenchRow[] = [];
    for (const [name, system] of systems) {
      let fastest: BenchRow | undefined;
      for (let round = 0; round < rounds; round++) {
        const row = await measure(name, system, opened.value, parsed.config);
        if (fastest === undefined || Number(row["rows/s"]) > Number(fastest["rows/s"])) fastest = row;
      }
      if (fastest !== undefined) best.push(fastest);
    }
    return best;
  },
};
