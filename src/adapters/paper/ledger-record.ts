/**
 * What the venue writes down: one JSON line per decision, in the order of the decisions.
 *
 * The book is a function of these records alone; `n` is 1, 2, 3 … without a hole and `at` never goes back. Quantities
 * are lots, prices and money minor units. docs/reference/paper-exchange.md explains every record.
 */
import { z } from "zod";
import { orderTypes, sides } from "#core/instrument.ts";

const text = z.string().min(1);
const natural = z.int().min(0);
const base = { n: z.int().min(1), at: natural };
const terms = {
  orderId: text,
  brokerOrderId: text,
  symbol: text,
  side: z.enum(sides),
  orderType: z.enum(orderTypes),
  quantity: natural,
  limitPriceMinor: z.int().optional(),
};
const order = { orderId: text, brokerOrderId: text };
const refusal = { ...order, code: text, reason: text };

const recordSchema = z.discriminatedUnion("type", [
  z.strictObject({
    ...base,
    type: z.literal("opened"),
    version: z.literal(1),
    seed: z.int(),
    cashMinor: natural,
    positions: z.record(text, natural),
  }),
  z.strictObject({ ...base, type: z.literal("based"), symbol: text, priceMinor: z.int().positive() }),
  /** `reservePriceMinor`: what a buy is held against in cash; of a market order the limit it could fill at. */
  z.strictObject({ ...base, type: z.literal("accepted"), ...terms, reservePriceMinor: natural }),
  z.strictObject({ ...base, type: z.literal("refused"), ...terms, code: text, reason: text }),
  z.strictObject({ ...base, type: z.literal("duplicated"), orderId: text }),
  z.strictObject({
    ...base,
    type: z.literal("filled"),
    ...order,
    fillId: text,
    symbol: text,
    side: z.enum(sides),
    quantity: z.int().min(1),
    priceMinor: z.int(),
    feeMinor: natural,
    taxMinor: natural,
    leavesQuantity: natural,
    /** The market trade that caused it; trades up to this one are never matched again. */
    tradeAt: natural,
    tradeSequence: natural,
  }),
  z.strictObject({ ...base, type: z.literal("rejected"), ...refusal }),
  z.strictObject({ ...base, type: z.literal("canceled"), ...order, reason: text }),
  z.strictObject({ ...base, type: z.literal("cancelRefused"), ...refusal }),
  z.strictObject({
    ...base,
    type: z.literal("replaced"),
    ...order,
    quantity: z.int().min(1),
    limitPriceMinor: z.int().optional(),
    reservePriceMinor: natural,
  }),
  z.strictObject({ ...base, type: z.literal("replaceRefused"), ...refusal }),
  z.strictObject({ ...base, type: z.literal("expired"), ...order }),
  z.strictObject({ ...base, type: z.literal("ended") }),
]);

export type LedgerRecord = z.infer<typeof recordSchema>;

/** A record before the ledger has given it its number. */
export type LedgerEntry = LedgerRecord extends infer R ? (R extends LedgerRecord ? Omit<R, "n"> : never) : never;

/** Undefined when the line is not a whole record of a known kind. */
export const parseRecord = (line: string): LedgerRecord | undefined => {
  try {
    const parsed = recordSchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
};

export type LedgerError =
  | { readonly type: "ledger.unavailable"; readonly reason: string }
  /** Damage before the tail: nothing is opened and nothing is changed, so that the evidence stays. */
  | { readonly type: "ledger.corrupt"; readonly line: number; readonly reason: string };

export interface LedgerText {
  readonly records: readonly LedgerRecord[];
  /** Length of the whole records; what follows is a torn tail. */
  readonly soundBytes: number;
  readonly tornBytes: number;
  readonly damage: { readonly line: number; readonly reason: string } | undefined;
}

const newline = 0x0a;

/**
 * Reads the bytes of a ledger.
 *
 * A last line that is cut, or unreadable without anything behind it, is the tail of an interrupted write: it was never
 * acknowledged. An unreadable or misnumbered line before the last one is damage.
 */
export const readRecords = (bytes: Buffer): LedgerText => {
  const records: LedgerRecord[] = [];
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(newline, start);
    const record = end < 0 ? undefined : parseRecord(bytes.toString("utf8", start, end));
    if (record?.n === records.length + 1) {
      records.push(record);
      start = end + 1;
      continue;
    }
    const isTail = end < 0 || end === bytes.length - 1;
    const reason = record === undefined ? "is not a record of a paper ledger" : `has number ${record.n}`;
    return {
      records,
      soundBytes: start,
      tornBytes: isTail ? bytes.length - start : 0,
      damage: isTail && record === undefined ? undefined : { line: records.length + 1, reason },
    };
  }
  return { records, soundBytes: start, tornBytes: 0, damage: undefined };
};
