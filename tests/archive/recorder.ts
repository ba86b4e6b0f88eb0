/**
 * Records a part of the shipped day into the directory it is given, resuming where an earlier run of the session ended: the way
 * of the product from feed to disk, as a process that a test can kill.
 *
 *     node tests/archive/recorder.ts DIRECTORY RUN KILL_AFTER_TICKS MINUTES
 *
 * Kills itself with SIGKILL after so many ticks; 0 means never. Prints one line of JSON when it ends by itself.
 */
import { createArchiveFiles, realPulse } from "#adapters/host/archive-files.ts";
import { createSimulatedClock, type SimulatedClock } from "#adapters/memory/clock.ts";
import type { RecordedDay } from "#adapters/replay/day-format.ts";
import { createReplayFeed, type ReplayClock } from "#adapters/replay/feed.ts";
import { openRecordedDay } from "#adapters/replay/recorded-days.ts";
import { createGapTracker } from "#archive/gaps.ts";
import { createJsonlSink } from "#archive/jsonl-sink.ts";
import { readResumePoint } from "#archive/resume.ts";
import { parseConfig } from "#config/config.ts";
import { regularSpans } from "#market/calendar.ts";
import { createMarketPipeline } from "#market/pipeline.ts";
import { createSnapshotLoop } from "#market/snapshot-loop.ts";
import { openValve } from "../valve.ts";

const [directory, run, killAfter, minutes] = process.argv.slice(2) as [string, string, string, string];

const parsed = parseConfig({ market: { swingEveryMs: 60_000 } });
if (!parsed.ok) throw new Error("the defaults are not valid");
const { config } = parsed;
const opened = openRecordedDay("us-equity-20131007");
if (!opened.ok) throw new Error(opened.error);
const [openMs] = opened.value.header.regularMs;
const regularMs = [openMs, openMs + Number(minutes) * 60_000] as const;
const day: RecordedDay = { ...opened.value, header: { ...opened.value.header, regularMs } };

const session = "kill-test";
const symbols = config.instruments.map(({ symbol }) => symbol);
const files = createArchiveFiles();
let clock: SimulatedClock | undefined;
let delivered = 0;
const feedClock: ReplayClock = {
  now: () => clock?.now() ?? 0,
  monotonicMs: () => performance.now(),
  yieldToIo: () => (clock as SimulatedClock).yieldToIo(),
  advanceTo: (at) => (clock as SimulatedClock).advanceTo(at),
};
const feed = createReplayFeed({
  day,
  hours: "regular",
  speed: 0,
  clock: feedClock,
  // At full speed everything would be in memory before the first write; slowed down, kills meet writes and fsyncs.
  settle: () => (++delivered % 100 === 0 ? new Promise((resolve) => setTimeout(resolve, 1)) : sink.room()),
});
clock = createSimulatedClock({ startAt: feed.startsAt });
const sink = createJsonlSink({
  ...config.archive,
  // Often, so that many kills fall into a write.
  writeEveryMs: 2,
  fsyncEveryMs: 20,
  directory,
  session,
  run,
  files,
  clock,
  pulse: realPulse,
  offer: () => {},
});
const tails = await sink.open();
if (!tails.ok) throw new Error(tails.error.reason);
const resume = await readResumePoint({ files, directory, session, symbols });
if (!resume.ok) throw new Error(resume.error.reason);

const gaps = createGapTracker({
  limits: config.archive.gaps,
  symbols: config.instruments,
  startsAt: feed.startsAt,
  lastRowAt: Object.fromEntries(Object.entries(resume.value.symbols).map(([symbol, { exchangeAt }]) => [symbol, exchangeAt])),
  regularSpans,
  note: sink.note,
});
const pipeline = createMarketPipeline({
  session,
  run,
  source: feed.name,
  instruments: config.instruments,
  clock,
  limits: config.market,
  archive: sink,
  offer: () => {},
  resume: resume.value,
  onRow: gaps.row,
  onHole: gaps.hole,
  onRefused: ({ stage, reason, ...row }) =>
    gaps.missing({ ...row, reason: stage === "archive" ? "lost" : "refused", detail: reason }),
});
const loop = createSnapshotLoop({ pipeline, clock, symbols, swingEveryMs: config.market.swingEveryMs });
loop.start();

let ticks = 0;
await new Promise<void>((resolve, reject) => {
  const afterSequence = Object.fromEntries(symbols.map((symbol) => [symbol, resume.value.symbols[symbol]?.sequence ?? 0]));
  feed.open({ afterSequence, valve: openValve(feedClock) }).ticks.subscribe({
    next: (tick) => {
      loop.accept(tick);
      ticks += 1;
      if (ticks === Number(killAfter)) process.kill(process.pid, "SIGKILL");
    },
    error: reject,
    complete: resolve,
  });
});
loop.stop();
gaps.finish(feed.endsAt);
await sink.close();
process.stdout.write(`${JSON.stringify({ ticks, expected: feed.expected, tails: tails.value, figures: sink.figures() })}\n`);
