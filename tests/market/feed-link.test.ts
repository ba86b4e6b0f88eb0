import { throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import { createMemoryFeed } from "#adapters/memory/feed.ts";
import type { NewFact } from "#core/event/catalog.ts";
import { createIntake } from "#core/event/intake.ts";
import { createFeedLink } from "#market/feed-link.ts";
import { ConnectionRefused } from "#market/ports.ts";
import { createHandClock, turn } from "../core/event/setup.ts";
import { instruments, openingAt, testPipeline, tick } from "./setup.ts";

const setUp = (at = openingAt) => {
  const world = testPipeline();
  world.clock.at = at;
  const feed = createMemoryFeed();
  const offered: NewFact[] = [];
  const inlet = createIntake({
    config: { timeSliceMs: 1, reconnectMs: [1, 1], heldMax: 1000 },
    clock: createHandClock(),
    random: () => 0,
    offer: () => "accepted",
  }).inlet("feed");
  let room: Promise<void> | undefined;
  const link = createFeedLink({
    feed,
    inlet,
    room: () => room,
    afterSequence: world.pipeline.sequences,
    accept: world.pipeline.accept,
    marks: world.pipeline.marks,
    instruments,
    clock: { now: () => world.clock.at },
    offer: (fact) => offered.push(fact),
  });
  const told = (): object[] => offered.splice(0).map(({ type, payload }) => ({ type, ...(payload as object) }));
  const beBehind = (until: Promise<void>): void => {
    room = until;
  };
  return { ...world, feed, inlet, link, told, beBehind };
};

describe("a connection", () => {
  it("is told when it stands, when it is gone with the reason, and when the data ends", () => {
    const { feed, link, told } = setUp();
    link.connect();
    expect(told()).toEqual([{ type: "feed.connected", feed: "memory" }]);
    feed.disconnect("socket closed");
    expect(told()).toEqual([{ type: "feed.disconnected", feed: "memory", reason: "socket closed" }]);
    link.connect();
    feed.deliver(tick());
    feed.end();
    expect(told()).toEqual([
      { type: "feed.connected", feed: "memory" },
      { type: "feed.ended", feed: "memory", ticks: 1 },
    ]);
  });

  it("that was refused is told with the time for which the source wants to be left alone, and the next loss without it", () => {
    const { feed, link, told } = setUp();
    const { open } = feed;
    const refusal = new ConnectionRefused("asked too often", 7000.5);
    Object.assign(feed, {
      open: (opening: Parameters<typeof open>[0]) => ({ ...open(opening), ticks: throwError(() => refusal) }),
    });
    link.connect();
    expect(told().at(-1)).toEqual({ type: "feed.disconnected", feed: "memory", reason: "asked too often", retryAfterMs: 7001 });
    Object.assign(feed, { open });
    link.connect();
    feed.disconnect("reset");
    expect(told().at(-1)).toEqual({ type: "feed.disconnected", feed: "memory", reason: "reset" });
  });

  it("of a source whose clock is not ours is as silent as its own time says", () => {
    const { feed, link, told, clock } = setUp();
    Object.assign(feed, { clockAheadMs: () => 30_000 });
    link.connect();
    feed.deliver(tick());
    clock.at = openingAt + 31_000;
    told();
    link.measure(20_000);
    expect(told()).toEqual([{ type: "feed.heard", feed: "memory", silentMs: 1000, marketOpen: true }]);
  });

  it("that takes time to open stands when it is open, and not before; one that was replaced meanwhile never does", async () => {
    const { link, feed, told } = setUp();
    const opened = Promise.withResolvers<void>();
    const { open } = feed;
    Object.assign(feed, { open: (opening: Parameters<typeof open>[0]) => ({ ...open(opening), opened: opened.promise }) });
    link.connect();
    await turn();
    expect(told()).toEqual([]);
    link.connect();
    opened.resolve();
    await turn();
    expect(told()).toEqual([{ type: "feed.connected", feed: "memory" }]);
  });

  it("goes on where the last one ended, so that a source with a history fills its own hole", () => {
    const { feed, link, rows } = setUp();
    link.connect();
    feed.deliver(tick({ sequence: 1 }));
    feed.deliver(tick({ sequence: 2, priceMinor: -1 }));
    feed.disconnect("x");
    link.connect();
    expect(feed.openedAfter).toEqual([{}, { SPY: 2 }]);
    expect(rows).toHaveLength(1);
  });

  it("that was replaced or stopped says nothing more", () => {
    const { feed, link, told, rows } = setUp();
    link.connect();
    link.stop();
    feed.deliver(tick());
    feed.end();
    expect(told()).toEqual([{ type: "feed.connected", feed: "memory" }]);
    expect(rows).toEqual([]);
  });
});

it("asks its source to wait while the disk is behind, once for all ticks that come meanwhile", async () => {
  const { feed, inlet, link, beBehind } = setUp();
  const disk = Promise.withResolvers<void>();
  link.connect();
  feed.deliver(tick());
  expect(inlet.valve.isOpen).toBe(true);
  beBehind(disk.promise);
  for (let sequence = 2; sequence < 5; sequence += 1) feed.deliver(tick({ sequence }));
  expect(inlet.valve.isOpen).toBe(false);
  disk.resolve();
  await turn();
  expect(inlet.valve.isOpen).toBe(true);
});

describe("the age of data", () => {
  const measure = (after: number, deliverAt?: number, from = openingAt) => {
    const { clock, feed, link, told } = setUp(from);
    link.connect();
    if (deliverAt !== undefined) {
      clock.at = from + deliverAt;
      feed.deliver(tick({ exchangeAt: clock.at }));
    }
    told();
    clock.at = from + after;
    link.measure(20_000);
    return told();
  };

  it("is that of the newest trade", () => {
    expect(measure(25_000, 10_000)).toEqual([{ type: "feed.heard", feed: "memory", silentMs: 15_000, marketOpen: true }]);
    expect(measure(30_000, 10_000)).toEqual([{ type: "feed.went.stale", feed: "memory", silentMs: 20_000 }]);
  });

  it("counts from the connection for a feed that never delivered anything: that is silence too (A1)", () => {
    expect(measure(19_999)).toMatchObject([{ type: "feed.heard", silentMs: 19_999 }]);
    expect(measure(20_000)).toEqual([{ type: "feed.went.stale", feed: "memory", silentMs: 20_000 }]);
  });

  it("counts from the opening in the morning, not from the last trade of the evening before", () => {
    const before = openingAt - 3_600_000;
    expect(measure(3_600_000 + 5000, 1, before)).toMatchObject([{ type: "feed.heard", silentMs: 5000, marketOpen: true }]);
    expect(measure(3_600_000 + 20_000, 1, before)).toMatchObject([{ type: "feed.went.stale" }]);
  });

  it("is not silence while the market is closed", () => {
    expect(measure(1_800_000, 1, openingAt - 3_600_000)).toMatchObject([{ type: "feed.heard", marketOpen: false }]);
  });

  it("is not silence on a holiday, however long (M11)", () => {
    // 2013-11-28 is Thanksgiving; the trades of the day before are a day old when the market would have opened.
    const thanksgiving = Date.UTC(2013, 10, 28, 15);
    expect(measure(3 * 3_600_000, 1, thanksgiving)).toMatchObject([{ type: "feed.heard", marketOpen: false }]);
  });

  it("a tick that nobody believes does not make the feed young", () => {
    const { clock, feed, link, told } = setUp();
    link.connect();
    clock.at = openingAt + 19_000;
    feed.deliver(tick({ priceMinor: -1, exchangeAt: clock.at }));
    told();
    clock.at = openingAt + 20_000;
    link.measure(20_000);
    expect(told()).toMatchObject([{ type: "feed.went.stale" }]);
  });

  it("is announced once when data comes back, if somebody waits for it", () => {
    const { clock, feed, link, told } = setUp();
    link.connect();
    told();
    clock.at += 1000;
    link.await();
    clock.at += 500;
    feed.deliver(tick());
    feed.deliver(tick({ sequence: 2 }));
    expect(told()).toEqual([{ type: "feed.recovered", feed: "memory", silentMs: 500 }]);
  });
});
