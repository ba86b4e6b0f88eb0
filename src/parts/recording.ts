/** Recording: market data on its way in and to disk, feed → pipeline → archive and lanes. */
import { createGapTracker } from "#archive/gaps.ts";
import { createJsonlSink } from "#archive/jsonl-sink.ts";
import { readResumePoint } from "#archive/resume.ts";
import type { GapRecord } from "#archive/system-record.ts";
import { type ArchiveCounts, createArchiveWatch } from "#archive/watch.ts";
import type { GapLine } from "#core/runtime/ops-sight.ts";
import { archiveMachine } from "#machines/archive.machine.ts";
import { feedMachine } from "#machines/feed.machine.ts";
import { regularSpans } from "#market/calendar.ts";
import { agreementOf, clockSentence } from "#market/clock-offset.ts";
import { createFeedLink, type FeedLink } from "#market/feed-link.ts";
import { createMarketPipeline, type MarketPipeline } from "#market/pipeline.ts";
import { createSnapshotLoop } from "#market/snapshot-loop.ts";
import type { HealthFinding } from "#ops/automation/health.ts";
import { type Part, type PartContext, runTextOf } from "./part.ts";

/** Shown to whoever looks; the system stream has all of them. */
const gapsMax = 100;

export const createRecordingPart = ({ config, ports, offer, tell, intake }: PartContext) => {
  const { clock, archiveFiles: files, session } = ports;
  const { instruments } = config;
  const directory = ports.home.archive;
  const run = runTextOf(ports.epoch);
  const inlet = intake.inlet("feed");
  const { numbers } = ports.feed;
  const sink = createJsonlSink({ ...config.archive, directory, session, run, numbers, files, clock, pulse: ports.pulse, offer });
  let pipeline: MarketPipeline | undefined;
  let link: FeedLink | undefined;
  /** The latest try to open: it reads where an earlier run ended after the archive has said that it can write. */
  let opening: Promise<void> = Promise.resolve();
  /** Counts what the feed was told: only the latest counts. */
  let wanted = 0;
  let stopLoop = (): void => {};
  let finishGaps = (): void => {};
  let severGaps = (): void => {};
  const gapCounts = { minor: 0, major: 0, critical: 0 };
  const gapLines: GapLine[] = [];
  const noteGap = ({ stream, symbol, from, to, severity, reason, detail }: GapRecord): void => {
    gapCounts[severity] += 1;
    gapLines.push({ stream, symbol, from, to, severity, reason: detail === undefined ? reason : `${reason}: ${detail}` });
    if (gapLines.length > gapsMax) gapLines.shift();
  };
  const counts = (): ArchiveCounts => {
    const { received = 0, refused = 0, repeated = 0, errored = 0 } = pipeline?.tickCounts() ?? {};
    const { persisted, pending, lost } = sink.figures().scalp;
    return { received, persisted, refused, repeated, errored: errored + lost, pending };
  };
  const watch = createArchiveWatch({
    clock,
    files,
    directory,
    counts,
    countsEveryMs: config.archive.measureEveryMs,
    diskEveryMs: config.disk.measureEveryMs,
    offer,
  });

  /** Opens the archive, reads where an earlier run ended, and joins the feed to it. */
  const open = async (): Promise<void> => {
    // An archive that cannot write yet keeps rows in its buffer: the market, and trading, go on without it.
    await sink.open();
    if (pipeline !== undefined) return;
    const symbols = instruments.map(({ symbol }) => symbol);
    const resume = await readResumePoint({ files, directory, session, symbols });
    if (!resume.ok) {
      offer({
        type: "archive.write.failed",
        payload: { path: directory, code: resume.error.code, reason: resume.error.reason, bufferedRows: 0 },
        source: "archive",
      });
      return;
    }
    const known = Object.entries(resume.value.symbols);
    const gaps = createGapTracker({
      limits: config.archive.gaps,
      symbols: instruments,
      startsAt: ports.startsAt,
      lastRowAt: Object.fromEntries(known.map(([symbol, { exchangeAt }]) => [symbol, exchangeAt])),
      regularSpans,
      isSparse: numbers === "sparse",
      note: (at, record) => {
        sink.note(at, record);
        if (record.type === "gap") noteGap(record);
      },
    });
    // Where numbers tell no loss, every new connection is one; the row that comes next ends it.
    if (numbers === "sparse") severGaps = gaps.severed;
    finishGaps = () => gaps.finish(clock.now());
    const made = createMarketPipeline({
      session,
      run,
      source: ports.feed.name,
      instruments,
      clock,
      limits: config.market,
      archive: sink,
      offer: inlet.offer,
      resume: resume.value,
      numbers,
      clockAheadMs: ports.feed.clockAheadMs,
      onRow: gaps.row,
      onHole: gaps.hole,
      onRenumbered: gaps.renumbered,
      onRefused: ({ stage, reason, ...row }) =>
        gaps.missing({ ...row, reason: stage === "archive" || reason === "error" ? "lost" : "refused", detail: reason }),
    });
    const loop = createSnapshotLoop({ pipeline: made, clock, symbols, swingEveryMs: config.market.swingEveryMs });
    pipeline = made;
    link = createFeedLink({
      feed: ports.feed,
      inlet,
      afterSequence: () => made.sequences(),
      accept: (tick) => {
        ports.onTrade?.(tick);
        loop.accept(tick);
      },
      room: () => sink.room(),
      marks: made.marks,
      instruments,
      clock,
      offer,
    });
    loop.start();
    watch.start();
    stopLoop = () => {
      loop.stop();
      watch.stop();
    };
  };

  const connectOrSay = (feed: string): void => {
    if (link !== undefined) {
      severGaps();
      link.connect();
    }
    // The feed machine tries again, later and later.
    else offer({ type: "feed.disconnected", payload: { feed, reason: "the archive is not open yet" }, source: feed });
  };

  const { clockAheadMs } = ports.feed;
  const lookAtClock = (): HealthFinding => {
    const aheadMs = clockAheadMs?.();
    const { name } = ports.feed;
    if (aheadMs === undefined) return { state: "ok", reason: `${name} has not told its time lately` };
    const state = { agrees: "ok", off: "warning", wrong: "critical" } as const;
    const { clock: limits } = config.market;
    return { state: state[agreementOf(aheadMs, limits)], reason: clockSentence(name, aheadMs, limits) };
  };

  return {
    name: "recording",
    machines: {
      feed: {
        logic: feedMachine,
        input: { feed: ports.feed.name, silenceMsMax: config.archive.silenceMsMax, reconnect: config.market.reconnect },
      },
      archive: {
        logic: archiveMachine,
        input: { reopenMs: 5000, persistedShareMin: config.archive.persistedShareMin, disk: config.disk },
      },
    },
    effects: {
      "archive.open": () => {
        opening = open();
        void clock.hold(opening, undefined, "the archive, which is being opened");
      },
      "archive.close": () => {
        stopLoop();
        finishGaps();
        void clock.hold(sink.close(), undefined, "the archive, which is being sealed");
      },
      "feed.connect": ({ feed }: { readonly feed: string }) => {
        wanted += 1;
        const mine = wanted;
        if (link !== undefined) connectOrSay(feed);
        // Whoever stopped the feed meanwhile must not find it running beside an archive that is closed.
        else void opening.then(() => (mine === wanted ? connectOrSay(feed) : undefined));
      },
      "feed.stop": () => {
        wanted += 1;
        link?.stop();
      },
      "feed.measure": ({ silenceMsMax }: { readonly silenceMsMax: number }) => link?.measure(silenceMsMax),
      "feed.await": () => link?.await(),
    },
    readings: {
      mark: (symbol: string) => pipeline?.marks.get(symbol),
      market: () => ({
        firstAt: link?.firstTickAt(),
        lastAt: link?.lastTickAt(),
        ticks: link?.ticks() ?? 0,
        progress: link?.progress() ?? null,
      }),
      archive: counts,
      stages: () => pipeline?.counts() ?? {},
      openSegments: () => sink.openPaths(),
      gaps: () => ({ counts: { ...gapCounts }, recent: gapLines.toReversed() }),
    },
    figures: () => ({ ...(clockAheadMs === undefined ? {} : { clockAheadMs: clockAheadMs() ?? null }) }),
    checks: clockAheadMs === undefined ? [] : [{ name: "market clock", look: lookAtClock }],
    begin: (cause) => tell("feed.connect.requested", { cause }),
  } satisfies Part;
};
