/**
 * The account's metrics as part of the house's state: fed by the journal's fills and marks, kept in the state snapshot, and
 * measured when the operating state is to be evaluated (spec S21). Only facts move it, so that a replay comes to the same
 * high-water mark: a restart must not make the house bolder.
 */
import type { Fact } from "../event/catalog.ts";
import type { DeskView } from "../orders/order-desk.ts";
import {
  createTransitionMetrics,
  type TransitionMetrics,
  type TransitionMetricsOptions,
  type TransitionMetricsState,
} from "./transition-metrics.ts";

/** What `account.marked` carries, by symbol. */
export type Marks = { readonly [symbol: string]: { readonly priceMinor: number; readonly at: number } };

export interface AccountMetrics {
  /** Takes a journaled fact after the desk has had it; also while the journal is replayed. */
  readonly take: (fact: Fact) => void;
  readonly persist: () => TransitionMetricsState;
  readonly restore: (state: unknown) => void;
  readonly metrics: () => TransitionMetrics;
}

export const createAccountMetrics = (options: TransitionMetricsOptions, desk: () => DeskView): AccountMetrics => {
  let metrics = createTransitionMetrics(options);
  return {
    take: (fact) => {
      if (fact.type === "account.marked") {
        for (const [symbol, { priceMinor, at }] of Object.entries(fact.payload.marks as Marks))
          metrics.mark(symbol, priceMinor, at);
        return;
      }
      if (fact.type !== "order.filled" && fact.type !== "order.partially.filled") return;
      const { orderId, fillId, quantity, priceMinor, feeMinor = 0 } = fact.payload;
      const order = desk().order(orderId);
      // A fill that the desk refused (a duplicate) moved no money.
      if (order === undefined || order.refusal?.at === fact.at || !order.fills.some((fill) => fill.fillId === fillId)) return;
      const { symbol, side } = order;
      metrics.fill({ at: fact.at, symbol, side, quantity, priceMinor, feeMinor, lotSize: desk().lotSizeOf(symbol), scalp: true });
    },
    persist: () => metrics.state(),
    restore: (state) => {
      metrics = createTransitionMetrics(options, state as TransitionMetricsState);
    },
    metrics: () => metrics,
  };
};
