/** Upbit's wire over a real socket, with a venue that misbehaves by menu. */
import { describe, expect, it, onTestFinished } from "vitest";
import { createHostClock } from "#adapters/host/clock.ts";
import { createUpbitWire } from "#adapters/upbit/wire.ts";
import { createWireFeed, type WireFeedOptions, whyUnreachable } from "#adapters/wire/feed.ts";
import { createValve } from "#core/event/valve.ts";
import { ConnectionRefused, type RawTick } from "#market/ports.ts";
import { longWaits, openVenue, type Venue } from "./upbit-venue.ts";

/** Resolves when it is true; looked at after every message, never after a time. */
const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
};

const connect = (
  venue: Pick<Venue, "url">,
  options: Partial<WireFeedOptions> & { readonly symbols?: readonly string[] } = {},
) => {
  const said: string[] = [];
  const { symbols = ["KRW-BTC"], ...others } = options;
  const feed = createWireFeed({
    wire: createUpbitWire(symbols.map((symbol) => ({ symbol, priceScale: 0, quantityScale: 8 }))),
    address: venue.url,
    ...longWaits,
    clock: createHostClock(),
    say: (sentence) => said.push(sentence),
    ...others,
  });
  const { valve, closeUntil } = createValve({ clock: createHostClock(), timeSliceMs: 1 });
  const connection = feed.open({ valve });
  const ticks: RawTick[] = [];
  const refusedFor: number[] = [];
  let isComplete = false;
  const lost = new Promise<string>((resolve) => {
    const subscription = connection.ticks.subscribe({
      next: (tick) => ticks.push(tick),
      error: (error: Error) => {
        if (error instanceof ConnectionRefused) refusedFor.push(error.retryAfterMs);
        resolve(error.message);
      },
      complete: () => {
        isComplete = true;
      },
    });
    onTestFinished(() => subscription.unsubscribe());
  });
  return { feed, connection, ticks, lost, refusedFor, said, closeUntil, isComplete: () => isComplete };
};

describe("a feed over a venue's socket", () => {
  it("stands when the venue has been asked, tells every trade once and in order, and ends when it is stopped", async () => {
    const venue = await openVenue();
    const { connection, ticks, isComplete } = connect(venue);
    await connection.opened;
    await venue.asked(1);
    for (let n = 0; n < 50; n++) venue.trade();
    await until(() => ticks.length === 50);
    expect(ticks.map(({ sequence }) => sequence)).toEqual(venue.ids());
    expect(ticks[0]).toMatchObject({ symbol: "KRW-BTC", priceMinor: 90_000_000, quantity: 12_345 });
    await connection.stop();
    expect(isComplete()).toBe(true);
  });

  it("asks again on a new connection, and is told the last trade at once", async () => {
    const venue = await openVenue();
    const first = connect(venue);
    await venue.asked(1);
    venue.trade();
    await until(() => first.ticks.length === 1);
    venue.close(1001, "restart");
    expect(await first.lost).toBe("upbit closed the connection (1001, restart)");
    venue.trade();
    const second = connect(venue);
    await until(() => second.ticks.length === 1);
    expect(second.ticks[0]?.sequence).toBe(venue.ids()[1]);
  });

  it.each<readonly [string, (venue: Venue) => void, string]>([
    ["garbage", ({ sendRaw }) => sendRaw("<html>sorry</html>"), "upbit sent what is not a trade: <html>sorry</html>"],
    ["half of a message", ({ sendRaw }) => sendRaw('{"ty":"trade","cd":"KRW-B'), "upbit sent what is not a trade"],
    ["half of a frame", ({ sendHalf }) => sendHalf(), "upbit closed the connection (1006)"],
    ["a refusal", ({ sendRaw }) => sendRaw('{"error":{"name":"NO_CODES"}}'), "upbit refuses the request: NO_CODES"],
    ["a policy close", ({ close }) => close(1008, "too many"), "upbit closed the connection (1008, too many)"],
    ["more bytes than any trade has", ({ sendRaw }) => sendRaw("x".repeat(2 * 1024 * 1024)), "Max payload size exceeded"],
  ])("gives the connection up on %s and says why, and tells nothing after it", async (_name, misbehave, sentence) => {
    const venue = await openVenue();
    const { ticks, lost } = connect(venue);
    await venue.asked(1);
    misbehave(venue);
    venue.trade();
    expect(await lost).toContain(sentence);
    expect(ticks).toEqual([]);
  });

  it("pings the venue, and answers the venue's pings", async () => {
    const venue = await openVenue();
    connect(venue, { pingEveryMs: 5 });
    await venue.asked(1);
    venue.pingListeners();
    await until(() => venue.pings() > 1 && venue.pongs() > 0);
  });

  it("leaves what the disk cannot take in the socket, and loses none of it", async () => {
    const venue = await openVenue();
    const { ticks, closeUntil } = connect(venue);
    await venue.asked(1);
    const disk = Promise.withResolvers<void>();
    closeUntil(disk.promise);
    for (let n = 0; n < 200; n++) venue.trade();
    const other = connect(venue);
    await until(() => other.ticks.length > 0);
    expect(ticks.length).toBeLessThan(200);
    disk.resolve();
    await until(() => ticks.length === 200);
    expect(ticks.map(({ sequence }) => sequence)).toEqual(venue.ids());
  });

  it("names a symbol of which the venue tells nothing, once", async () => {
    const venue = await openVenue({ answers: ["KRW-BTC"] });
    venue.trade();
    const { said, ticks } = connect(venue, { symbols: ["KRW-BTC", "KRW-BTCC"], answerMsMax: 50 });
    await until(() => said.length > 0 && ticks.length > 0);
    expect(said.filter((text) => text.includes("KRW-BTCC"))).toEqual([
      "upbit tells nothing of KRW-BTCC: it has no such market, or has closed it; see --symbols or instruments",
    ]);
  });

  it("says in one sentence that nobody answers, that a name is unknown, or that there is no way", async () => {
    expect(await connect({ url: "ws://127.0.0.1:1" }).lost).toContain("nobody answers at ws://127.0.0.1:1");
    const why = (code: string): string =>
      whyUnreachable("wss://api.upbit.com", Object.assign(new Error(`getaddrinfo ${code} api.upbit.com`), { code }));
    expect(why("ENOTFOUND")).toContain("the name api.upbit.com cannot be resolved (ENOTFOUND): is there a network?");
    expect(why("ENETUNREACH")).toContain("there is no way to api.upbit.com (ENETUNREACH): is there a network?");
    expect(why("ECONNRESET")).toBe("api.upbit.com: getaddrinfo ECONNRESET api.upbit.com");
  });
});
