/**
 * Upbit's public trades (WebSocket v1, format SIMPLE).
 *
 * Numbers are read from their text, so that neither a price nor a 17-digit id passes through a float. Ids (`sid`) are unique and
 * grow with time, and are not consecutive: what was missed while nobody was connected cannot be counted, only declared.
 */
import { z } from "zod";
import { unitsOf } from "#core/decimal.ts";
import type { RawTick } from "#market/ports.ts";
import type { Wire, WireMessage, WireScale } from "#market/wire.ts";

const natural = z.string().regex(/^\d{1,18}$/);
const trade = z.object({
  ty: z.literal("trade"),
  cd: z.string(),
  /** When it was sent, and when it happened. */
  tms: natural.optional(),
  ttms: natural,
  tp: z.string(),
  tv: z.string(),
  ab: z.string().optional(),
  sid: natural,
  st: z.string().optional(),
});
const refusal = z.object({ error: z.object({ name: z.string(), message: z.string().optional() }) });

/** Since 2024 ids have 17 digits, ten thousand for each ms, which is beyond 2^53; counted from 2014 they fit until 2042. */
const longIdsFrom = 14_000_000_000_000_000n;

/** The venue's number as one that can be kept exactly, in the same order; NaN for one that cannot. */
export const sequenceOf = (sid: string): number => {
  const id = BigInt(sid);
  const kept = id <= BigInt(Number.MAX_SAFE_INTEGER) ? id : id - longIdsFrom;
  return kept > 0n && kept <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(kept) : Number.NaN;
};

/** Numbers stay the text that they are on the wire. */
const withTexts = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === "number" ? (context?.source ?? String(value)) : value;

const shownMax = 80;

const garbage = (text: string): WireMessage => ({
  type: "garbage",
  reason: `upbit sent what is not a trade: ${text.slice(0, shownMax)}`,
});

export const createUpbitWire = (instruments: readonly WireScale[]): Wire => {
  const scales = new Map(instruments.map((instrument) => [instrument.symbol, instrument]));
  const symbols = [...scales.keys()];

  const read = (text: string): WireMessage => {
    let message: unknown;
    try {
      message = JSON.parse(text, withTexts);
    } catch {
      return garbage(text);
    }
    const refused = refusal.safeParse(message);
    if (refused.success) {
      const { name, message: why } = refused.data.error;
      return { type: "refused", reason: `upbit refuses the request: ${name}${why === undefined ? "" : `, ${why}`}` };
    }
    if (typeof message !== "object" || message === null) return garbage(text);
    if (!("ty" in message) || message.ty !== "trade") return { type: "nothing" };
    const parsed = trade.safeParse(message);
    if (!parsed.success) return garbage(text);
    const { cd: symbol, tms, ttms, tp, tv, ab, sid, st } = parsed.data;
    const scale = scales.get(symbol);
    if (scale === undefined) return { type: "nothing" };
    const price = unitsOf(tp, scale.priceScale);
    const quantity = unitsOf(tv, scale.quantityScale ?? 0);
    const sequence = sequenceOf(sid);
    // A trade without a number could not even be declared as lost.
    if (Number.isNaN(sequence)) return garbage(text);
    const tick: RawTick = {
      symbol,
      exchangeAt: Number(ttms),
      sequence,
      // What cannot be kept exactly is refused at the door, and declared there.
      priceMinor: price.ok ? price.value : Number.NaN,
      quantity: quantity.ok ? quantity.value : Number.NaN,
      ...(ab === undefined ? {} : { condition: ab }),
    };
    // The last trade, told at once after connecting, was sent when it happened.
    const sent = tms === undefined || st !== "REALTIME" ? {} : { sentAt: Number(tms) };
    if (!price.ok)
      return {
        type: "tick",
        tick,
        ...sent,
        problem: `a price of ${symbol}, ${tp}, ${price.error}; give it its own priceScale in instruments`,
      };
    if (!quantity.ok) return { type: "tick", tick, ...sent, problem: `a quantity of ${symbol}, ${tv}, ${quantity.error}` };
    return { type: "tick", tick, ...sent };
  };

  return {
    name: "upbit",
    symbols,
    numbers: "sparse",
    path: "/websocket/v1",
    timePath: `/v1/ticker?markets=${symbols[0] ?? ""}`,
    // Without isOnlyRealtime the last trade of each market comes at once, which tells a market from a misspelt one.
    requests: (connection) => [
      JSON.stringify([{ ticket: `qts-${connection}` }, { type: "trade", codes: symbols }, { format: "SIMPLE" }]),
    ],
    read,
    answersAtOnce: true,
  };
};
