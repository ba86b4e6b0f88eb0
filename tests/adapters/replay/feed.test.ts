import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createSimulatedClock, type SimulatedClock } from "#adapters/memory/clock.ts";
import { decodeDay, encodeDay, type RecordedDay } from "#adapters/replay/day-format.ts";
import { createReplayFeed, type PlayableDay, type ReplayFeed, type ReplayFeedOptions } from "#adapters/replay/feed.ts";
import { openRecordedDay } from "#adapters/replay/recorded-days.ts";
import type { FeedConnection, FeedOpening, RawTick } from "#market/ports.ts";
import { openValve } from "../../valve.ts";

const midnightAt = 1_000_000_000;
/** Trades as [ms since midnight, symbol]. */
const dayOf = (...trades: readonly (readonly [number, string])[]): RecordedDay => {
  const decoded = decodeDay(
    encodeDay(
      {
        name: "small",
        source: "-",
        licence: "-",
        timeZone: "UTC",
        midnightAt,
        regularMs: [1000, 10_000],
        priceScale: 0,
      },
      trades.map(([ms, symbol], index) => ({
        ms,
        symbol,
        priceMinor: 100 + index,
        quantity: 1,
        venue: "X",
        condition: "0",
        suspicious: false,
      })),
    ),
  );
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
};
const day = dayOf([500, "A"], [1000, "A"], [1000, "B"], [1000, "A"], [4000, "B"], [9999, "A"], [10_000, "A"], [12_000, "B"]);

/** A clock whose real time moves only when somebody waits. */
const setUp = (
  options: Partial<ReplayFeedOptions> & { readonly startAt?: number } = {},
): {
  feed: Omit<ReplayFeed, "open"> & { open(opening: Omit<FeedOpening, "valve">): FeedConnection };
  clock: SimulatedClock;
  real: { ms: number };
} => {
  const real = { ms: 0 };
  const clock = createSimulatedClock({ startAt: options.startAt ?? midnightAt + 500, monotonicMs: () => real.ms });
  const feed = createReplayFeed({
    day,
    hours: "all",
    speed: 0,
    clock,
    wait: async (ms) => {
      real.ms += ms;
      await clock.yieldToIo();
    },
    ...options,
  });
  return { feed: { ...feed, open: (opening) => feed.open({ valve: openValve(clock), ...opening }) }, clock, real };
};

const play = async (connection: FeedConnection, each: (tick: RawTick) => void = () => {}): Promise<RawTick[]> => {
  const ticks: RawTick[] = [];
  await new Promise<void>((resolve, reject) => {
    connection.ticks.subscribe({
      next: (tick) => {
        ticks.push(tick);
        each(tick);
      },
      complete: resolve,
      error: reject,
    });
  });
  return ticks;
};
const told = (ticks: readonly RawTick[]): string[] => ticks.map(({ symbol, sequence }) => `${symbol}${sequence}`);

describe("a replay", () => {
  it("delivers the whole day in order, each symbol numbered 1, 2, 3 …, and completes", async () => {
    const { feed } = setUp();
    const connection = feed.open({});
    expect(connection.progress()).toBe(0);
    expect(told(await play(connection))).toEqual(["A1", "A2", "B1", "A3", "B2", "A4", "A5", "B3"]);
    expect(connection.progress()).toBe(1);
    expect(feed.expected).toEqual({ A: 5, B: 3 });
  });

  it("of the regular session takes its trades only, first moment inclusive and last exclusive, numbered from 1", async () => {
    const { feed, clock } = setUp({ hours: "regular", startAt: midnightAt + 1000 });
    expect(feed.startsAt).toBe(midnightAt + 1000);
    expect(told(await play(feed.open({})))).toEqual(["A1", "B1", "A2", "B2", "A3"]);
    expect(feed.expected).toEqual({ A: 3, B: 2 });
    expect(clock.now()).toBe(midnightAt + 10_000);
  });

  it("brings market time to each trade before it delivers it", async () => {
    const { feed, clock } = setUp();
    const late: number[] = [];
    await play(feed.open({}), ({ exchangeAt }) => late.push(clock.now() - exchangeAt));
    expect(late).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("lets a deadline between two trades fire between them", async () => {
    const { feed, clock } = setUp();
    const order: string[] = [];
    clock.setTimer(midnightAt + 3000, () => order.push("timer"));
    await play(feed.open({}), ({ symbol, sequence }) => order.push(`${symbol}${sequence}`));
    expect(order.slice(3, 6)).toEqual(["A3", "timer", "B2"]);
  });

  it("goes on after the numbers it is given, per symbol", async () => {
    const { feed } = setUp({ startAt: midnightAt + 5000 });
    expect(told(await play(feed.open({ afterSequence: { A: 3, B: 1 } })))).toEqual(["B2", "A4", "A5", "B3"]);
    expect(told(await play(feed.open({ afterSequence: { A: 5, B: 3 } })))).toEqual([]);
  });

  it("waits for whoever cannot keep up, and drops nothing", async () => {
    let release: (() => void) | undefined;
    const { feed } = setUp({
      settle: () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    });
    const ticks: string[] = [];
    const done = play(feed.open({}), ({ symbol, sequence }) => ticks.push(`${symbol}${sequence}`));
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    for (let waited = 0; waited < 5; waited++) await turn();
    expect(ticks).toEqual(["A1"]);
    while (ticks.length < 8) {
      release?.();
      await turn();
    }
    release?.();
    await done;
    expect(ticks).toHaveLength(8);
  });

  it("stops promptly in the middle and delivers nothing more", async () => {
    const { feed, clock } = setUp();
    const connection = feed.open({});
    let stopped: Promise<void> | undefined;
    const ticks = await play(connection, ({ sequence }) => {
      if (sequence === 2) stopped = connection.stop();
    });
    await stopped;
    await connection.stop();
    expect(told(ticks)).toEqual(["A1", "A2"]);
    expect(clock.now()).toBe(midnightAt + 1000);
  });
});

describe("a row of days", () => {
  const night = 86_400_000;
  const days = (loaded: string[] = []) =>
    [0, 1, 4].map((after) => {
      const one = dayOf([500, "A"], [1000, "A"], [4000, "B"], [9999, "A"], [12_000, "B"]);
      const moved = {
        ...one,
        header: { ...one.header, midnightAt: midnightAt + after * night },
        exchangeAt: one.exchangeAt.map((at) => at + after * night),
      };
      return {
        header: moved.header,
        load: () => {
          loaded.push(String(after));
          return moved;
        },
      };
    });

  it.each([0, 1e6])("is played in one go, numbered on from day to day (speed %s)", async (speed) => {
    const { feed, clock } = setUp({ day: days(), hours: "regular", startAt: midnightAt + 1000, speed });
    const times: number[] = [];
    const ticks = await play(feed.open({}), ({ exchangeAt }) => times.push(exchangeAt));
    expect(told(ticks)).toEqual(["A1", "B1", "A2", "A3", "B2", "A4", "A5", "B3", "A6"]);
    expect(times.map((at) => at - midnightAt)).toEqual(
      [0, 1, 4].flatMap((day) => [1000, 4000, 9999].map((ms) => day * night + ms)),
    );
    expect(clock.now()).toBe(midnightAt + 4 * night + 10_000);
    expect(feed.expected).toEqual({ A: 6, B: 3 });
    expect(feed.endsAt).toBe(clock.now());
  });

  it("lets every deadline of the nights between fire at its own time, however slow the pace is", async () => {
    const { feed, clock, real } = setUp({ day: days(), hours: "regular", startAt: midnightAt + 1000, speed: 1 });
    const fired: number[] = [];
    for (const at of [0.5 * night, 2 * night, 3.25 * night])
      clock.setTimer(midnightAt + at, () => fired.push(clock.now() - midnightAt));
    await play(feed.open({}));
    expect(fired).toEqual([0.5 * night, 2 * night, 3.25 * night]);
    // Nine seconds each, and nothing for the nights.
    expect(real.ms).toBeLessThan(28_000);
  });

  it("goes on in the middle of it, reading one day at a time", async () => {
    const loaded: string[] = [];
    const { feed } = setUp({ day: days(loaded), hours: "regular", startAt: midnightAt + night + 5000 });
    loaded.length = 0;
    const connection = feed.open({ afterSequence: { A: 3, B: 2 } });
    expect(told(await play(connection))).toEqual(["A4", "A5", "B3", "A6"]);
    expect(connection.progress()).toBe(1);
    expect(loaded).toEqual(["1", "4"]);
  });

  it("reads none of the days before again, however often a connection begins in a later one", async () => {
    const loaded: string[] = [];
    const { feed } = setUp({ day: days(loaded), hours: "regular", startAt: midnightAt + 4 * night + 5000 });
    expect(told(await play(feed.open({ afterSequence: { A: 5, B: 3 } })))).toEqual(["A6"]);
    // Each once, to learn where its numbers end; who reconnects needs the day that is played, which is there.
    expect(loaded).toEqual(["0", "1", "4"]);
    const again = feed.open({ afterSequence: { A: 5, B: 3 } });
    expect(told(await play(again))).toEqual(["A6"]);
    const over = feed.open({ afterSequence: { A: 6, B: 3 } });
    expect(told(await play(over))).toEqual([]);
    expect([again.progress(), over.progress()]).toEqual([1, 1]);
    expect(loaded).toEqual(["0", "1", "4"]);
  });

  it("has one day in memory: the one before is gone when the next one is read", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const read: WeakRef<RecordedDay>[] = [];
    const left: number[] = [];
    const [one] = days();
    const fresh = [0, 1, 4].map((after) => ({
      header: { ...(one as PlayableDay).header, midnightAt: midnightAt + after * night },
      load: (): RecordedDay => {
        collect();
        left.push(read.filter((ref) => ref.deref() !== undefined).length);
        const day = (days()[[0, 1, 4].indexOf(after)] as PlayableDay).load();
        const own = { ...day };
        read.push(new WeakRef(own));
        return own;
      },
    }));
    const clock = createSimulatedClock({ startAt: midnightAt + 1000 });
    // A weak reference is strong until the event loop turns.
    const settle = (): Promise<void> => new Promise((turn) => setImmediate(turn));
    const feed = createReplayFeed({ day: fresh, hours: "regular", speed: 0, clock, settle });
    await play(feed.open({ valve: openValve(clock) }));
    expect(left).toEqual([0, 0, 0]);
  });

  it("stops in the middle of a night", async () => {
    const { feed, clock } = setUp({ day: days(), hours: "regular", startAt: midnightAt + 1000 });
    const connection = feed.open({});
    clock.setTimer(midnightAt + 2 * night, () => void connection.stop());
    const ticks = await play(connection);
    expect(told(ticks)).toEqual(["A1", "B1", "A2", "A3", "B2", "A4"]);
    expect(clock.now()).toBeLessThan(midnightAt + 2 * night + 900_001);
  });
});

describe("a replay at a pace", () => {
  it("keeps market time at start + elapsed × speed and delivers each trade when it is due", async () => {
    const { feed, real } = setUp({ speed: 10 });
    const early: number[] = [];
    const late: number[] = [];
    await play(feed.open({}), ({ exchangeAt }) => {
      const dueMs = (exchangeAt - feed.startsAt) / 10;
      early.push(dueMs - real.ms);
      late.push(real.ms - dueMs);
    });
    expect(Math.max(...early)).toBeLessThanOrEqual(0);
    // A trade waits for the next look at the clock, which is at most a millisecond of real time after it is due.
    expect(Math.max(...late)).toBeLessThanOrEqual(1);
  });

  it("moves market time at least every 100 ms of real time in quiet minutes", async () => {
    const { feed, clock, real } = setUp({ speed: 1, hours: "regular", startAt: midnightAt + 1000 });
    const seen: number[] = [];
    const each = (): void => {
      seen.push(real.ms);
      clock.setTimer(clock.now() + 1, each);
    };
    clock.setTimer(midnightAt + 1001, each);
    await play(feed.open({}));
    const steps = seen.map((ms, index) => ms - (seen[index - 1] ?? 0));
    expect(Math.max(...steps)).toBeLessThanOrEqual(100);
    expect(seen.length).toBeGreaterThan(100);
  });

  it("stops within one step of real time", async () => {
    const { feed, real } = setUp({ speed: 0.001 });
    const connection = feed.open({});
    const done = play(connection);
    while (real.ms < 200) await new Promise((resolve) => setImmediate(resolve));
    const before = real.ms;
    await connection.stop();
    await done;
    expect(real.ms - before).toBeLessThanOrEqual(100);
  });
});

it("plays the shipped day whole, breathing at least every few milliseconds", async () => {
  const opened = openRecordedDay("us-equity-20131007");
  if (!opened.ok) throw new Error(opened.error);
  let yields = 0;
  const clock = createSimulatedClock({
    startAt: 0,
    yieldToIo: () => {
      yields += 1;
      return new Promise((resolve) => setImmediate(resolve));
    },
  });
  let elapsed = 0;
  const breathing = { ...clock, now: clock.now, monotonicMs: () => (elapsed += 0.1) };
  const feed = createReplayFeed({ day: opened.value, hours: "all", speed: 0, clock: breathing });
  let count = 0;
  await new Promise<void>((resolve) =>
    feed.open({ valve: openValve(breathing) }).ticks.subscribe({ next: () => (count += 1), complete: resolve }),
  );
  expect(count).toBe(274_894);
  expect(feed.expected).toEqual({ SPY: 250_601, IBM: 24_293 });
  expect(yields).toBeGreaterThan(50);
});
