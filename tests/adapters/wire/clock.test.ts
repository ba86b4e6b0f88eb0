/** A venue whose clock is not ours, and one that does not want to be asked: over a real socket. */
import { describe, expect, it, onTestFinished } from "vitest";
import { createHostClock } from "#adapters/host/clock.ts";
import { createUpbitWire } from "#adapters/upbit/wire.ts";
import { createWireFeed, type WireFeedOptions } from "#adapters/wire/feed.ts";
import { refusalOf, retryAfterMsOf } from "#adapters/wire/refusal.ts";
import { createValve } from "#core/event/valve.ts";
import { ConnectionRefused, type RawTick } from "#market/ports.ts";
import { longWaits, openVenue, type Venue } from "./upbit-venue.ts";

const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
};

/** A feed on a machine whose clock can be set. */
const machine = (venue: Venue, options: Partial<WireFeedOptions> = {}) => {
  const host = createHostClock();
  const set = { aheadMs: 0 };
  const clock = {
    now: () => host.now() + set.aheadMs,
    monotonicMs: host.monotonicMs,
    setTimer: (at: number, fire: () => void) => host.setTimer(at - set.aheadMs, fire),
  };
  const said: string[] = [];
  const feed = createWireFeed({
    wire: createUpbitWire([{ symbol: "KRW-BTC", priceScale: 0, quantityScale: 8 }]),
    address: venue.url,
    ...longWaits,
    clock,
    say: (sentence) => said.push(sentence),
    ...options,
  });
  const connect = () => {
    const { valve } = createValve({ clock: host, timeSliceMs: 1 });
    const ticks: RawTick[] = [];
    const lost = new Promise<Error>((resolve) => {
      const subscription = feed.open({ valve }).ticks.subscribe({ next: (tick) => ticks.push(tick), error: resolve });
      onTestFinished(() => subscription.unsubscribe());
    });
    return { ticks, lost };
  };
  return { feed, set, said, connect };
};

describe("this machine's clock and the venue's", () => {
  it.each([
    [312_500, /clock is 5 min 1\d s ahead of upbit's, and nothing is recorded with a wrong time: set it right/],
    [-312_500, /clock is 5 min 1\d s behind upbit's, and nothing is recorded/],
  ])(
    "%d ms off: nothing is taken nor asked for, with the offset, and all goes on by itself once it is right",
    async (aheadMs, sentence) => {
      const venue = await openVenue();
      const { feed, set, said, connect } = machine(venue);
      set.aheadMs = aheadMs;
      expect((await connect().lost).message).toMatch(sentence);
      expect(venue.handshakes()).toBe(0);
      expect(Math.abs((feed.clockAheadMs?.() ?? 0) - aheadMs)).toBeLessThan(2500);
      expect(said).toHaveLength(1);
      set.aheadMs = 0;
      const { ticks } = connect();
      await venue.asked(1);
      venue.trade();
      await until(() => ticks.length === 1);
      expect(said.at(-1)).toBe("this machine's clock agrees with upbit's within 2.0 s");
    },
  );

  it("a few seconds off are said once and taken all the same", async () => {
    const venue = await openVenue();
    const { set, said, connect } = machine(venue);
    set.aheadMs = -20_000;
    const { ticks } = connect();
    await venue.asked(1);
    for (let n = 0; n < 5; n++) venue.trade();
    await until(() => ticks.length === 5);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/clock is (19|20)\.\d s behind upbit's: set it right.*from 1 min 0 s on nothing is recorded/);
  });

  it("a clock set back in the middle of the market is noticed by the next trade, and by the next answer where it was set ahead", async () => {
    const venue = await openVenue();
    const { set, connect } = machine(venue);
    const back = connect();
    await venue.asked(1);
    set.aheadMs = -3_600_000;
    venue.trade();
    expect((await back.lost).message).toContain("clock is 1 h 0 min behind upbit's");
    expect(back.ticks).toEqual([]);

    const asking = machine(venue, { clockEveryMs: 5 });
    const ahead = asking.connect();
    await venue.asked(2);
    asking.set.aheadMs = 7_200_000;
    expect((await ahead.lost).message).toMatch(/clock is (2 h 0 min|1 h 59 min) ahead of upbit's/);
  });

  it("a slow way and an answer without a date are no clock that is off", async () => {
    const venue = await openVenue();
    const { feed, said, connect } = machine(venue);
    venue.answerTime({ status: 404, headers: { date: "soon" } });
    const { ticks } = connect();
    await venue.asked(1);
    venue.sendRaw(
      `{"ty":"trade","cd":"KRW-BTC","tms":${Date.now() - 90_000},"ttms":${Date.now() - 90_000},"tp":90000000.0,"tv":1.0,"sid":7,"st":"REALTIME"}`,
    );
    await until(() => ticks.length === 1);
    expect(feed.clockAheadMs?.()).toBeUndefined();
    expect(said).toEqual([]);
  });
});

describe("a venue that does not want to be asked", () => {
  it.each([
    [429, "7", /upbit says that it was asked too often \(HTTP 429\); it is left alone for 7 s, as the venue asks/, 7000],
    [
      418,
      "120",
      /upbit has banned this machine's address for asking too often \(HTTP 418\); it is left alone for 120 s/,
      120_000,
    ],
    [403, undefined, /upbit does not let this machine in \(HTTP 403\).*for 300 s, the venue did not say for how long/, 300_000],
    [429, "soon", /for 60 s, the venue did not say for how long/, 60_000],
  ])(
    "HTTP %d with Retry-After %s is heard, at the handshake as at the question for the time",
    async (status, after, sentence, waitMs) => {
      const venue = await openVenue();
      const headers = after === undefined ? {} : { "retry-after": after };
      const { connect, said } = machine(venue);
      venue.answerHandshake({ status, headers });
      const first = await connect().lost;
      expect(first.message).toMatch(sentence);
      expect(first).toBeInstanceOf(ConnectionRefused);
      expect((first as ConnectionRefused).retryAfterMs).toBe(waitMs);

      venue.answerTime({ status, headers });
      const second = await connect().lost;
      expect(second.message).toMatch(sentence);
      expect(said).toEqual([first.message, second.message]);
      // Refused once, it was not asked for the rest, nor again by whoever connects too early.
      venue.answerTime({ status: 200 });
      const third = await connect().lost;
      expect(third.message).toMatch(sentence);
      expect((third as ConnectionRefused).retryAfterMs).toBeLessThanOrEqual(waitMs);
      expect([venue.handshakes(), venue.timesAsked()]).toEqual([1, 2]);
    },
  );

  it("reads seconds and dates of Retry-After, and no wait beyond three days", () => {
    const now = Date.UTC(2026, 0, 1);
    expect(retryAfterMsOf("30", now)).toBe(30_000);
    expect(retryAfterMsOf(new Date(now + 90_000).toUTCString(), now)).toBe(90_000);
    expect(retryAfterMsOf(new Date(now - 90_000).toUTCString(), now)).toBe(0);
    expect(retryAfterMsOf("999999999", now)).toBe(3 * 86_400_000);
    for (const none of [undefined, "", "soon", "-5", "1.5"]) expect(retryAfterMsOf(none, now)).toBeUndefined();
    expect(refusalOf("upbit", 500, "30", now)).toBeUndefined();
  });
});
