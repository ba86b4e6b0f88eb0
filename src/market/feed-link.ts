/**
 * Performs what the feed machine asks for: opens the source, closes it, looks at the age of its data.
 *
 * Outcomes go back as facts. Age is that of the newest trade that was believed, while a market trades continuously (on a holiday and in an auction none does),
 * never whether the connection answers. What it means is the chart's business (machines/feed.machine.ts).
 */
import { tap } from "rxjs";
import type { Config } from "#config/schema.ts";
import type { Offer } from "#core/event/catalog.ts";
import type { Inlet } from "#core/event/intake.ts";
import type { Clock } from "#core/ports.ts";
import { phaseSpan } from "./calendar.ts";
import type { MarkBook } from "./mark-book.ts";
import { ConnectionRefused, type Feed, type FeedConnection, type RawTick, type SequenceBySymbol } from "./ports.ts";

export interface FeedLink {
  /** Opens a connection, in place of one that is open. Offers feed.connected, later feed.disconnected or feed.ended. */
  readonly connect: () => void;
  /** Ends delivery; offers nothing. */
  readonly stop: () => void;
  /** Offers feed.went.stale when data is missing for `silenceMsMax` while a market is open, else feed.heard. */
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
  inlet,
  afterSequence,
  accept,
  room = () => undefined,
  marks,
  instruments,
  clock,
  offer,
}: {
  readonly feed: Feed;
  readonly inlet: Inlet;
  /** Where the archive ends at the moment of connecting. */
  readonly afterSequence: () => SequenceBySymbol;
  /** Where ticks go; must not throw. */
  readonly accept: (tick: RawTick) => void;
  /** Asked after every tick: a promise while the disk is behind. A feed that can wait should. */
  readonly room?: () => Promise<void> | undefined;
  readonly marks: MarkBook;
  readonly instruments: Config["instruments"];
  readonly clock: Pick<Clock, "now">;
  readonly offer: Offer;
}): FeedLink => {
  const markets = [...new Set(instruments.map(({ market }) => market))];
  let connection: FeedConnection | undefined;
  let connectedAt = 0;
  let progress: () => number | null = () => null;
  let detach = (): void => {};
  let ticks = 0;
  let firstTickAt: number | undefined;
  let lastTickAt: number | undefined;
  let awaitingSince: number | undefined;

  const take = (tick: RawTick): void => {
    ticks += 1;
    firstTickAt ??= tick.exchangeAt;
    lastTickAt = tick.exchangeAt;
    accept(tick);
    const behind = inlet.valve.isOpen ? room() : undefined;
    if (behind !== undefined) inlet.closeUntil(behind);
    if (awaitingSince === undefined) return;
    const silentMs = Math.max(0, Math.round(clock.now() - awaitingSince));
    awaitingSince = undefined;
    offer({ type: "feed.recovered", payload: { feed: feed.name, silentMs }, source: feed.name });
  };

  const close = (): void => {
    const closing = connection;
    connection = undefined;
    detach();
    void closing?.stop();
  };

  return {
    connect: () => {
      close();
      connectedAt = clock.now();
      let retryAfterMs: number | undefined;
      detach = inlet.attach({
        open: (valve) => {
          const opened = feed.open({ afterSequence: afterSequence(), valve });
          connection = opened;
          progress = () => opened.progress();
          const stands = (): void =>
            connection === opened
              ? offer({ type: "feed.connected", payload: { feed: feed.name }, source: feed.name })
              : undefined;
          if (opened.opened === undefined) stands();
          else void opened.opened.then(stands);
          return opened.ticks.pipe(
            tap({
              error: (error: unknown) => {
                retryAfterMs = error instanceof ConnectionRefused ? error.retryAfterMs : undefined;
              },
            }),
          );
        },
        take,
        // When it is tried again is the feed machine's decision.
        reopens: false,
        lost: (reason) =>
          offer({
            type: "feed.disconnected",
            payload: {
              feed: feed.name,
              reason: reason || "unknown",
              ...(retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(retryAfterMs) }),
            },
            source: feed.name,
          }),
        ended: () => offer({ type: "feed.ended", payload: { feed: feed.name, ticks }, source: feed.name }),
      });
    },
    stop: close,
    measure: (silenceMsMax) => {
      const now = clock.now();
      const openSince = markets
        .map((market) => phaseSpan(market, now))
        .filter(({ phase }) => phase === "regular")
        .map(({ fromAt }) => fromAt);
      const marketOpen = openSince.length > 0;
      // A feed that never delivered is as silent as one that stopped: its age counts from the opening or the connection.
      const bornAt = Math.max(connectedAt, marketOpen ? Math.min(...openSince) : now);
      // Trades have the source's time, and all else here has ours.
      const newestMark = marks.newestAt();
      const newestAt = newestMark === undefined ? undefined : newestMark + (feed.clockAheadMs?.() ?? 0);
      const silentMs = Math.max(0, Math.round(now - Math.max(newestAt ?? bornAt, bornAt)));
      if (marketOpen && silentMs >= silenceMsMax)
        offer({ type: "feed.went.stale", payload: { feed: feed.name, silentMs }, source: feed.name });
      else offer({ type: "feed.heard", payload: { feed: feed.name, silentMs, marketOpen }, source: feed.name });
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
