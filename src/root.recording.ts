/** The recording half of the composition root: market data on its way in and to disk, feed → pipeline → archive and lanes. */
import { createGapTracker } from "#archive/gaps.ts";
import { createJsonlSink } from "#archive/jsonl-sink.ts";
import type { ArchiveFiles, Pulse } from "#archive/ports.ts";
import { readResumePoint } from "#archive/resume.ts";
import { type ArchiveCounts, createArchiveWatch } from "#archive/watch.ts";
import type { Config } from "#config/config.ts";
import type { Offer } from "#core/event/catalog.ts";
import type { Inlet } from "#core/event/intake.ts";
import type { Clock } from "#core/ports.ts";
import { regularSpans } from "#market/calendar.ts";
import { createFeedLink, type FeedLink } from "#market/feed-link.ts";
import { createMarketPipeline, type MarketPipeline } from "#market/pipeline.ts";
import type { Feed, RawTick } from "#market/ports.ts";
import { createSnapshotLoop } from "#market/snapshot-loop.ts";

export interface RecordingPorts {
  readonly clock: Clock;
  readonly feed: Feed;
  /** The feed's way in: what its data says comes from outside, so it never uses the room that the house keeps for itself. */
  readonly inlet: Inlet;
  readonly archiveFiles: ArchiveFiles;
  readonly pulse: Pulse;
  /** The archive's directory. */
  readonly archive: string;
  readonly session: string;
  readonly run: string;
  readonly startsAt: number;
  /** Sees every tick before the house does, as a venue would. */
  readonly onTick: (tick: RawTick) => void;
}

export const composeRecording = (config: Config, ports: RecordingPorts, offer: Offer) => {
  const { clock, archiveFiles: files, archive: directory, session, run, inlet } = ports;
  const { instruments } = config;
  const { numbers } = ports.feed;
  const sink = createJsonlSink({ ...config.archive, directory, session, run, numbers, files, clock, pulse: ports.pulse, offer });
  let pipeline: MarketPipeline | undefined;
  let link: FeedLink | undefined;
  let stopLoop = (): void => {};
  let finishGaps = (): void => {};
  let isTried: () => void = () => {};
  const tried = new Promise<void>((resolve) => {
    isTried = resolve;
  });

  const counts = (): ArchiveCounts => {
    const { received = 0, refused = 0, errored = 0 } = pipeline?.tickCounts() ?? {};
    const { persisted, pending, lost } = sink.figures().scalp;
    return { received, persisted, refused, errored: errored + lost, pending };
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
      note: sink.note,
    });
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
      onRow: gaps.row,
      onHole: gaps.hole,
      onRefused: ({ stage, reason, symbol, sequence, at }) =>
        gaps.missing({
          reason: stage === "archive" || reason === "error" ? "lost" : "refused",
          detail: reason,
          symbol,
          sequence,
          at,
        }),
    });
    const loop = createSnapshotLoop({ pipeline: made, clock, symbols, swingEveryMs: config.market.swingEveryMs });
    pipeline = made;
    link = createFeedLink({
      feed: ports.feed,
      inlet,
      afterSequence: () => made.sequences(),
      accept: (tick) => {
        ports.onTick(tick);
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

  return {
    sink,
    counts,
    mark: (symbol: string) => pipeline?.marks.get(symbol),
    link: () => link,
    stages: () => pipeline?.counts() ?? {},
    /** Resolves once opening was tried, with or without success. */
    tried,
    handlers: {
      "archive.open": () => void clock.hold(open().finally(isTried)),
      "archive.close": () => {
        stopLoop();
        finishGaps();
        void clock.hold(sink.close());
      },
      "feed.connect": ({ feed }: { readonly feed: string }) => {
        if (link !== undefined) link.connect();
        // The feed machine tries again, later and later.
        else offer({ type: "feed.disconnected", payload: { feed, reason: "the archive is not open yet" }, source: feed });
      },
      "feed.stop": () => link?.stop(),
      "feed.measure": ({ silenceMsMax }: { readonly silenceMsMax: number }) => link?.measure(silenceMsMax),
      "feed.await": () => link?.await(),
    },
  };
};
