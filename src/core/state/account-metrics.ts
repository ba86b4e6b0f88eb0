/**
 * The account's metrics as part of the house's state: fed by the journal's fills and by marks, kept in the state snapshot,
 * and measured when the operating state is to be evaluated (spec S21).
 */
import type { Fact } from "../event/catalog.ts";
import type { DeskView } from "../orders/order-desk.ts";
import {
  createTransitionMetrics,
  type TransitionMetrics,
  type TransitionMetricsOptions,
  type TransitionMetricsState,
} from "./transition-metrics.ts";

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
