import { describe, expect, it, test } from "vitest";
import type { SnapshotDraft, SnapshotInputs } from "#market/snapshot.ts";
import { validationProblem } from "#market/validation.ts";
import { limits, openingAt } from "./setup.ts";

const now = openingAt;
const draft = (
  inputs: Partial<Record<keyof SnapshotInputs, unknown>> = {},
  more: Partial<SnapshotDraft> = {},
): SnapshotDraft => ({
  _schema: "qts.snapshot/1",
  meta: { at: now, session: "s", run: "1", sequence: 0, source: "memory", latencyMs: 0 },
  context: { symbol: "SPY", market: "NYSE", stage: "scalp" },
  observation: {
    inputs: { priceMinor: 100, quantity: 1, exchangeAt: now, sequence: 1, ...inputs } as SnapshotInputs,
    computed: { cumulativeVolume: 0, changeMinor: 0 },
    state: { phase: "regular" },
  },
  _quality: [],
  ...more,
});
const bar = { openPriceMinor: 100, highPriceMinor: 110, lowPriceMinor: 90, closePriceMinor: 105, volume: 10 };

describe("a record that can be is let through", () => {
  test.each([
    { what: "a plain trade", inputs: {} },
    { what: "exactly 5 s ahead of the clock", inputs: { exchangeAt: now + 5000 } },
    { what: "exactly 24 h old", inputs: { exchangeAt: now - 86_400_000 } },
    { what: "a quantity of zero", inputs: { quantity: 0 } },
    { what: "ask equal to bid", inputs: { bidPriceMinor: 100, askPriceMinor: 100 } },
    { what: "a bid alone", inputs: { bidPriceMinor: 100 } },
    { what: "a bar", inputs: bar },
    { what: "a bar of one price", inputs: { ...bar, highPriceMinor: 100, lowPriceMinor: 100, closePriceMinor: 100 } },
  ])("$what", ({ inputs }) => {
    expect(validationProblem(draft(inputs), now, limits)).toBeUndefined();
  });
});

describe("a record that cannot be is refused with its reason", () => {
  test.each([
    { what: "no price", inputs: { priceMinor: undefined }, reason: "field.missing" },
    { what: "null as price", inputs: { priceMinor: null }, reason: "field.missing" },
    { what: "a price that is text", inputs: { priceMinor: "100" }, reason: "field.type" },
    { what: "a price with a fraction of a minor unit", inputs: { priceMinor: 100.5 }, reason: "field.type" },
    { what: "NaN as price", inputs: { priceMinor: Number.NaN }, reason: "number.not.finite" },
    { what: "an infinite quantity", inputs: { quantity: Number.POSITIVE_INFINITY }, reason: "number.not.finite" },
    { what: "a price of zero", inputs: { priceMinor: 0 }, reason: "price.not.positive" },
    { what: "a negative price", inputs: { priceMinor: -1 }, reason: "price.not.positive" },
    { what: "a negative quantity", inputs: { quantity: -1 }, reason: "quantity.negative" },
    { what: "no exchange time", inputs: { exchangeAt: undefined }, reason: "field.missing" },
    { what: "a millisecond more than 5 s ahead", inputs: { exchangeAt: now + 5001 }, reason: "time.future" },
    { what: "a millisecond more than 24 h old", inputs: { exchangeAt: now - 86_400_001 }, reason: "time.past" },
    { what: "no sequence", inputs: { sequence: undefined }, reason: "field.missing" },
    { what: "a venue that is a number", inputs: { venue: 7 }, reason: "field.type" },
    { what: "a condition that is an object", inputs: { condition: {} }, reason: "field.type" },
    { what: "ask below bid", inputs: { bidPriceMinor: 101, askPriceMinor: 100 }, reason: "ask.below.bid" },
    { what: "a bid of zero", inputs: { bidPriceMinor: 0, askPriceMinor: 1 }, reason: "price.not.positive" },
    { what: "a NaN ask", inputs: { bidPriceMinor: 1, askPriceMinor: Number.NaN }, reason: "number.not.finite" },
    { what: "a high below the close", inputs: { ...bar, highPriceMinor: 104 }, reason: "ohlc.impossible" },
    { what: "a high below the open", inputs: { ...bar, highPriceMinor: 99, closePriceMinor: 95 }, reason: "ohlc.impossible" },
    { what: "a low above the open", inputs: { ...bar, lowPriceMinor: 101 }, reason: "ohlc.impossible" },
    { what: "a low above the close", inputs: { ...bar, openPriceMinor: 110, lowPriceMinor: 106 }, reason: "ohlc.impossible" },
    { what: "half a bar", inputs: { openPriceMinor: 100 }, reason: "field.missing" },
    { what: "a bar without volume", inputs: { ...bar, volume: undefined }, reason: "field.missing" },
    { what: "a bar with negative volume", inputs: { ...bar, volume: -1 }, reason: "quantity.negative" },
  ])("$what: $reason", ({ inputs, reason }) => {
    expect(validationProblem(draft(inputs), now, limits)).toBe(reason);
  });

  test.each([
    { what: "symbol", context: { symbol: "", market: "NYSE", stage: "scalp" as const } },
    { what: "market", context: { symbol: "SPY", market: "", stage: "scalp" as const } },
  ])("no $what", ({ context }) => {
    expect(validationProblem(draft({}, { context }), now, limits)).toBe("field.missing");
  });

  it("no session", () => {
    const meta = { at: now, session: "", run: "1", sequence: 0, source: "memory", latencyMs: 0 };
    expect(validationProblem(draft({}, { meta }), now, limits)).toBe("field.missing");
  });
});

it("flags a spread beyond a tenth of the bid and lets it pass", () => {
  const wide = draft({ bidPriceMinor: 100, askPriceMinor: 111 });
  const fair = draft({ bidPriceMinor: 100, askPriceMinor: 110 });
  expect(validationProblem(wide, now, limits)).toBeUndefined();
  expect(validationProblem(fair, now, limits)).toBeUndefined();
  expect(wide._quality).toEqual(["WIDE_SPREAD"]);
  expect(fair._quality).toEqual([]);
});
