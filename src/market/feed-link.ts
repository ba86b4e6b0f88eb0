/**
 * Performs what the feed machine asks for: opens the source, closes it, looks at the age of its data.
 *
 * Outcomes go back as facts. The age is judged by the exchange time of the newest trade while the market is in its regular
 * session, never by whether the connection answers.
 */
import type { Subscription } from "rxjs";
import type { Config } from "#config/config.ts";
import type { Offer } from "#core/event/catalog.ts";
import type { Clock } from "#core/ports.ts";
import type { MarkBook } from "./mark-book.ts";
import type { Feed, FeedConnection, RawTick, SequenceBySymbol } from "./ports.ts";
import { createPhaseLookup } from "./sessions.ts";

export interface FeedLink {
  readonly connect: () => void;
  readonly stop: () => void;
  readonly measure: (silenceMsMax: number) => void;
  /** The next tick is announced as `feed.recovered`. */
  readonly await: () => void;
  /** Ticks delivered by this process. */
  readonly ticks: () => number;
  readonly firstTickAt: () => number | undefined;
  readonly lastTickAt: () => number | undefined;
  readonly progress: () => number | null;
}

export const createFeedLink = ({
  feed,
  afterSequence,
  accept,
  marks,
  instruments,
  clock,
  offer,
}: {
  readonly feed: Feed;
  /** Where the archive ends at the moment of connecting. */
  readonly afterSequence: () => SequenceBySymbol;
  readonly accept: (tick: RawTick) => void;
  readonly marks: MarkBook;
  readonly instruments: Config["instruments"];
  readonly clock: Pick<Clock, "now">;
  readonly offer: Offer;
}): FeedLink => {
  const phaseOf = createPhaseLookup();
  const markets = [...new Set(instruments.map(({ market }) => market))];
  let connection: FeedConnection | undefined;
  let progress: () => number | null = () => null;
  let subscription: Subscription | undefined;
  let ticks = 0;
  let firstTickAt: number | undefined;
  let lastTickAt: number | undefined;
  let awaitingSince: number | undefined;

  const take = (tick: RawTick): void => {
    ticks += 1;
    firstTickAt ??= tick.exchangeAt;
    lastTickAt = tick.exchangeAt;
    accept(tick);
    if (awaitingSince === undefined) return;
    const silentMs = Math.max(0, Math.round(clock.now() - awaitingSince));
    awaitingSince = undefined;
    offer({ type: "feed.recovered", payload: { feed: feed.name, silentMs }, source: feed.name });
  };

  const close = (): void => {
    const closing = connection;
    connection = undefined;
    subscription?.unsubscribe();
    subscription = undefined;
    void closing?.stop();
  };

  return {
    connect: () => {
      close();
      const opened = feed.open({ afterSequence: afterSequence() });
      connection = opened;
      progress = () => opened.progress();
      const isCurrent = (): boolean => connection === opened;
      offer({ type: "feed.connected", payload: { feed: feed.name }, source: feed.name });
      subscription = opened.ticks.subscribe({
        next: take,
        error: (error: unknown) => {
          if (isCurrent())
            offer({ type: "feed.disconnected", payload: { feed: feed.name, reason: String(error) }, source: feed.name });
        },
        complete: () => {
          if (isCurrent()) offer({ type: "feed.ended", payload: { feed: feed.name, ticks }, source: feed.name });
        },
      });
    },
    stop: close,
    measure: (silenceMsMax) => {
      const now = clock.now();
      const lastDataAt = marks.newestAt();
      const marketOpen = markets.some((market) => phaseOf(market, now) === "regular");
      const silentMs = Math.max(0, now - (lastDataAt ?? now));
      if (marketOpen && lastDataAt !== undefined && silentMs > silenceMsMax)
        offer({ type: "feed.went.stale", payload: { feed: feed.name, silentMs }, source: feed.name });
      else
        offer({
          type: "feed.heard",
          payload: { feed: feed.name, marketOpen, ...(lastDataAt === undefined ? {} : { lastDataAt }) },
          source: feed.name,
        });
    },
    await: () => {
      awaitingSince ??= clock.now();
    },
    ticks: () => ticks,
    firstTickAt: () => firstTickAt,
    lastTickAt: () => lastTickAt,
    progress: () => progress(),
  };
};
