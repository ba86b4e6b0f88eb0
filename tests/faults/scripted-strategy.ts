/** A few orders that live every kind of life: filled in parts, canceled while they rest, sold again, filled at the market. */
import type { CreateStrategy, OpenOrder, Proposal, StrategyView } from "#core/strategy/strategy.ts";

const ticks = 1_00;

export const createStrategy: CreateStrategy = () => {
  let startsAt: number | undefined;
  return {
    name: "scripted",
    evaluate: (view: StrategyView): readonly Proposal[] => {
      startsAt ??= view.now - (view.now % 60_000);
      const second = Math.floor((view.now - startsAt) / 1_000);
      const price = (symbol: string, away: number): number => (view.mark(symbol)?.priceMinor ?? 0) + away * ticks;
      const limit = (symbol: string, side: "buy" | "sell", quantity: number, away: number): Proposal => ({
        ...{ type: "order", symbol, side, orderType: "limit", quantity, limitPriceMinor: price(symbol, away) },
        ...{ signal: 1, reason: `second ${second}` },
      });
      const cancel = ({ orderId }: OpenOrder): Proposal => ({ type: "cancel", orderId, reason: `second ${second}` });
      switch (second) {
        case 4:
          return [limit("SPY", "buy", 40, 20)];
        case 8:
          return [limit("IBM", "buy", 30, -300)];
        case 14:
          return view.openOrders.filter(({ isCancelPending }) => !isCancelPending).map(cancel);
        case 24:
          return view.position("SPY") === 0 ? [] : [limit("SPY", "sell", view.position("SPY"), -5)];
        case 27:
          return [{ type: "order", symbol: "IBM", side: "buy", orderType: "market", quantity: 5, signal: 1, reason: "market" }];
        default:
          return [];
      }
    },
  };
};
