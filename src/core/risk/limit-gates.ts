/**
 * Gates that add up money and count orders. Limits are inclusive: exactly the limit is allowed, except for the day's loss,
 * which closes entries when it is reached.
 *
 * Value limits hold for entries. An exit is bounded by what is held; refusing it for its size would keep the risk.
 */
import { unrealizedOf } from "../orders/positions.ts";
import {
  allowed,
  approvalCountAfter,
  denied,
  type GateVerdict,
  othersInterest,
  type RiskContext,
  type RiskGate,
  type Wish,
} from "./risk-gate.ts";
import { isEntry } from "./state-gates.ts";

const unpriced = (symbol: string): GateVerdict =>
  denied("PRICE_UNKNOWN", `${symbol} has not traded yet, so nothing can be valued`);

/** Minor units per lot: a limit order costs at most its limit, a market order about the last trade. */
const lotPrice = (
  { symbol, limitPriceMinor }: Pick<Wish, "symbol" | "limitPriceMinor">,
  { view, desk }: RiskContext,
): number | undefined => {
  const price = limitPriceMinor ?? view.mark(symbol)?.priceMinor;
  return price === undefined ? undefined : price * desk.lotSizeOf(symbol);
};

/** The operating state scales what one order and one symbol may take; the total exposure is a hard limit. */
const scaled = (limit: number, { view }: RiskContext): number => Math.floor(limit * view.operating().riskMultiplier);

export const orderValueGate = ({ orderValueMinorMax }: { readonly orderValueMinorMax: number }): RiskGate => ({
  name: "order-value",
  beforeRoute: (wish, context) => {
    if (!isEntry(wish)) return allowed;
    const price = lotPrice(wish, context);
    if (price === undefined) return unpriced(wish.symbol);
    const limit = scaled(orderValueMinorMax, context);
    const value = wish.quantity * price;
    return value <= limit ? allowed : denied("ORDER_VALUE_MAX", `the order is worth ${value}; ${limit} are allowed`);
  },
});

/** What a symbol's held lots and other open buys are worth; undefined when there is no price to value them at. */
const symbolValue = (
  symbol: string,
  buys: { readonly buyLimitMinor: number; readonly buyMarketLots: number },
  context: RiskContext,
) => {
  const { desk, view } = context;
  const lotSize = desk.lotSizeOf(symbol);
  const { quantity, costMinor } = desk.position(symbol);
  const mark = view.mark(symbol)?.priceMinor;
  if (mark === undefined && buys.buyMarketLots > 0) return undefined;
  // Without a price the held lots count with what they cost.
  const held = mark === undefined ? Math.abs(costMinor) : Math.abs(quantity) * mark * lotSize;
  return held + (buys.buyLimitMinor + buys.buyMarketLots * (mark ?? 0)) * lotSize;
};

export const positionValueGate = ({ positionValueMinorMax }: { readonly positionValueMinorMax: number }): RiskGate => ({
  name: "position-value",
  beforeRoute: (wish, context) => {
    if (!isEntry(wish)) return allowed;
    const price = lotPrice(wish, context);
    const others = symbolValue(wish.symbol, othersInterest(context, wish), context);
    if (price === undefined || others === undefined) return unpriced(wish.symbol);
    const limit = scaled(positionValueMinorMax, context);
    const value = others + wish.quantity * price;
    if (value <= limit) return allowed;
    return denied("POSITION_VALUE_MAX", `${wish.symbol} would be worth ${value}; ${limit} are allowed`, "GR010");
  },
});

export const exposureGate = ({ exposureMinorMax }: { readonly exposureMinorMax: number }): RiskGate => ({
  name: "exposure",
  beforeRoute: (wish, context) => {
    if (!isEntry(wish)) return allowed;
    const price = lotPrice(wish, context);
    if (price === undefined) return unpriced(wish.symbol);
    const { desk } = context;
    const symbols = new Set([wish.symbol, ...desk.openSymbols()]);
    for (const { symbol, quantity } of desk.positions()) if (quantity !== 0) symbols.add(symbol);
    let total = wish.quantity * price;
    for (const symbol of symbols) {
      const interest = symbol === wish.symbol ? othersInterest(context, wish) : desk.openInterest(symbol);
      const value = symbolValue(symbol, interest, context);
      if (value === undefined) return unpriced(symbol);
      total += value;
    }
    if (total <= exposureMinorMax) return allowed;
    return denied("EXPOSURE_MAX", `the exposure would be ${total}; ${exposureMinorMax} are allowed`, "GR001");
  },
});

/**
 * The day's profit: what was realized today less fees, and what open positions show against their cost. A gain or loss
 * carried over night counts while it is open.
 */
export const dayProfit = ({ desk, view }: RiskContext): number | undefined => {
  let profit = desk.today(view.now()).netMinor;
  for (const position of desk.positions()) {
    if (position.quantity === 0) continue;
    const mark = view.mark(position.symbol);
    if (mark === undefined) return undefined;
    profit += unrealizedOf(position, mark.priceMinor, desk.lotSizeOf(position.symbol));
  }
  return profit;
};

export const dailyLossGate = ({ dailyLossMinorMax }: { readonly dailyLossMinorMax: number }): RiskGate => ({
  name: "daily-loss",
  beforeRoute: (wish, context) => {
    if (!isEntry(wish)) return allowed;
    const profit = dayProfit(context);
    if (profit === undefined) return denied("PRICE_UNKNOWN", "a position has no price, so the day's loss is not known");
    if (-profit < dailyLossMinorMax) return allowed;
    return denied("DAILY_LOSS_MAX", `the day's loss is ${-profit}; entries stop at ${dailyLossMinorMax}`, "GR020");
  },
});

const minuteMs = 60_000;

/** Approvals in the last minute, the one exactly a minute ago not among them. Counts exits too: a runaway is a runaway. */
export const orderRateGate = ({ ordersPerMinuteMax }: { readonly ordersPerMinuteMax: number }): RiskGate => ({
  name: "order-rate",
  beforeRoute: ({ isChange }, context) => {
    if (isChange) return allowed;
    const recent = approvalCountAfter(context.view.now() - minuteMs, context);
    if (recent < ordersPerMinuteMax) return allowed;
    return denied("ORDER_RATE_MAX", `${recent} orders within a minute; ${ordersPerMinuteMax} are allowed`, "GR040");
  },
});

/**
 * Trips when so many submits in a row were refused or lost (origin: ConsecutiveFailureGuard). After a pause one order may
 * try again; an accepted one resets the count.
 */
export const consecutiveFailureGate = ({
  consecutiveFailuresMax,
  failurePauseMs,
}: {
  readonly consecutiveFailuresMax: number;
  readonly failurePauseMs: number;
}): RiskGate => ({
  name: "consecutive-failures",
  beforeRoute: ({ isChange }, { desk, view }) => {
    const { inRow, lastAt } = desk.failures();
    if (isChange || inRow < consecutiveFailuresMax || view.now() - lastAt >= failurePauseMs) return allowed;
    return denied("CONSECUTIVE_FAILURES", `${inRow} orders in a row failed; one may try again after ${failurePauseMs} ms`);
  },
  afterResponse: (_wish, response, { desk }) => {
    // The desk counts this response when its fact arrives.
    const inRow = desk.failures().inRow + 1;
    if (response === "accepted" || response === "notSent" || inRow < consecutiveFailuresMax) return allowed;
    return denied("CONSECUTIVE_FAILURES", `${inRow} orders in a row failed`, "GR030");
  },
});
