/**
 * What the broker tells unasked, turned into facts that come in through the venue's inlet: while P0 has no room the venue
 * waits, and with it whatever of its reports is still here.
 *
 * A report names the venue's order; ours is found by client order id or by what has been bound. At a venue without client
 * order ids a fill can arrive before the response that names its order (KIS), so such reports wait, bounded, until the id
 * is bound. A fill that both the stream and a reconciliation bring is offered once.
 */
import type { NewFact, Offer } from "../event/catalog.ts";
import type { Inlet } from "../event/intake.ts";
import { NewestMap, NewestSet } from "../newest.ts";
import type { DeskView } from "../orders/order-desk.ts";
import type { Broker, BrokerExecution, BrokerReport } from "../ports.ts";

type OrderReport = Exclude<BrokerReport, { readonly type: "connected" }>;

export interface ReportIntake {
  /** Connects to the venue, and again whenever it is lost. */
  readonly open: () => void;
  /** Hangs up; twice is fine. */
  readonly close: () => void;
  /** From now on this venue order is ours; what waited for it is offered. */
  readonly bind: (brokerOrderId: string, orderId: string) => void;
  /** Tries again what waits, because ids may have been bound elsewhere. */
  readonly retry: () => void;
  /** The stream or an earlier reconciliation has brought this fill; the desk learns of it a moment later. */
  readonly isKnown: (fillId: string) => boolean;
  /**
   * Offers what reconciliation found, in line with the reports; a fill that has come meanwhile is left out, and so is its report
   * if it still comes. @returns what to wait for before more is offered, or that it was refused
   */
  readonly offerFound: (fact: NewFact) => Promise<void> | "refused" | undefined;
  readonly waiting: () => number;
}

/**
 * Reports for venue orders that nobody has bound: seconds of a busy stream, or orders placed by hand on the same account. What
 * gives way to newer ones is counted at the source, and reconciliation finds what it told.
 */
const waitingMax = 1_000;
/** Far more answers than can be on their way to the desk at once. */
const bindingsKept = 1_000;
/** Fill ids remembered to see overlaps between stream and reconciliation, and answers to see one that comes twice. */
const overlapKept = 10_000;
/** What an order cannot tell from an answer to its next request; fills, acknowledgements and rejections it knows by themselves. */
const answerTypes: ReadonlySet<OrderReport["type"]> = new Set([
  "canceled",
  "expired",
  "cancelRejected",
  "replaceRejected",
  "replaced",
] satisfies OrderReport["type"][]);

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

/** @param isRepeat the venue sent the same answer before, word for word */
export const reportToFact = (report: OrderReport, orderId: string, source: string, isRepeat = false): NewFact => {
  const { brokerOrderId } = report;
  const again = isRepeat ? { isRepeat } : {};
  const about = { source, correlationId: orderId };
  switch (report.type) {
    case "filled":
      return fillToFact(report, orderId, report.leavesQuantity === 0, source);
    case "accepted":
      return { type: "order.accepted", payload: { orderId, brokerOrderId }, ...about };
    case "canceled":
      return { type: "order.canceled", payload: { orderId, brokerOrderId, ...again }, ...about };
    case "expired":
      return { type: "order.expired", payload: { orderId, brokerOrderId, ...again }, ...about };
    case "rejected":
      return { type: "order.rejected", payload: { orderId, code: report.code, reason: report.reason, brokerOrderId }, ...about };
    case "cancelRejected":
      return {
        type: "order.cancel.rejected",
        payload: { orderId, code: report.code, reason: report.reason, ...again },
        ...about,
      };
    case "replaceRejected":
      return {
        type: "order.replace.rejected",
        payload: { orderId, code: report.code, reason: report.reason, ...again },
        ...about,
      };
    case "replaced": {
      const { quantity, limitPriceMinor } = report;
      const price = limitPriceMinor === undefined ? {} : { limitPriceMinor };
      return { type: "order.replaced", payload: { orderId, quantity, brokerOrderId, ...price, ...again }, ...about };
    }
    case "busted":
      return { type: "order.fill.busted", payload: { orderId, fillId: report.fillId }, ...about };
    case "corrected": {
      const { fillId, quantity, priceMinor } = report;
      return { type: "order.fill.corrected", payload: { orderId, fillId, quantity, priceMinor }, ...about };
    }
  }
};

export const createReportIntake = ({
  broker,
  inlet,
  offer,
  desk,
}: {
  readonly broker: Pick<Broker, "name" | "reports">;
  readonly inlet: Inlet;
  readonly offer: Offer;
  readonly desk: () => DeskView;
}): ReportIntake => {
  const { name, reports } = broker;
  let waiting: OrderReport[] = [];
  let isAway = false;
  /** The newest bindings, because the desk learns of them a moment later. */
  const bound = new NewestMap<string, string>(bindingsKept);
  const streamed = new NewestSet<string>(overlapKept);
  const found = new NewestSet<string>(overlapKept);
  const answers = new NewestSet<string>(overlapKept);
  let close = (): void => {};

  const orderIdOf = ({ brokerOrderId, clientOrderId }: OrderReport): string | undefined => {
    if (clientOrderId !== undefined) return clientOrderId;
    return desk().orderIdOf(brokerOrderId) ?? bound.get(brokerOrderId);
  };

  const noteBinding = (brokerOrderId: string, orderId: string): void => {
    bound.set(brokerOrderId, orderId);
  };

  const pass = (report: OrderReport, orderId: string): void => {
    if (report.type === "filled") {
      // Reconciliation was faster; that is no duplicate of the venue's.
      if (found.delete(report.fillId)) return;
    }
    if (report.type === "replaced") noteBinding(report.brokerOrderId, orderId);
    const answer = answerTypes.has(report.type) ? JSON.stringify(report) : undefined;
    const isRepeat = answer !== undefined && answers.has(answer);
    // One that was refused must be found by the question that the next connection begins with.
    if (inlet.offer(reportToFact(report, orderId, name, isRepeat)) === "refused") return;
    if (report.type === "filled") streamed.add(report.fillId);
    if (answer !== undefined) answers.add(answer);
  };

  const isKnown = (fillId: string): boolean => streamed.has(fillId) || found.has(fillId);

  /** In the order in which they came; what P0 has no room for goes on waiting. */
  const retry = (): void => {
    const again = waiting;
    waiting = [];
    for (const report of again) {
      const orderId = inlet.valve.isOpen ? orderIdOf(report) : undefined;
      if (orderId === undefined) waiting.push(report);
      else pass(report, orderId);
    }
  };

  const take = (report: BrokerReport): void => {
    if (report.type === "connected") {
      isAway = false;
      offer({ type: "broker.connected", payload: { broker: name }, source: name });
      return;
    }
    const orderId = orderIdOf(report);
    if (orderId !== undefined) {
      pass(report, orderId);
      return;
    }
    waiting.push(report);
    if (waiting.length <= waitingMax) return;
    waiting.shift();
    inlet.countRefused();
  };

  const lost = (reason: string): void => {
    // A try that fails is no new loss: the venue is away, and its grace runs from the first moment.
    if (isAway) return;
    isAway = true;
    // What we see ourselves needs no room at the door: the flood that cut the connection must not hide that it is cut.
    offer({ type: "broker.disconnected", payload: { broker: name, reason }, source: name });
  };

  return {
    open: () => {
      // Before the source itself: what waits here came earlier than what the inlet holds.
      const resumed = inlet.valve.changes.subscribe((isOpen) => isOpen && waiting.length > 0 && retry());
      const detach = inlet.attach({ open: reports, take, lost });
      close = () => {
        resumed.unsubscribe();
        detach();
      };
    },
    close: () => close(),
    bind: (brokerOrderId, orderId) => {
      if (desk().orderIdOf(brokerOrderId) === undefined) noteBinding(brokerOrderId, orderId);
      if (waiting.length > 0) retry();
    },
    retry,
    isKnown,
    offerFound: (fact) => {
      // A correction names a fill that is known, or it could not be corrected.
      if (fact.type !== "order.filled" && fact.type !== "order.partially.filled") return inlet.offer(fact);
      const { fillId } = fact.payload;
      if (isKnown(fillId)) return undefined;
      const room = inlet.offer(fact);
      if (room !== "refused") found.add(fillId);
      return room;
    },
    waiting: () => waiting.length,
  };
};
