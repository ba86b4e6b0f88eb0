/**
 * The execution route: performs what orders ask for, and turns every outcome into a fact.
 *
 * intent → risk gates → `order.approved` (journaled, durable) → order gate → broker. The route computes and reports; whether
 * an answer moves the order is the machine's decision. A submit without an answer is unknown, never refused, never re-sent.
 *
 * The clock is not held for a broker's answer: an adapter holds it for its own real work, and one whose latency is market
 * time would wait for ever.
 */

import type { OrderEffect } from "#machines/order.effects.ts";
import { type OrderRecord, statusOf } from "#machines/order.rules.ts";
import type { NewFact, Offer } from "../event/catalog.ts";
import type { Approval, DeskView } from "../orders/order-desk.ts";
import type { Clock, SubmitError } from "../ports.ts";
import type { Result } from "../result.ts";
import {
  approvedRequest,
  judgeResponse,
  judgeWish,
  type Response,
  type RiskContext,
  type RiskGate,
  type RiskView,
  wishOf,
} from "../risk/risk-gate.ts";
import type { ReportIntake } from "./broker-reports.ts";
import type { EpochFence, OrderGate } from "./order-gate.ts";

type RouteEffect = "order.route" | "broker.submit" | "broker.cancel" | "broker.replace" | "order.query" | "position.announce";
export type ExecutionRoute = {
  readonly [T in RouteEffect]: (effect: Extract<OrderEffect, { readonly type: T }>) => void;
};

export interface ExecutionRouteOptions {
  readonly gate: OrderGate;
  readonly fence: EpochFence;
  readonly riskGates: readonly RiskGate[];
  readonly view: RiskView;
  readonly broker: { readonly name: string; readonly live: boolean };
  /** The desk of the present actor; a restart of the actor brings another one. */
  readonly desk: () => DeskView;
  readonly intake: Pick<ReportIntake, "bind">;
  /** Asks the broker soon what became of an order. */
  readonly query: (orderId: string) => void;
  readonly offer: Offer;
  readonly clock: Clock;
  readonly submitTimeoutMs: number;
}

const source = "execution";

const responseOf = (result: Result<unknown, SubmitError>): Response => {
  if (result.ok) return "accepted";
  switch (result.error.type) {
    case "order.refused":
      return "refused";
    case "outcome.unknown":
      return "unknown";
    case "not.sent":
      return "notSent";
  }
};

export const createExecutionRoute = (options: ExecutionRouteOptions): ExecutionRoute => {
  const { gate, fence, riskGates, view, desk, intake, query, offer, clock } = options;
  /** Approvals whose fact has not reached the desk yet. */
  const issued = new Map<string, Approval>();

  const pendingApprovals = (): readonly Approval[] => {
    for (const orderId of issued.keys()) {
      const order = desk().order(orderId);
      if (order === undefined || order.epoch !== null || order.ended !== null) issued.delete(orderId);
    }
    return [...issued.values()];
  };
  const context = (): RiskContext => ({ view, desk: desk(), broker: options.broker, pendingApprovals });

  const tell = (orderId: string, fact: Pick<NewFact, "type" | "payload">): void =>
    offer({ ...fact, source, correlationId: orderId } as NewFact);
  const tripGuardrail = (code: string, reason: string): void =>
    offer({ type: "guardrail.tripped", payload: { code, reason }, source: "risk" });

  /** Every submit ends in exactly one of these facts, a late answer may follow. */
  const reportSubmit = (orderId: string, result: Result<{ readonly brokerOrderId: string }, SubmitError>): void => {
    if (result.ok) {
      const { brokerOrderId } = result.value;
      tell(orderId, { type: "order.submitted", payload: { orderId, brokerOrderId } });
      // After the answer's own fact, so that reports that came first still follow it.
      intake.bind(brokerOrderId, orderId);
      return;
    }
    const { error } = result;
    if (error.type === "order.refused")
      tell(orderId, { type: "order.rejected", payload: { orderId, code: error.code, reason: error.reason } });
    else if (error.type === "not.sent")
      tell(orderId, { type: "order.denied", payload: { orderId, code: error.code, reason: error.reason } });
    else tell(orderId, { type: "order.submit.unknown", payload: { orderId, reason: error.reason } });
  };

  const submit = async (order: OrderRecord, request: NonNullable<ReturnType<typeof approvedRequest>>): Promise<void> => {
    const { orderId } = order;
    let isOverdue = false;
    const reason = `no answer within ${options.submitTimeoutMs} ms`;
    const stopWaiting = clock.setTimer(clock.now() + options.submitTimeoutMs, () => {
      isOverdue = true;
      tell(orderId, { type: "order.submit.unknown", payload: { orderId, reason } });
    });
    const result = await gate.submit(request);
    stopWaiting();
    // The time-out has said unknown already; a late answer of any other kind is still news.
    if (!isOverdue || responseOf(result) !== "unknown") reportSubmit(orderId, result);
    const verdict = judgeResponse(riskGates, wishOf(order), isOverdue ? "unknown" : responseOf(result), context());
    if (!verdict.allowed) tripGuardrail(verdict.guardrail ?? "GR030", verdict.reason);
  };

  /**
   * A request that got through waits for its report. One that was lost is looked up at the broker, and so is an order whose
   * change the venue refused: the venue sees it differently than we do, a report may be missing.
   */
  const settleRequest = (
    orderId: string,
    type: "order.cancel.rejected" | "order.replace.rejected",
    result: Result<void, SubmitError>,
  ): void => {
    if (result.ok) return;
    const { error } = result;
    if (error.type !== "outcome.unknown") tell(orderId, { type, payload: { orderId, code: error.code, reason: error.reason } });
    if (error.type !== "not.sent") query(orderId);
  };

  return {
    "order.route": ({ orderId }) => {
      const order = desk().order(orderId);
      if (order === undefined || statusOf(order) !== "initialized" || issued.has(orderId)) return;
      const verdict = judgeWish(riskGates, wishOf(order), context());
      if (!verdict.allowed) {
        const { code, reason, guardrail } = verdict;
        tell(orderId, { type: "order.denied", payload: { orderId, code, reason } });
        if (guardrail !== undefined) tripGuardrail(guardrail, reason);
        return;
      }
      const { symbol, side, ordered: quantity, limitPriceMinor } = order;
      issued.set(orderId, { orderId, at: clock.now(), symbol, side, quantity, limitPriceMinor });
      tell(orderId, { type: "order.approved", payload: { orderId, epoch: fence.current() } });
    },

    "broker.submit": ({ orderId }) => {
      const order = desk().order(orderId);
      if (order === undefined || gate.wasSent(orderId) || order.ended !== null || order.evidence !== "none") return;
      if (order.isCancelPending) {
        tell(orderId, { type: "order.canceled", payload: { orderId, reason: "canceled before it was sent" } });
        return;
      }
      const request = approvedRequest(order);
      if (request !== undefined) {
        void submit(order, request);
        return;
      }
      // While the journal wrote, a disconnection made the outcome unknown; but nothing has been sent.
      const reason = "the connection was lost before the order was sent";
      if (order.isUndetermined) tell(orderId, { type: "order.denied", payload: { orderId, code: "NOT_SENT", reason } });
    },

    "broker.cancel": ({ orderId }) => {
      const order = desk().order(orderId);
      if (order === undefined || !order.isCancelPending || order.brokerOrderId === null) return;
      const { brokerOrderId, symbol } = order;
      void gate
        .cancel({ orderId, brokerOrderId, symbol })
        .then((result) => settleRequest(orderId, "order.cancel.rejected", result));
    },

    "broker.replace": ({ orderId, quantity, limitPriceMinor }) => {
      const order = desk().order(orderId);
      if (order === undefined || order.replaces.length === 0 || order.brokerOrderId === null) return;
      const { brokerOrderId, symbol } = order;
      const price = limitPriceMinor ?? order.limitPriceMinor;
      // Less of the same is like a cancel: it passes in every state of the house.
      if (quantity > order.ordered || price !== order.limitPriceMinor) {
        const open = Math.max(0, quantity - order.cumulative);
        const wish = { ...wishOf(order), quantity: open, limitPriceMinor: price, isChange: true };
        const verdict = judgeWish(riskGates, wish, context());
        if (!verdict.allowed) {
          const { code, reason } = verdict;
          tell(orderId, { type: "order.replace.rejected", payload: { orderId, code, reason } });
          return;
        }
      }
      void gate
        .replace({ orderId, brokerOrderId, symbol, quantity, ...(price === null ? {} : { limitPriceMinor: price }) })
        .then((result) => settleRequest(orderId, "order.replace.rejected", result));
    },

    "order.query": ({ orderId }) => query(orderId),

    "position.announce": ({ type: _type, ...payload }) => offer({ type: "position.updated", payload, source: "orders" }),
  };
};
