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
import type { DayHeader } from "#adapters/replay/day-format.ts";
import { createReplayFeed } from "#adapters/replay/feed.ts";
import {
  checkDays,
  chooseDays,
  fingerprintOf,
  headerOf,
  recordedDays,
  shippedDays,
  volatilityOf,
} from "#adapters/replay/recorded-days.ts";
import { playedAt } from "#adapters/replay/timed-values.ts";
import { createUpbitWire } from "#adapters/upbit/wire.ts";
import { createWireFeed } from "#adapters/wire/feed.ts";
import type { Config, ConfigProblem } from "#config/config.ts";
import { type Instrument, moneyScaleOf } from "#core/instrument.ts";
import { err, ok, type Result } from "#core/result.ts";
import { calendarOf, regularSpans } from "#market/calendar.ts";
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
  /** Of days that somebody imported: what they hold, so that a session does not go on with others of the same names. */
  readonly fingerprint?: string;
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
  /** Configuration that fits what is played; a person's own file wins over it. */
  readonly below?: (day: string, ownDays: string) => object;
  /**
   * Checks what the configuration says, and writes nothing.
   *
   * @param ownDays the folder of the days that somebody imported
   */
  readonly prepare: (config: Config, ownDays: string) => Result<MarketSource, SourceProblem>;
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
        const feed = createWireFeed({
          wire: wireOf(instruments),
          address,
          ...limits,
          clockLimits: config.market.clock,
          clock,
          say,
        });
        return { feed, startsAt: clock.now(), vix: EMPTY };
      },
    });
  },
});

/** A session whose instruments the days do not have would record nothing and look well. */
const dayProblem = (instruments: readonly Instrument[], headers: readonly DayHeader[]): ConfigProblem | undefined => {
  const [{ name } = { name: "" }] = headers;
  const has = [...new Set(headers.flatMap(({ symbols }) => symbols.map(({ symbol }) => symbol)))];
  const known = instruments.filter(({ symbol }) => has.includes(symbol));
  if (known.length === 0)
    return {
      key: "instruments",
      problem: `has ${instruments.map(({ symbol }) => symbol).join(", ")}, and the recorded day ${name} has ${has.join(", ")} only: nothing would be recorded; name one of these, or another session.day`,
    };
  for (const header of headers) {
    const scales = new Map(header.symbols.map(({ symbol }) => [symbol, { priceScale: header.priceScale, quantityScale: 0 }]));
    for (const { symbol, priceScale, quantityScale = 0 } of header.instruments ?? [])
      scales.set(symbol, { priceScale, quantityScale });
    for (const { symbol, priceScale, quantityScale = 0 } of known) {
      const own = scales.get(symbol);
      if (own !== undefined && own.priceScale !== priceScale)
        return {
          key: "instruments",
          problem: `has ${symbol} with priceScale ${priceScale}, and the recorded day ${header.name} counts prices in units of 1e-${own.priceScale}: set priceScale to ${own.priceScale}, and tickSize in the same units`,
        };
      if (own !== undefined && own.quantityScale !== quantityScale)
        return {
          key: "instruments",
          problem: `has ${symbol} with quantityScale ${quantityScale}, and the recorded day ${header.name} counts lots of 1e-${own.quantityScale}: set quantityScale to ${own.quantityScale}`,
        };
    }
  }
  return undefined;
};

/** Paper money for somebody's own days: a million, or a billion won, where that many units can be counted. */
const paperCash = (instrument: Instrument): number =>
  Math.min((instrument.currency === "KRW" ? 1e9 : 1e6) * 10 ** moneyScaleOf(instrument), 1e15);

/** The longest time of the days in which their markets are open and nothing is traded: within a day, and where a day is missing. */
const longestQuietMs = (headers: readonly DayHeader[]): number => {
  let longest = Math.max(0, ...headers.map(({ quietMs = 0 }) => quietMs));
  headers.forEach((header, index) => {
    const next = headers[index + 1];
    if (next === undefined) return;
    const [closedAt, opensAt] = [header.midnightAt + header.regularMs[1], next.midnightAt + next.regularMs[0]];
    for (const { market } of header.instruments ?? []) {
      if (calendarOf(market)?.known === undefined) longest = Math.max(longest, opensAt - closedAt);
      else for (const span of regularSpans(market, closedAt, opensAt)) longest = Math.max(longest, span.untilAt - span.fromAt);
    }
  });
  return longest;
};

/** Twice that: a recorded day is never a connection that died. */
const silenceOf = (headers: readonly DayHeader[]): number => 2 * Math.max(10_000, longestQuietMs(headers));

/** What imported days bring along: their instruments, and an account that counts in the same money. */
const ofOwnDays = (day: string, ownDays: string): object => {
  const chosen = chooseDays(day, [shippedDays, ownDays]);
  if (!chosen.ok) return {};
  const headers = chosen.value.flatMap((one) => {
    const header = headerOf(one);
    return header.ok ? [header.value] : [];
  });
  const instruments = new Map<string, Instrument>();
  for (const header of headers)
    for (const instrument of header.instruments ?? [])
      if (!instruments.has(instrument.symbol)) instruments.set(instrument.symbol, instrument);
  const [first] = instruments.values();
  if (first === undefined) return {};
  const cashMinor = paperCash(first);
  return {
    instruments: [...instruments.values()],
    archive: { silenceMsMax: Math.max(20_000, silenceOf(headers)) },
    broker: { paper: { cashMinor } },
    risk: {
      orderValueMinorMax: cashMinor / 2,
      positionValueMinorMax: cashMinor / 2,
      exposureMinorMax: cashMinor,
      dailyLossMinorMax: cashMinor / 20,
    },
  };
};

const upbitQuantityScale = 8;
/** Units of 1e-8 KRW: what the account and its limits are counted in. */
const won = (amount: number): number => amount * 10 ** upbitQuantityScale;

export const feeds: { readonly [N in FeedName]: FeedSource } = {
  replay: {
    clock: "replay",
    below: ofOwnDays,
    prepare: (config, ownDays) => {
      const { session, instruments } = config;
      if (session.mode !== "replay")
        return misconfigured(
          "session.mode",
          `is ${session.mode}, and a recorded day has its own clock: set session.mode to replay, or name a live feed`,
        );
      const chosen = chooseDays(session.day, [shippedDays, ownDays]);
      if (!chosen.ok) return misconfigured("session.day", `is ${JSON.stringify(session.day)}: ${chosen.error}`);
      const checked = checkDays(chosen.value);
      if (!checked.ok)
        return err({ problems: [{ key: "session.day", problem: `is refused: ${checked.error}` }], isDamaged: true });
      const days = checked.value;
      const headers = days.map(({ header }) => header);
      const unfit = dayProblem(instruments, headers);
      if (unfit !== undefined) return err({ problems: [unfit] });
      const money = moneyProblem(instruments);
      if (money !== undefined) return misconfigured("instruments", money);
      const quietMs = longestQuietMs(headers);
      // Taken for a dead connection the days would be opened again and again, in every pause of their own.
      if (headers.some((header) => header.quietMs !== undefined) && config.archive.silenceMsMax <= quietMs)
        return misconfigured(
          "archive.silenceMsMax",
          `is ${config.archive.silenceMsMax}, and ${session.day} has a pause of ${quietMs} ms in session: leave it out, or set it to ${silenceOf(headers)}`,
        );
      return ok({
        clockStartsAt: headers[0]?.midnightAt ?? 0,
        ...(days.every(({ directory }) => directory === shippedDays) ? {} : { fingerprint: fingerprintOf(days) }),
        open: ({ clock, settle }) => {
          const { hours, speed } = session;
          const { advanceTo } = clock;
          if (advanceTo === undefined) throw new Error("broken assumption: a replay was given a clock that cannot be wound");
          const feed = createReplayFeed({ day: days, hours, speed, clock: { ...clock, advanceTo }, settle });
          const closes = days.flatMap(({ name, directory }) => volatilityOf(name, directory));
          return { feed, startsAt: feed.startsAt, vix: playedAt(clock, closes) };
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

/** What a session plays, as it is noted beside its ledger. The day that ships is the plain word: it was once the only one. */
const noteOf = ({ feed, day }: Pick<Config["session"], "feed" | "day">): string =>
  feed !== "replay" || recordedDays().includes(day) ? feed : `${feed} ${day}`;

const notePath = (paper: string, session: string): string => join(paper, `session-${session}.feed`);

/** The note of a session as it was written, and its words; undefined where there is none. */
const readNote = (paper: string, session: string) => {
  const path = notePath(paper, session);
  return existsSync(path) ? noteWords(readFileSync(path, "utf8").trim()) : undefined;
};
const noteWords = (text: string) => {
  const [feed = "", day, fingerprint] = text.split(" ");
  return { text, feed, day, fingerprint };
};

/** The live feed of a session; undefined for one that played recorded days. */
export const liveFeedOf = (paper: string, session: string): FeedName | undefined => {
  const note = readNote(paper, session);
  return feedNames.find((known) => known === note?.text && feeds[known].clock === "live");
};

/** The days that a session plays, when somebody imported them: whoever reads its journal needs their instruments. */
export const ownDaysOf = (paper: string, session: string): string | undefined => {
  const note = readNote(paper, session);
  return note?.feed === "replay" ? note.day : undefined;
};

/**
 * Notes which feed a session lives on, beside its ledger: an account in won does not go on in dollars, nor today in 2013, nor one
 * recorded day in another.
 *
 * @returns the sentence with the remedy when the session that would go on lives on another feed
 */
export const feedOfSession = ({
  paper,
  session,
  continued,
  feed,
  day,
  fingerprint,
}: {
  readonly paper: string;
  readonly session: string;
  readonly continued: boolean;
  readonly feed: FeedName;
  readonly day: string;
  readonly fingerprint: string | undefined;
}): string | undefined => {
  // A session without a note is of a time when there was nothing but the recorded day. A ledger alone has its account and its time too.
  const isBegun = continued || existsSync(join(paper, `session-${session}.jsonl`));
  const before = readNote(paper, session) ?? (isBegun ? noteWords("replay") : undefined);
  const played = noteOf({ feed, day });
  const now = fingerprint === undefined ? played : `${played} ${fingerprint}`;
  if (before?.text === now) return undefined;
  const { feed: was = "", day: wasDay, fingerprint: wasFingerprint } = before ?? {};
  const playedBefore = wasDay === undefined ? was : `${was} ${wasDay}`;
  if (isBegun && playedBefore !== played) {
    const goOn = wasDay === undefined ? `--feed ${was}` : wasDay.includes("..") ? `--days ${wasDay}` : `--day ${wasDay}`;
    return `session ${session} on this home is not over and lives on the feed ${playedBefore}, not on ${played}: go on with \`${goOn}\`, take another --home, or leave it with --new-session`;
  }
  // A note of before there were fingerprints says nothing about the files.
  if (isBegun && wasFingerprint !== undefined)
    return `the recorded days ${day} are not those that session ${session} on this home has played so far: one was added, left out or imported again; bring back the files of before, or begin anew with --new-session`;
  writeFileDurably(notePath(paper, session), Buffer.from(`${now}\n`));
  return undefined;
};
