/** Buys and sells twice, one order at a time, then rests: flat at the end. Begins after TRADE_AFTER, an ISO time of the market. */
import type { CreateStrategy } from "#core/strategy/strategy.ts";

export const createStrategy: CreateStrategy = ({ instruments }) => {
  let sent = 0;
  const after = Date.parse(process.env.TRADE_AFTER ?? "") || 0;
  return {
    name: "four-orders",
    evaluate: (view) => {
      const [instrument] = instruments;
      const last = instrument === undefined ? undefined : view.mark(instrument.symbol)?.priceMinor;
      if (instrument === undefined || view.now <= after || sent >= 4 || last === undefined || view.openOrders.length > 0)
        return [];
      sent += 1;
      const { symbol, tickSize } = instrument;
      const held = view.position(symbol);
      const near = last - (last % tickSize);
      const order = { type: "order", symbol, orderType: "limit", signal: 0.9, reason: "in and out" } as const;
      return held > 0
        ? [{ ...order, side: "sell", quantity: held, limitPriceMinor: near - 20 * tickSize }]
        : [{ ...order, side: "buy", quantity: 10 + sent, limitPriceMinor: near + 20 * tickSize }];
    },
  };
};
