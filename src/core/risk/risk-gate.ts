/**
 * The risk entry (seed 001 §2.3): three places where an order can be stopped, and the proof that it was not.
 *
 * A gate answers allowed or denied with a code; one that throws has denied. Only this file makes a `RiskApproved`, so a
 * request that no gate has seen does not compile.
 */
import type { SafetyState } from "#machines/facts/safety.ts";
import { isInFlight, type OrderRecord } from "#machines/order.rules.ts";
import type { SafetyCode } from "#machines/safety.codes.ts";
import type { Instrument, OrderType, Side } from "../instrument.ts";
import { requestOf } from "../orders/intent.ts";
import type { Approval, DeskView, OpenInterest } from "../orders/order-desk.ts";
import type { OrderRequest, RiskApproved } from "../ports.ts";

export type GateVerdict =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      /** Stable, for the journal and for counting. */
      readonly code: string;
      readonly reason: string;
      /** A limit was touched that safety wants to know of. */
      readonly guardrail?: SafetyCode;
    };

export const allowed: GateVerdict = { allowed: true };
export const denied = (code: string, reason: string, guardrail?: SafetyCode): GateVerdict => ({
  allowed: false,
  code,
  reason,
  ...(guardrail === undefined ? {} : { guardrail }),
});

/** What is asked for: a new order, or a working order changed to this. Lots and minor units. */
export interface Wish {
  readonly orderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly orderType: OrderType;
  /** Lots that would be open. */
  readonly quantity: number;
  readonly limitPriceMinor: number | null;
  readonly strategy: string;
  /** 0 to 1; null when nobody gave one. */
  readonly signal: number | null;
  /** A change is judged by what it would move, not by when and why the order was wanted. */
  readonly isChange: boolean;
}

/** The house as the gates see it; the runtime implements it. */
export interface RiskView {
  readonly safety: () => SafetyState;
  /** Limits of the operating state (spec S19). */
  readonly operating: () => {
    readonly entrySignalMin: number;
    readonly positionsMax: number;
    readonly dailyTradesMax: number;
    readonly newEntry: boolean;
    readonly riskMultiplier: number;
  };
  /** The last trade. */
  readonly mark: (symbol: string) => { readonly priceMinor: number; readonly at: number } | undefined;
  readonly instrument: (symbol: string) => Instrument | undefined;
  /** The price step at this price; the instrument's own where the market has no tick table. */
  readonly tickAt?: (symbol: string, priceMinor: number) => number;
  /** Epoch ms. */
  readonly now: () => number;
}

export interface RiskContext {
  readonly view: RiskView;
  readonly desk: DeskView;
  readonly broker: { readonly name: string; readonly live: boolean };
  /** Approvals whose facts are still on their way to the desk, oldest first. */
  readonly pendingApprovals: () => readonly Approval[];
}

/** How the venue answered a submit. */
export type Response = "accepted" | "refused" | "unknown" | "notSent";

export interface RiskGate {
  readonly name: string;
  /** Is the intent itself sound? */
  readonly beforeIntent?: (wish: Wish, context: RiskContext) => GateVerdict;
  /** May it leave now? Also asked when a working order is to be changed. */
  readonly beforeRoute?: (wish: Wish, context: RiskContext) => GateVerdict;
  /** Denied here means: what the venue answered trips a guard. */
  readonly afterResponse?: (wish: Wish, response: Response, context: RiskContext) => GateVerdict;
}

/** Approvals after `since`, newest first, those on their way to the desk included. */
export function* approvalsAfter(since: number, { desk, pendingApprovals }: RiskContext): Iterable<Approval> {
  for (const approvals of [pendingApprovals(), desk.approvals()]) {
    for (let index = approvals.length - 1; index >= 0; index -= 1) {
      const approval = approvals[index] as Approval;
      if (approval.at <= since) break;
      yield approval;
    }
  }
}

/** How many approvals `approvalsAfter` would give, in a few steps: a busy minute has thousands. */
export const approvalCountAfter = (since: number, { desk, pendingApprovals }: RiskContext): number => {
  let count = 0;
  for (const approvals of [pendingApprovals(), desk.approvals()]) {
    let [low, high] = [0, approvals.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((approvals[middle] as Approval).at > since) high = middle;
      else low = middle + 1;
    }
    count += approvals.length - low;
  }
  return count;
};

const firstDenial = (gates: readonly RiskGate[], ask: (gate: RiskGate) => GateVerdict | undefined): GateVerdict => {
  for (const gate of gates) {
    try {
      const verdict = ask(gate);
      if (verdict !== undefined && verdict.allowed !== true) return verdict;
    } catch (error) {
      // A gate that cannot judge has not allowed anything.
      return denied("GATE_FAILED", `${gate.name} failed: ${String(error)}`);
    }
  }
  return allowed;
};

/** Asks every gate, intent first; the first denial decides. Never throws. */
export const judgeWish = (gates: readonly RiskGate[], wish: Wish, context: RiskContext): GateVerdict => {
  const intent = wish.isChange ? allowed : firstDenial(gates, (gate) => gate.beforeIntent?.(wish, context));
  return intent.allowed ? firstDenial(gates, (gate) => gate.beforeRoute?.(wish, context)) : intent;
};

export const judgeResponse = (gates: readonly RiskGate[], wish: Wish, response: Response, context: RiskContext): GateVerdict =>
  firstDenial(gates, (gate) => gate.afterResponse?.(wish, response, context));

export const wishOf = (order: OrderRecord): Wish => ({
  orderId: order.orderId,
  symbol: order.symbol,
  side: order.side,
  orderType: order.orderType,
  quantity: order.ordered,
  limitPriceMinor: order.limitPriceMinor,
  strategy: order.strategy,
  signal: order.signal,
  isChange: false,
});

/** Open interest of the symbol without the order that is being judged. */
export const othersInterest = ({ desk }: RiskContext, { orderId, symbol }: Wish): OpenInterest => {
  const interest = desk.openInterest(symbol);
  const own = desk.order(orderId);
  if (own === undefined || own.ended !== null) return interest;
  const leaves = Math.max(0, own.ordered - own.cumulative);
  if (own.side === "sell") return { ...interest, sellLots: interest.sellLots - leaves };
  return {
    ...interest,
    buyLots: interest.buyLots - leaves,
    buyLimitMinor: interest.buyLimitMinor - leaves * (own.limitPriceMinor ?? 0),
    buyMarketLots: interest.buyMarketLots - (own.limitPriceMinor === null ? leaves : 0),
  };
};

/**
 * The proof for the order gate, from the journaled approval.
 *
 * @returns undefined when the order was never approved, was answered already, or has ended
 */
export const approvedRequest = (order: OrderRecord): RiskApproved<OrderRequest> | undefined =>
  order.epoch !== null && isInFlight(order)
    ? ({ ...requestOf(order), epoch: order.epoch } as unknown as RiskApproved<OrderRequest>)
    : undefined;
