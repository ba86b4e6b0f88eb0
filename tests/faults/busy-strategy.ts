/** A strategy that means nothing by what it does: it buys, sells and cancels all day, so that there is always something to lose. */
import { createRandom } from "#core/random.ts";
import type { CreateStrategy, Proposal, StrategyView } from "#core/strategy/strategy.ts";

const orderShare = 0.03;
const cancelShare = 0.15;
const lotsMax = 40;
const ticksAway = 6;

export const createStrategy: CreateStrategy = ({ seed }) => ({
  name: "busy",
  evaluate: (view: StrategyView): readonly Proposal[] => {
    // By market time, so that a restart goes on with other wishes than those the earlier process had.
    const draw = createRandom((seed ^ Math.floor(view.now / 100)) | 0);
    const proposals: Proposal[] = [];
    for (const { orderId, isCancelPending } of view.openOrders)
      if (draw() < cancelShare && !isCancelPending) proposals.push({ type: "cancel", orderId, reason: "a change of mind" });
    for (const { symbol, tickSize } of view.instruments) {
      const [wants, sells, isMarket, away, size] = [draw(), draw(), draw(), draw(), draw()];
      const mark = view.mark(symbol);
      if (wants > orderShare || mark === undefined) continue;
      const held = view.position(symbol);
      const side = held > 0 && sells < 0.5 ? "sell" : "buy";
      const lots = 1 + Math.floor(size * lotsMax);
      const limit = Math.round(mark.priceMinor / tickSize + (away - 0.5) * 2 * ticksAway) * tickSize;
      const wish = { type: "order", symbol, side, signal: 1, reason: "busy" } as const;
      const quantity = side === "sell" ? Math.min(held, lots) : lots;
      proposals.push(
        isMarket < 0.2
          ? { ...wish, orderType: "market", quantity }
          : { ...wish, orderType: "limit", quantity, limitPriceMinor: limit },
      );
    }
    return proposals;
  },
});
