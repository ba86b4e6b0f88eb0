/**
 * Where market data comes from and what time it is, by name: one table of feeds, one of clocks. `qts run` reads them; one more
 * source is one more row.
 *
 * A replay winds its own clock and ends; a live feed has this machine's clock and ends when somebody ends it.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EMPTY, type Observable } from "rxjs";
import { createHostClock } from "#adapters/host/clock.ts";
import { writeFileDurably } from "#adapters/host/durable-files.ts";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import type { RecordedDay } from "#adapters/replay/day-format.ts";
import { createReplayFeed } from "#adapters/replay/feed.ts";
import { openRecordedDay, recordedDays, volatilityOf } from "#adapters/replay/recorded-days.ts";
import { playedAt } from "#adapters/replay/timed-values.ts";
import { createUpbitWire } from "#adapters/upbit/wire.ts";
import { createWireFeed } from "#adapters/wire/feed.ts";
import type { Config, ConfigProblem } from "#config/config.ts";
import { type Instrument, moneyScaleOf } from "#core/instrument.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { Feed } from "#market/ports.ts";
import type { Wire } from "#market/wire.ts";
import type { SessionPorts, TimedValue } from "#parts/ports.ts";
import type { Root } from "#src/root.ts";

export type ClockName = Config["session"]["mode"];
export type FeedName = Config["session"]["feed"];

/** A clock that can wind itself, or is this machine's. */
type MadeClock = ReturnType<typeof createSimulatedClock> | ReturnType<typeof createHostClock>;

interface Settling {
  readonly settle: Root["settle"];
}

/** Real ms between two looks at what waits in a house that lives on this machine's clock: for its snapshots. */
const settleEveryMs = 100;

export const clocks: {
  readonly [N in ClockName]: (given: Settling & { readonly startAt: number }) => {
    readonly clock: MadeClock;
    readonly stop: () => void;
  };
} = {
  // It drains the house whenever it lets I/O have its turn.
  replay: ({ startAt, settle }) => ({
    clock: createSimulatedClock({
      startAt,
      yieldToIo: async () => {
        void settle();
        await new Promise((done) => setImmediate(done));
        void settle();
      },
    }),
    stop: () => undefined,
  }),
  live: ({ settle }) => {
    const timer = setInterval(() => void settle(), settleEveryMs);
    timer.unref();
    return { clock: createHostClock(), stop: () => clearInterval(timer) };
  },
};

export interface OpenSource {
  readonly feed: Feed;
  /** Silence counts from here, epoch ms. */
  readonly startsAt: number;
  readonly vix: Observable<TimedValue>;
}

/** A source that was checked and can be opened. */
export interface MarketSource {
  /** Epoch ms; of a clock that is wound. */
  readonly clockStartsAt: number;
  readonly open: (
    given: Settling & { readonly clock: SessionPorts["clock"]; readonly say: (text: string) => void },
  ) => OpenSource;
}

/** Why a source cannot be opened. */
export interface SourceProblem {
  /** The key, and how its sentence goes on. */
  readonly problems: readonly ConfigProblem[];
  /** The configuration is in order, and its data is not. */
  readonly isDamaged?: boolean;
}

/** What a live venue trades, for a person who names symbols only. */
export interface LiveMarket {
  /** Traded when nobody says what. */
  readonly symbols: readonly string[];
  /** Why this cannot be a symbol of the venue, as the end of a sentence. */
  readonly symbolProblem: (symbol: string) => string | undefined;
  readonly instrumentOf: (symbol: string) => Config["instruments"][number];
  /** Configuration that fits the venue's money; a person's own file wins over it. */
  readonly defaults: object;
}

export interface FeedSource {
  readonly clock: ClockName;
  /** Absent for a source that brings its own instruments. */
  readonly market?: LiveMarket;
  /** Checks what the configuration says, and writes nothing. */
  readonly prepare: (config: Config) => Result<MarketSource, SourceProblem>;
}

const misconfigured = (key: string, problem: string) => err({ problems: [{ key, problem }] });

/** Amounts of one account are added up: they must be in units of the same currency and scale. */
const moneyProblem = (instruments: readonly Instrument[]): string | undefined => {
  const [first, ...others] = instruments;
  const odd = others.find(
    (other) => first !== undefined && (other.currency !== first.currency || moneyScaleOf(other) !== moneyScaleOf(first)),
  );
  return first === undefined || odd === undefined
    ? undefined
    : `are refused: ${first.symbol} and ${odd.symbol} count money differently (${first.currency} at 1e-${moneyScaleOf(first)}, ${odd.currency} at 1e-${moneyScaleOf(odd)}); priceScale + quantityScale and currency must be the same within an account`;
};

const liveSource = ({
  name,
  marketName,
  market,
  settings,
  wireOf,
}: {
  readonly name: FeedName;
  readonly marketName: string;
  readonly market: LiveMarket;
  readonly settings: (config: Config) => Config["feeds"][keyof Config["feeds"]];
  readonly wireOf: (instruments: Config["instruments"]) => Wire;
}): FeedSource => ({
  clock: "live",
  market,
  prepare: (config) => {
    const { session, instruments } = config;
    if (session.mode !== "live")
      return misconfigured(
        "session.mode",
        `is ${session.mode}, and the feed ${name} is live: set session.mode to live, or leave it out`,
      );
    const stranger = instruments.find((instrument) => instrument.market !== marketName);
    if (stranger !== undefined)
      return misconfigured(
        "instruments",
        `has ${stranger.symbol} of ${stranger.market}, which ${name} does not trade; leave instruments out and give --symbols, or set its market to ${marketName}`,
      );
    const money = moneyProblem(instruments);
    if (money !== undefined) return misconfigured("instruments", money);
    return ok({
      clockStartsAt: 0,
      open: ({ clock, say }) => {
        const { url: address, ...limits } = settings(config);
        const feed = createWireFeed({ wire: wireOf(instruments), address, ...limits, clock, say });
        return { feed, startsAt: clock.now(), vix: EMPTY };
      },
    });
  },
});

/** A session whose instruments the day does not have would record nothing and look well. */
const dayProblem = (
  instruments: readonly Instrument[],
  { name, symbols, priceScale }: RecordedDay["header"],
): ConfigProblem | undefined => {
  const has = symbols.map(({ symbol }) => symbol);
  const known = instruments.filter(({ symbol }) => has.includes(symbol));
  if (known.length === 0)
    return {
      key: "instruments",
      problem: `has ${instruments.map(({ symbol }) => symbol).join(", ")}, and the recorded day ${name} has ${has.join(", ")} only: nothing would be recorded; name one of these, or another session.day`,
    };
  const odd = known.find((instrument) => instrument.priceScale !== priceScale);
  return odd === undefined
    ? undefined
    : {
        key: "instruments",
        problem: `has ${odd.symbol} with priceScale ${odd.priceScale}, and the recorded day ${name} counts prices in units of 1e-${priceScale}: set priceScale to ${priceScale}, and tickSize in the same units`,
      };
};

const upbitQuantityScale = 8;
/** Units of 1e-8 KRW: what the account and its limits are counted in. */
const won = (amount: number): number => amount * 10 ** upbitQuantityScale;

export const feeds: { readonly [N in FeedName]: FeedSource } = {
  replay: {
    clock: "replay",
    prepare: (config) => {
      const { session } = config;
      if (session.mode !== "replay")
        return misconfigured(
          "session.mode",
          `is ${session.mode}, and a recorded day has its own clock: set session.mode to replay, or name a live feed`,
        );
      const known = recordedDays();
      if (known.length > 0 && !known.includes(session.day))
        return misconfigured(
          "session.day",
          `is ${JSON.stringify(session.day)}: there is no such recorded day; choose one of ${known.join(", ")}`,
        );
      const opened = openRecordedDay(session.day);
      if (!opened.ok) return err({ problems: [{ key: "session.day", problem: `is refused: ${opened.error}` }], isDamaged: true });
      const day = opened.value;
      const unfit = dayProblem(config.instruments, day.header);
      if (unfit !== undefined) return err({ problems: [unfit] });
      return ok({
        clockStartsAt: day.header.midnightAt,
        open: ({ clock, settle }) => {
          const { hours, speed } = session;
          const { advanceTo } = clock;
          if (advanceTo === undefined) throw new Error("broken assumption: a replay was given a clock that cannot be wound");
          const feed = createReplayFeed({ day, hours, speed, clock: { ...clock, advanceTo }, settle });
          return { feed, startsAt: feed.startsAt, vix: playedAt(clock, volatilityOf(session.day)) };
        },
      });
    },
  },
  upbit: liveSource({
    name: "upbit",
    marketName: "UPBIT",
    settings: ({ feeds }) => feeds.upbit,
    wireOf: createUpbitWire,
    market: {
      symbols: ["KRW-BTC"],
      symbolProblem: (symbol) =>
        /^KRW-[A-Z0-9]{1,12}$/.test(symbol) ? undefined : "Upbit's markets in won are written like KRW-BTC, in capitals",
      instrumentOf: (symbol) => ({
        symbol,
        market: "UPBIT",
        currency: "KRW",
        priceScale: 0,
        tickSize: 1,
        lotSize: 1,
        quantityScale: upbitQuantityScale,
      }),
      defaults: {
        // A trade in a coin may be a minute away also while everything is well.
        archive: { silenceMsMax: 60_000 },
        broker: { paper: { cashMinor: won(10_000_000), feeRate: 0.0005 } },
        risk: {
          orderValueMinorMax: won(2_000_000),
          positionValueMinorMax: won(4_000_000),
          exposureMinorMax: won(8_000_000),
          dailyLossMinorMax: won(500_000),
        },
      },
    },
  }),
};

export const feedNames = Object.keys(feeds) as readonly FeedName[];

/**
 * Notes which feed a session lives on, beside its ledger: an account in won does not go on in dollars, nor today in 2013.
 *
 * @returns the sentence with the remedy when the session that would go on lives on another feed
 */
export const feedOfSession = ({
  paper,
  session,
  continued,
  feed,
}: {
  readonly paper: string;
  readonly session: string;
  readonly continued: boolean;
  readonly feed: FeedName;
}): string | undefined => {
  const note = join(paper, `session-${session}.feed`);
  // A session without a note is of a time when there was nothing but the recorded day. A ledger alone has its account and its time too.
  const isBegun = continued || existsSync(join(paper, `session-${session}.jsonl`));
  const before = existsSync(note) ? readFileSync(note, "utf8").trim() : isBegun ? "replay" : undefined;
  if (isBegun && before !== feed)
    return `session ${session} on this home is not over and lives on the feed ${before}, not on ${feed}: go on with \`--feed ${before}\`, take another --home, or leave it with --new-session`;
  if (before !== feed) writeFileDurably(note, Buffer.from(`${feed}\n`));
  return undefined;
};
