/**
 * The Strategy port: what a user of QTS implements. See docs/examples/strategy.md.
 *
 * A strategy only proposes. It touches no broker, no clock and no file: it gets trades and a view of the house, and
 * returns proposals. Risk gates may deny each one. It must not throw; a cycle in which it does is counted as failed.
 */
import type { Instrument, OrderType, Side } from "../instrument.ts";

export interface Trade {
  readonly symbol: string;
  /** Minor units of the instrument. */
  readonly priceMinor: number;
  /** Lots. */
  readonly quantity: number;
  /** Epoch ms at the exchange. */
  readonly at: number;
}

export interface OpenOrder {
  readonly orderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly leavesQuantity: number;
  readonly createdAt: number;
  /** A cancel was asked for and not answered yet. */
  readonly isCancelPending: boolean;
}

/** What a strategy may know when it is asked. */
export interface StrategyView {
  /** Epoch ms; market time in a replay. */
  readonly now: number;
  readonly instruments: readonly Instrument[];
  /** Lots held; 0 without a position. */
  readonly position: (symbol: string) => number;
  /** Last trade, or undefined before the first one. */
  readonly mark: (symbol: string) => { readonly priceMinor: number; readonly at: number } | undefined;
  /** Our orders that are not terminal yet. */
  readonly openOrders: readonly OpenOrder[];
  /** Signals below this are denied in the present operating state (0 to 1). */
  readonly entrySignalMin: number;
  readonly newEntry: boolean;
}

export type Proposal =
  | {
      readonly type: "order";
      readonly symbol: string;
      readonly side: Side;
      readonly orderType: OrderType;
      /** Lots. */
      readonly quantity: number;
      readonly limitPriceMinor?: number;
      /** How sure the strategy is, 0 to 1; compared with the operating state's entry threshold. */
      readonly signal: number;
      /** One sentence for the journal. */
      readonly reason: string;
    }
  | { readonly type: "cancel"; readonly orderId: string; readonly reason: string };

export interface Strategy {
  readonly name: string;
  /** Called for each trade of the P1 lane; under overload older trades of a symbol may be missing. */
  readonly onTrade?: (trade: Trade) => void;
  /** Called once per evaluation cycle. */
  readonly evaluate: (view: StrategyView) => readonly Proposal[];
}

/** What a strategy module exports as `createStrategy`. */
export type CreateStrategy = (options: { readonly instruments: readonly Instrument[]; readonly seed: number }) => Strategy;
