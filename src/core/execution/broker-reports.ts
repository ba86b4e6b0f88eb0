/**
 * What the broker tells unasked, turned into facts.
 *
 * A report names the venue's order; ours is found by client order id or by what has been bound. At a venue without client
 * order ids a fill can arrive before the response that names its order (KIS), so such reports wait, bounded, until the id
 * is bound. A fill that both the stream and a reconciliation bring is offered once.
 */
import type { NewFact, Offer } from "../event/catalog.ts";
import type { DeskView } from "../orders/order-desk.ts";
import type { BrokerExecution, BrokerReport } from "../ports.ts";

type OrderReport = Exclude<BrokerReport, { readonly type: "connected" | "disconnected" }>;

export interface ReportIntake {
  readonly take: (report: BrokerReport) => void;
  /** From now on this venue order is ours; what waited for it is offered. */
  readonly bind: (brokerOrderId: string, orderId: string) => void;
  /** Tries again what waits, because ids may have been bound elsewhere. */
  readonly retry: () => void;
  /** Offers a fill found by reconciliation. @returns false when the stream has brought it already */
  readonly offerFound: (execution: BrokerExecution, orderId: string) => boolean;
  readonly waiting: () => number;
  /** Reports given up because too many waited; reconciliation finds what they told. */
  readonly dropped: () => number;
}

/** Reports for venue orders that nobody has bound: seconds of a busy stream, or orders placed by hand on the same account. */
const waitingMax = 1_000;
/** Far more answers than can be on their way to the desk at once. */
const bindingsKept = 1_000;
/** Fill ids remembered to see overlaps between stream and reconciliation. */
const overlapKept = 10_000;

export const fillToFact = (execution: BrokerExecution, orderId: string, isLast: boolean, source: string): NewFact => ({
  type: isLast ? "order.filled" : "order.partially.filled",
  payload: {
    orderId,
    fillId: execution.fillId,
    quantity: execution.quantity,
    priceMinor: execution.priceMinor,
    feeMinor: execution.feeMinor,
    brokerOrderId: execution.brokerOrderId,
  },
  source,
  correlationId: orderId,
});

export const reportToFact = (report: OrderReport, orderId: string, source: string): NewFact => {
  const { brokerOrderId } = report;
  const about = { source, correlationId: orderId };
  switch (report.type) {
    case "filled":
      return fillToFact(report, orderId, report.leavesQuantity === 0, source);
    case "accepted":
      return { type: "order.accepted", payload: { orderId, brokerOrderId }, ...about };
    case "canceled":
      return { type: "order.canceled", payload: { orderId, brokerOrderId }, ...about };
    case "expired":
      return { type: "order.expired", payload: { orderId, brokerOrderId }, ...about };
    case "rejected":
      return { type: "order.rejected", payload: { orderId, code: report.code, reason: report.reason, brokerOrderId }, ...about };
    case "cancelRejected":
      return { type: "order.cancel.rejected", payload: { orderId, code: report.code, reason: report.reason }, ...about };
    case "replaceRejected":
      return { type: "order.replace.rejected", payload: { orderId, code: report.code, reason: report.reason }, ...about };
    case "replaced": {
      const { quantity, limitPriceMinor } = report;
      const price = limitPriceMinor === undefined ? {} : { limitPriceMinor };
      return { type: "order.replaced", payload: { orderId, quantity, brokerOrderId, ...price }, ...about };
    }
    case "busted":
      return { type: "order.fill.busted", payload: { orderId, fillId: report.fillId }, ...about };
    case "corrected": {
      const { fillId, quantity, priceMinor } = report;
      return { type: "order.fill.corrected", payload: { orderId, fillId, quantity, priceMinor }, ...about };
    }
  }
};

/** A set that forgets its oldest members. */
const remember = (kept: Set<string>, id: string): void => {
  kept.add(id);
  if (kept.size <= overlapKept) return;
  const [oldest] = kept;
  if (oldest !== undefined) kept.delete(oldest);
};

export const createReportIntake = ({
  brokerName,
  desk,
  offer,
  onConnected,
}: {
  readonly brokerName: string;
  readonly desk: () => DeskView;
  readonly offer: Offer;
  /** After every (re)connection: reports may have been lost in between. */
  readonly onConnected: () => void;
}): ReportIntake => {
  let waiting: OrderReport[] = [];
  let dropped = 0;
  /** The newest bindings, because the desk learns of them a moment later. */
  const bound = new Map<string, string>();
  const streamed = new Set<string>();
  const found = new Set<string>();

  const orderIdOf = ({ brokerOrderId, clientOrderId }: OrderReport): string | undefined => {
    if (clientOrderId !== undefined) return clientOrderId;
    return desk().orderIdOf(brokerOrderId) ?? bound.get(brokerOrderId);
  };

  const noteBinding = (brokerOrderId: string, orderId: string): void => {
    bound.set(brokerOrderId, orderId);
    if (bound.size <= bindingsKept) return;
    const [oldest] = bound.keys();
    if (oldest !== undefined) bound.delete(oldest);
  };

  const pass = (report: OrderReport, orderId: string): void => {
    if (report.type === "filled") {
      // Reconciliation was faster; that is no duplicate of the venue's.
      if (found.delete(report.fillId)) return;
      remember(streamed, report.fillId);
    }
    if (report.type === "replaced") noteBinding(report.brokerOrderId, orderId);
    offer(reportToFact(report, orderId, brokerName));
  };

  const retry = (): void => {
    const again = waiting;
    waiting = [];
    for (const report of again) {
      const orderId = orderIdOf(report);
      if (orderId === undefined) waiting.push(report);
      else pass(report, orderId);
    }
  };

  return {
    take: (report) => {
      if (report.type === "connected") {
        offer({ type: "broker.connected", payload: { broker: brokerName }, source: brokerName });
        onConnected();
        return;
      }
      if (report.type === "disconnected") {
        const { reason } = report;
        offer({ type: "broker.disconnected", payload: { broker: brokerName, reason }, source: brokerName });
        return;
      }
      const orderId = orderIdOf(report);
      if (orderId !== undefined) return pass(report, orderId);
      waiting.push(report);
      if (waiting.length <= waitingMax) return;
      waiting.shift();
      dropped += 1;
    },
    bind: (brokerOrderId, orderId) => {
      if (desk().orderIdOf(brokerOrderId) === undefined) noteBinding(brokerOrderId, orderId);
      if (waiting.length > 0) retry();
    },
    retry,
    offerFound: (execution, orderId) => {
      if (streamed.has(execution.fillId) || found.has(execution.fillId)) return false;
      remember(found, execution.fillId);
      offer(fillToFact(execution, orderId, false, "reconciliation"));
      return true;
    },
    waiting: () => waiting.length,
    dropped: () => dropped,
  };
};
