/** Gates that look at the order itself: its shape, its price, what it would sell, and whether it is wanted twice. */
import { allowed, approvalsAfter, denied, othersInterest, type RiskGate } from "./risk-gate.ts";

/** Also asked for changes, so it stands before the route. */
export const shapeGate: RiskGate = {
  name: "shape",
  beforeRoute: ({ symbol, orderType, quantity, limitPriceMinor }, { view }) => {
    if (view.instrument(symbol) === undefined) return denied("SYMBOL_UNKNOWN", `${symbol} is not a configured instrument`);
    if (!Number.isSafeInteger(quantity) || quantity <= 0)
      return denied("QUANTITY_INVALID", `the quantity is ${quantity} and must be a whole number of lots above 0`);
    if (orderType === "market" && limitPriceMinor !== null) return denied("PRICE_INVALID", "a market order has no limit price");
    if (orderType === "limit" && (limitPriceMinor === null || !Number.isSafeInteger(limitPriceMinor) || limitPriceMinor <= 0))
      return denied("PRICE_INVALID", `the limit price is ${limitPriceMinor ?? "missing"} and must be above 0`);
    return allowed;
  },
};

/** A limit price must lie on the tick and near the last trade. Exactly at the collar is allowed. */
export const priceCollarGate = ({ priceCollarShare }: { readonly priceCollarShare: number }): RiskGate => ({
  name: "price-collar",
  beforeRoute: ({ symbol, limitPriceMinor }, { view }) => {
    if (limitPriceMinor === null) return allowed;
    const tick = view.tickAt?.(symbol, limitPriceMinor) ?? view.instrument(symbol)?.tickSize ?? 1;
    if (limitPriceMinor % tick !== 0)
      return denied("PRICE_OFF_TICK", `the price ${limitPriceMinor} is not a multiple of the tick ${tick}`);
    const mark = view.mark(symbol);
    if (mark === undefined) return denied("PRICE_UNKNOWN", `${symbol} has not traded yet, so no price can be judged`);
    // The share is taken to six decimals in integers: 30 % of a price must not depend on binary fractions.
    const width = Math.floor((mark.priceMinor * Math.round(priceCollarShare * 1e6)) / 1e6);
    const distance = Math.abs(limitPriceMinor - mark.priceMinor);
    if (distance <= width) return allowed;
    return denied("PRICE_COLLAR", `the price ${limitPriceMinor} is ${distance} from the last trade; ${width} are allowed`);
  },
});

/** Long only (origin: a negative position is an error): a sell may not exceed what is held less what is already being sold. */
export const longOnlyGate: RiskGate = {
  name: "long-only",
  beforeRoute: (wish, context) => {
    if (wish.side === "buy") return allowed;
    const held = context.desk.position(wish.symbol).quantity;
    const free = held - othersInterest(context, wish).sellLots;
    if (wish.quantity <= free) return allowed;
    return denied("SHORT", `${wish.quantity} lots to sell, ${held} held, ${Math.max(0, free)} of them free`);
  },
};

/** The same wish again within the window is taken for a mistake. Exactly the window later is a new wish. */
export const duplicateGate = ({ duplicateWindowMs }: { readonly duplicateWindowMs: number }): RiskGate => ({
  name: "duplicate",
  beforeIntent: (wish, context) => {
    const now = context.view.now();
    const twin = [...approvalsAfter(now - duplicateWindowMs, context)].find(
      (earlier) =>
        earlier.orderId !== wish.orderId &&
        earlier.symbol === wish.symbol &&
        earlier.side === wish.side &&
        earlier.quantity === wish.quantity &&
        earlier.limitPriceMinor === wish.limitPriceMinor,
    );
    if (twin === undefined) return allowed;
    return denied("DUPLICATE_INTENT", `the same as ${twin.orderId}, ${now - twin.at} ms before`);
  },
});
