/**
 * Performs the feed machine's effects: opens the source, hands every tick on, and says what became of the connection.
 *
 * It decides nothing. When data is missing it answers the question how old the newest is; whether that is silence, and what is
 * done about it, is the chart's business (machines/feed.machine.ts).
 */
import type { Subscription } from "rxjs";
import type { Config } from "#config/config.ts";
import type { Offer } from "#core/event/catalog.ts";
import type { Feed, FeedConnection, MarketClock, RawTick, SequenceBySymbol } from "./ports.ts";
import { phaseSpan } from "./sessions.ts";

export interface FeedRunnerOptions {
  readonly feed: Feed;
  /** Where ticks go: the snapshot loop's `accept`. Must not throw. */
  readonly accept: (tick: RawTick) => void;
  /** Where the source goes on: asked at every connection, so that a reconnection fills its own hole if the source can. */
  readonly afterSequence: () => SequenceBySymbol;
  readonly instruments: Config["instruments"];
  readonly clock: Pick<MarketClock, "now">;
  readonly offer: Offer;
}

export interface FeedRunner {
  /** Opens a connection, in place of one that is open. Offers feed.connected, later feed.disconnected or feed.ended. */
  connect(): void;
  /** Ends delivery; offers nothing. */
  stop(): Promise<void>;
  /** Offers feed.went.stale when data is missing for `silenceMsMax` while a market is open, else feed.heard. */
  measure(silenceMsMax: number): void;
  /** Offers feed.recovered at the next tick. */
  awaitData(): void;
  progress(): number | null;
  /** Ticks handed on in this run. */
  readonly ticks: number;
}

export const createFeedRunner = ({ feed, accept, afterSequence, instruments, clock, offer }: FeedRunnerOptions): FeedRunner => {
  let connection: FeedConnection | undefined;
  let latest: FeedConnection | undefined;
  let subscription: Subscription | undefined;
  let connectedAt = 0;
  let lastDataAt: number | undefined;
  let isAwaited = false;
  let ticks = 0;
  const source = `feed.${feed.name}`;

  const silentMs = (): number => Math.max(0, clock.now() - Math.max(lastDataAt ?? 0, openedAt()));
  /** Silence counts from the opening or the connection, whichever came last: nobody trades before either. */
  const openedAt = (): number => {
    const now = clock.now();
    const opened = instruments.map(({ market }) => phaseSpan(market, now)).filter(({ phase }) => phase === "regular");
    return Math.max(connectedAt, Math.min(now, ...opened.map(({ fromAt }) => fromAt)));
  };
  const isMarketOpen = (): boolean => instruments.some(({ market }) => phaseSpan(market, clock.now()).phase === "regular");

  const take = (tick: RawTick): void => {
    ticks += 1;
    if (isAwaited) {
      isAwaited = false;
      offer({ type: "feed.recovered", source, payload: { feed: feed.name, silentMs: silentMs() } });
    }
    lastDataAt = clock.now();
    accept(tick);
  };

  const stop = async (): Promise<void> => {
    const ending = connection;
    connection = undefined;
    // Stopped before unsubscribing: the adapter knows whether a tick is half delivered.
    const stopped = ending?.stop();
    subscription?.unsubscribe();
    subscription = undefined;
    await stopped;
  };

  return {
    connect: () => {
      void stop();
      const opened = feed.open({ afterSequence: afterSequence() });
      connection = opened;
      latest = opened;
      connectedAt = clock.now();
      offer({ type: "feed.connected", source, payload: { feed: feed.name } });
      subscription = opened.ticks.subscribe({
        next: take,
        error: (error: unknown) => {
          if (connection !== opened) return;
          connection = undefined;
          const reason = error instanceof Error ? error.message : String(error);
          offer({ type: "feed.disconnected", source, payload: { feed: feed.name, reason: reason || "unknown" } });
        },
        complete: () => {
          if (connection === opened) offer({ type: "feed.ended", source, payload: { feed: feed.name, ticks } });
        },
      });
    },
    stop,
    measure: (silenceMsMax) => {
      const silent = silentMs();
      const marketOpen = isMarketOpen();
      if (marketOpen && silent >= silenceMsMax)
        offer({ type: "feed.went.stale", source, payload: { feed: feed.name, silentMs: silent } });
      else offer({ type: "feed.heard", source, payload: { feed: feed.name, silentMs: silent, marketOpen } });
    },
    awaitData: () => {
      isAwaited = true;
    },
    progress: () => latest?.progress() ?? null,
    get ticks() {
      return ticks;
    },
  };
};
