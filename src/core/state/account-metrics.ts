/**
 * The account's metrics as part of the house's state: fed by the journal's fills and marks, kept in the state snapshot, and
 * measured when the operating state is to be evaluated (spec S21). Only facts move it, so that a replay comes to the same
 * high-water mark: a restart must not make the house bolder.
 */
import type { Fact } from "../event/catalog.ts";
import type { DeskView } from "../orders/order-desk.ts";
import { averageOf } from "../orders/positions.ts";
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
      // Any fact of an order may change its fills: one that waited for room counts with the fact that makes it.
      const { orderId, priceMinor } = fact.payload as { readonly orderId?: string; readonly priceMinor?: number };
      const order = orderId === undefined ? undefined : desk().order(orderId);
      if (order === undefined) return;
      const lotSize = desk().lotSizeOf(order.symbol);
      const position = desk().position(order.symbol);
      metrics.become({
        at: fact.at,
        position,
        lotSize,
        priceMinor: priceMinor ?? Math.round(averageOf(position, lotSize)),
        isTrade: fact.type !== "order.fill.busted",
        scalp: true,
      });
    },
    persist: () => metrics.state(),
    restore: (state) => {
      metrics = createTransitionMetrics(options, state as TransitionMetricsState);
    },
    metrics: () => metrics,
  };
};
