/**
 * Positions and profit, from fills only (spec O12).
 *
 * Money is integer minor units and nothing is lost to rounding: realized profit is not summed up sale by sale, it is what
 * the cash flow leaves once the cost of the open lots is set aside (realized = cash + cost). A venue fill that takes a
 * position below zero is recorded as it is; the gates never ask for one.
 */
import type { Side } from "../instrument.ts";

/** One symbol. Quantities in lots, money in minor units; everything but `quantity` may be kept by JSON as it is. */
export interface Position {
  readonly symbol: string;
  readonly quantity: number;
  /** What the open lots cost; negative for a short position. */
  readonly costMinor: number;
  /** Sales less purchases, without fees. */
  readonly cashMinor: number;
  readonly feesMinor: number;
  /** The last reduction, so that taking it back restores its cost. */
  readonly exit: { readonly quantity: number; readonly costMinor: number } | null;
}

export interface CountedFill {
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: number;
  readonly priceMinor: number;
  readonly feeMinor: number;
  /** Shares per lot. */
  readonly lotSize: number;
}

export const flatPosition = (symbol: string): Position => ({
  symbol,
  quantity: 0,
  costMinor: 0,
  cashMinor: 0,
  feesMinor: 0,
  exit: null,
});

export const realizedOf = ({ cashMinor, costMinor }: Position): number => cashMinor + costMinor;

/** Average price of the open lots in minor units, with a fraction; 0 when flat. */
export const averageOf = ({ quantity, costMinor }: Position, lotSize: number): number =>
  quantity === 0 ? 0 : costMinor / (quantity * lotSize);

export const unrealizedOf = ({ quantity, costMinor }: Position, markMinor: number, lotSize: number): number =>
  quantity * lotSize * markMinor - costMinor;

/** `cost × part / whole`, rounded towards zero, exact beyond 2^53. */
const portion = (cost: number, part: number, whole: number): number => {
  const product = cost * part;
  if (Number.isSafeInteger(product)) return Math.trunc(product / whole);
  return Number((BigInt(cost) * BigInt(part)) / BigInt(whole));
};

/** Counts a fill. */
export const withFill = (position: Position, { side, quantity, priceMinor, feeMinor, lotSize }: CountedFill): Position => {
  const value = quantity * lotSize * priceMinor;
  const direction = side === "buy" ? 1 : -1;
  const held = position.quantity;
  const next = held + direction * quantity;
  const base = {
    ...position,
    quantity: next,
    cashMinor: position.cashMinor - direction * value,
    feesMinor: position.feesMinor + feeMinor,
  };
  if (held === 0 || Math.sign(held) === direction) return { ...base, costMinor: position.costMinor + direction * value };
  if (Math.sign(next) === direction)
    // Through zero: all that was open is closed, the rest opens at this price.
    return { ...base, costMinor: next * lotSize * priceMinor, exit: { quantity: Math.abs(held), costMinor: position.costMinor } };
  const costMinor = next === 0 ? position.costMinor : portion(position.costMinor, quantity, Math.abs(held));
  return { ...base, costMinor: position.costMinor - costMinor, exit: { quantity, costMinor } };
};

/**
 * Takes a counted fill back (bust), exactly when nothing came in between. After later fills the average price is the best
 * the totals allow; quantity, cash and fees are exact always.
 */
export const withoutFill = (position: Position, { side, quantity, priceMinor, feeMinor, lotSize }: CountedFill): Position => {
  const value = quantity * lotSize * priceMinor;
  const direction = side === "buy" ? 1 : -1;
  const held = position.quantity;
  const next = held - direction * quantity;
  const base = {
    ...position,
    quantity: next,
    cashMinor: position.cashMinor + direction * value,
    feesMinor: position.feesMinor - feeMinor,
  };
  if (Math.sign(held) === direction && Math.sign(next) === direction) {
    const costMinor = position.costMinor - direction * value;
    return { ...base, costMinor: Math.sign(costMinor) === direction ? costMinor : portion(position.costMinor, next, held) };
  }
  if (Math.sign(held) === direction) return { ...base, costMinor: next * lotSize * priceMinor };
  const { exit } = position;
  const restored =
    exit !== null && Math.sign(exit.costMinor) === -direction
      ? portion(exit.costMinor, quantity, exit.quantity)
      : -direction * value;
  return { ...base, costMinor: position.costMinor + restored };
};
