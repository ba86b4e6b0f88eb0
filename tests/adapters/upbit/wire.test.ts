import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createUpbitWire, sequenceOf } from "#adapters/upbit/wire.ts";
import { recordedTrade } from "../wire/upbit-venue.ts";

const wire = createUpbitWire([
  { symbol: "KRW-LAMB", priceScale: 0, quantityScale: 8 },
  { symbol: "KRW-BTC", priceScale: 0, quantityScale: 8 },
]);
const capture = join(import.meta.dirname, "../../../../shared/data/wsraw_UPBIT.ws.62.0");

describe("upbit's wire", () => {
  it("reads a trade as the venue sent it, with price and quantity exact", () => {
    expect(wire.read(recordedTrade)).toEqual({
      type: "tick",
      sentAt: 1_618_678_262_712,
      tick: {
        symbol: "KRW-LAMB",
        exchangeAt: 1_618_678_262_000,
        sequence: 1_618_678_262_000_003,
        priceMinor: 127,
        quantity: 4_648_838_371,
        condition: "BID",
      },
    });
  });

  it("takes no time from the last trade, which is told at once and was sent long ago", () => {
    const message = wire.read(recordedTrade.replace('"st":"REALTIME"', '"st":"SNAPSHOT"'));
    expect(message).toMatchObject({ type: "tick" });
    expect(message).not.toHaveProperty("sentAt");
  });

  it("asks for the trades of every symbol in one request", () => {
    expect(JSON.parse(wire.requests(3)[0] ?? "")).toEqual([
      { ticket: "qts-3" },
      { type: "trade", codes: ["KRW-LAMB", "KRW-BTC"] },
      { format: "SIMPLE" },
    ]);
  });

  it("keeps ids of 17 digits, which are beyond 2^53, apart and in their order, and after those of 16 digits", () => {
    const ids = ["1618678262000003", "1618678262000004", "17303368620820000", "17303368620820001", "17303368620820002"];
    const numbers = ids.map(sequenceOf);
    expect(new Set(numbers).size).toBe(ids.length);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers.every(Number.isSafeInteger)).toBe(true);
  });

  it("hands on a trade that cannot be kept exactly without its value, so that it is refused and declared, and says why", () => {
    const message = wire.read(recordedTrade.replace('"tp":127.0', '"tp":126.5'));
    expect(message).toMatchObject({
      type: "tick",
      tick: { sequence: 1_618_678_262_000_003, priceMinor: Number.NaN },
      problem: expect.stringContaining("126.5, has more than 0 digits after the point"),
    });
  });

  it.each([
    ["half a frame", recordedTrade.slice(0, 60)],
    ["no JSON", "<html>"],
    ["a bare number", "17"],
    ["a trade without a number", recordedTrade.replace(/"sid":\d+,/, "")],
    ["a trade without a price", recordedTrade.replace(/"tp":127.0,/, "")],
    ["a trade whose number cannot be kept", recordedTrade.replace(/"sid":\d+/, '"sid":10000000000000000')],
  ])("calls %s garbage, because nobody knows what was lost with it", (_name, text) => {
    expect(wire.read(text).type).toBe("garbage");
  });

  it("hears a refusal, and lets pass what is no trade or was not asked for", () => {
    expect(wire.read('{"error":{"name":"NO_CODES","message":"no codes"}}')).toEqual({
      type: "refused",
      reason: "upbit refuses the request: NO_CODES, no codes",
    });
    expect(wire.read('{"status":"UP"}')).toEqual({ type: "nothing" });
    expect(wire.read(recordedTrade.replace("KRW-LAMB", "KRW-XYZ"))).toEqual({ type: "nothing" });
  });

  it.skipIf(!existsSync(capture))("reads every message of a capture (skipped when ../shared/data is not there)", () => {
    const texts = readFileSync(capture, "utf8")
      .split("\n")
      .flatMap((line) => /^\d+\.\d+: b'(.*)'$/.exec(line)?.[1] ?? []);
    const trades = texts.filter((text) => text.includes('"ty":"trade"'));
    expect(trades.length).toBeGreaterThan(20);
    const symbols = [...new Set(trades.map((text) => JSON.parse(text).cd as string))];
    const all = createUpbitWire(symbols.map((symbol) => ({ symbol, priceScale: 8, quantityScale: 8 })));
    const kinds = texts.map((text) => all.read(text));
    expect(kinds.filter(({ type }) => type === "tick")).toHaveLength(trades.length);
    expect(
      kinds.filter((message) => message.type === "garbage" || (message.type === "tick" && message.problem !== undefined)),
    ).toEqual([]);
  });
});
