/**
 * What client and exchange say to each other: one JSON object per WebSocket text frame.
 *
 * Each request carries the market time `at` at which it is made; the exchange winds its clock to it, so market time has
 * one owner, the client. Each is answered by `done` once all of it is durable, with the moment at which the exchange wants
 * to be woken next; business answers and reports are frames of their own. docs/reference/paper-exchange.md shows each.
 */
import { z } from "zod";
import { orderTypes, sides } from "#core/instrument.ts";
import { listedStatuses } from "#machines/facts/orders.ts";

export const protocolVersion = 1;
/** Close code for a connection that a newer one of the same member has replaced. */
export const supersededCode = 4001;
/** Close code for a frame that cannot be understood; the reason is a sentence. */
export const refusedFrameCode = 4002;

/** A client keeps so many trades for the time without a connection; a hello with all of them is about 10 MB. */
export const missedTradesMax = 100_000;

const text = z.string().min(1);
/** Far above what any market counts, and far below where sums and clocks lose their way. */
const natural = z.int().min(0).max(1e15);
/** Market time; a clock that is wound beyond every session would stand there for ever. */
const time = z
  .int()
  .min(0)
  .max(Date.UTC(2100, 0, 1));
const price = z.int().min(-1e12).max(1e12);
const request = { seq: z.int().min(1), at: time };
const named = { orderId: z.string(), brokerOrderId: z.string(), symbol: text };
const limit = { limitPriceMinor: z.number().optional() };

const submitted = z.strictObject({
  orderId: text,
  symbol: text,
  side: z.enum(sides),
  orderType: z.enum(orderTypes),
  quantity: z.number(),
  ...limit,
});

const marketTrade = z.strictObject({ symbol: text, priceMinor: price, quantity: natural, at: time, sequence: z.int().min(0) });

export const clientFrame = z.discriminatedUnion("type", [
  /** `missed`: what the market traded while the connection was down; it is matched before the connection counts. */
  z.strictObject({
    type: z.literal("hello"),
    version: z.literal(protocolVersion),
    at: time,
    missed: z.array(marketTrade).max(missedTradesMax),
  }),
  z.strictObject({ type: z.literal("submit"), ...request, order: submitted }),
  z.strictObject({ type: z.literal("cancel"), ...request, order: z.strictObject(named) }),
  z.strictObject({ type: z.literal("replace"), ...request, order: z.strictObject({ ...named, quantity: z.number(), ...limit }) }),
  z.strictObject({ type: z.literal("orders"), ...request }),
  z.strictObject({ type: z.literal("executions"), ...request }),
  z.strictObject({ type: z.literal("account"), ...request }),
  z.strictObject({
    type: z.literal("trade"),
    ...request,
    symbol: text,
    priceMinor: price,
    quantity: natural,
    tradeAt: time,
    sequence: z.int().min(0),
  }),
  z.strictObject({ type: z.literal("time"), ...request }),
  z.strictObject({ type: z.literal("end"), ...request }),
]);
export type ClientFrame = z.infer<typeof clientFrame>;
/** A request before the client has numbered and stamped it. */
export type ClientRequest =
  Exclude<ClientFrame, { type: "hello" }> extends infer F ? (F extends ClientFrame ? Omit<F, "seq" | "at"> : never) : never;

const side = z.enum(sides);
const order = { brokerOrderId: text, clientOrderId: text.optional() };
const why = { code: text, reason: text };
const execution = {
  ...order,
  fillId: text,
  symbol: text,
  side,
  quantity: natural,
  priceMinor: price,
  feeMinor: z.int(),
  at: time,
};

export const brokerReport = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("accepted"), ...order, at: time }),
  z.strictObject({ type: z.literal("rejected"), ...order, ...why, at: time }),
  z.strictObject({ type: z.literal("filled"), ...execution, leavesQuantity: natural }),
  z.strictObject({ type: z.literal("canceled"), ...order, at: time }),
  z.strictObject({ type: z.literal("expired"), ...order, at: time }),
  z.strictObject({ type: z.literal("cancelRejected"), ...order, ...why, at: time }),
  z.strictObject({
    type: z.literal("replaced"),
    ...order,
    quantity: natural,
    limitPriceMinor: price.optional(),
    at: time,
  }),
  z.strictObject({ type: z.literal("replaceRejected"), ...order, ...why, at: time }),
]);

/** When the exchange's next timer is due (null: none), and the symbols whose trades it needs to see. */
const wishes = { wakeAt: time.nullable(), watch: z.array(text) };

export const serverFrame = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("welcome"),
    version: z.literal(protocolVersion),
    clientOrderIdLookup: z.boolean(),
    ...wishes,
  }),
  z.strictObject({ type: z.literal("answer"), to: z.int(), reply: z.unknown() }),
  z.strictObject({ type: z.literal("report"), report: brokerReport }),
  z.strictObject({ type: z.literal("done"), to: z.int(), ...wishes }),
]);
export type ServerFrame = z.infer<typeof serverFrame>;

const refused = z.strictObject({
  ok: z.literal(false),
  error: z.strictObject({ type: z.literal("order.refused"), ...why }),
});

/** What the `reply` of an answer is, by the request it answers. */
export const replies = {
  submit: z.union([z.strictObject({ ok: z.literal(true), value: z.strictObject({ brokerOrderId: text }) }), refused]),
  change: z.union([z.strictObject({ ok: z.literal(true) }), refused]),
  orders: z.array(
    z.strictObject({
      ...order,
      symbol: text,
      side,
      orderType: z.enum(orderTypes),
      quantity: natural,
      limitPriceMinor: price.optional(),
      status: z.enum(listedStatuses),
      cumulativeQuantity: natural,
      leavesQuantity: natural,
      receivedAt: time,
    }),
  ),
  executions: z.array(z.strictObject(execution)),
  account: z.strictObject({
    positions: z.array(z.strictObject({ symbol: text, quantity: z.int() })),
    cashMinor: z.int(),
  }),
} as const;

/** Undefined when the text is not a frame of this schema. */
export const parseFrame = <S extends z.ZodType>(schema: S, raw: unknown): z.infer<S> | undefined => {
  try {
    const parsed = schema.safeParse(JSON.parse(String(raw)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
};
