/**
 * The sample strategy: boring on purpose, so that what you watch is the house and not the idea.
 *
 * One-minute closes per symbol; when the mean of the last 5 closes rises above the mean of the last 20, buy a fixed
 * quantity; when it falls below, sell what is held. A limit order one tick through the last trade; what is not filled
 * after 30 s is canceled. Bars are built from trades, so after a restart it waits for 20 minutes of market again.
 */
import type { Instrument } from "../instrument.ts";
import type { CreateStrategy, Proposal, StrategyView, Trade } from "./strategy.ts";

const barMs = 60_000;
const fastBars = 5;
const slowBars = 20;
const orderLots = 200;
/** Of a coin whose lots are far smaller: a hundredth. */
const orderLotsOf = ({ quantityScale = 0 }: Instrument): number =>
  quantityScale === 0 ? orderLots : 10 ** Math.max(0, quantityScale - 2);
const workingMsMax = 30_000;
/** A spread of the two means of this share of the price gives full confidence; crossings begin at 0.75. */
const fullSignalSpread = 0.0005;

interface Bars {
  readonly closes: number[];
  barStart: number;
  lastPriceMinor: number;
  wasAbove: boolean | undefined;
}

const mean = (values: readonly number[], count: number): number => {
  let sum = 0;
  for (let i = values.length - count; i < values.length; i++) sum += values[i] as number;
  return sum / count;
};

export const createStrategy: CreateStrategy = ({ instruments }) => {
  const barsBySymbol = new Map<string, Bars>();

  const onTrade = ({ symbol, priceMinor, at }: Trade): void => {
    const barStart = at - (at % barMs);
    const bars = barsBySymbol.get(symbol);
    if (bars === undefined) {
      barsBySymbol.set(symbol, { closes: [], barStart, lastPriceMinor: priceMinor, wasAbove: undefined });
      return;
    }
    if (barStart > bars.barStart) {
      bars.closes.push(bars.lastPriceMinor);
      if (bars.closes.length > slowBars) bars.closes.shift();
      bars.barStart = barStart;
    }
    bars.lastPriceMinor = priceMinor;
  };

  const proposalFor = (instrument: Instrument, bars: Bars, view: StrategyView): Proposal | undefined => {
    if (bars.closes.length < slowBars) return undefined;
    const fast = mean(bars.closes, fastBars);
    const slow = mean(bars.closes, slowBars);
    const isAbove = fast > slow;
    const crossed = bars.wasAbove !== undefined && isAbove !== bars.wasAbove;
    bars.wasAbove = isAbove;
    if (!crossed) return undefined;
    const held = view.position(instrument.symbol);
    const signal = Math.min(1, 0.75 + (0.25 * Math.abs(fast - slow)) / (slow * fullSignalSpread));
    const common = { type: "order", symbol: instrument.symbol, orderType: "limit", signal } as const;
    if (isAbove && held === 0) {
      return {
        ...common,
        side: "buy",
        quantity: orderLotsOf(instrument),
        limitPriceMinor: bars.lastPriceMinor + instrument.tickSize,
        reason: "the 5-minute mean rose above the 20-minute mean",
      };
    }
    if (!isAbove && held > 0) {
      return {
        ...common,
        side: "sell",
        quantity: held,
        limitPriceMinor: bars.lastPriceMinor - instrument.tickSize,
        reason: "the 5-minute mean fell below the 20-minute mean",
      };
    }
    return undefined;
  };

  const evaluate = (view: StrategyView): readonly Proposal[] => {
    const proposals: Proposal[] = [];
    for (const order of view.openOrders) {
      if (!order.isCancelPending && view.now - order.createdAt >= workingMsMax)
        proposals.push({ type: "cancel", orderId: order.orderId, reason: "not filled within 30 s" });
    }
    for (const instrument of instruments) {
      const bars = barsBySymbol.get(instrument.symbol);
      if (bars === undefined || view.openOrders.some(({ symbol }) => symbol === instrument.symbol)) continue;
      const proposal = proposalFor(instrument, bars, view);
      if (proposal !== undefined) proposals.push(proposal);
    }
    return proposals;
  };

  return { name: "moving-average-cross", onTrade, evaluate };
};
