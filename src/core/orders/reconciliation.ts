/**
 * The hands of the reconciliation machine (spec O5, O6): they ask the broker, tell what its lists have and our records lack
 * as facts, and answer with counts. When to ask, and what to make of the answer, the machine decides.
 *
 * They never send an order.
 */
import { type ReconciliationEffect, reconciliationMachine } from "#machines/reconciliation.machine.ts";
import type { ReconciliationCause } from "#machines/reconciliation.rules.ts";
import type { NewFact, Offer } from "../event/catalog.ts";
import type { ReportIntake } from "../execution/broker-reports.ts";
import type { Broker } from "../ports.ts";
import { type Answers, absentFact, compareWithVenue, isLookedFor, matchOrders, nothingSeen } from "./compare.ts";
import type { DeskView } from "./order-desk.ts";

export interface ReconciliationOptions {
  readonly broker: Pick<Broker, "name" | "capabilities" | "orders" | "executions" | "account">;
  readonly desk: () => DeskView;
  readonly intake: Pick<ReportIntake, "bind" | "retry" | "isKnown" | "offerFound">;
  readonly offer: Offer;
  /** The submit's response may still come to this process. */
  readonly isAwaited: (orderId: string) => boolean;
  /** Safety stands at FS070, also when an earlier process tripped it. */
  readonly isTripped?: () => boolean;
  /** How far the venue's clock may be behind ours. */
  readonly matchSkewMs: number;
  /** Lots held before QTS traded on this account. */
  readonly openingPositions?: { readonly [symbol: string]: number };
}

type HandledEffect =
  | "reconciliation.begin"
  | "broker.compare"
  | "order.report.absent"
  | "reconciliation.complete"
  | "reconciliation.fail";
export type ReconciliationHandlers = {
  readonly [T in HandledEffect]: (effect: Extract<ReconciliationEffect, { readonly type: T }>) => void;
};

export interface Reconciliation {
  readonly logic: typeof reconciliationMachine;
  readonly handlers: ReconciliationHandlers;
  /** Asks now. Outcome: reconciliation.completed or .failed. */
  readonly request: (cause: Extract<ReconciliationCause, "operator" | "end">) => void;
  /** Asks soon, and again at growing distances while the order waits for an outcome. */
  readonly query: (orderId: string) => void;
  /** An answer that is still under way is not told any more. */
  readonly stop: () => void;
}

const source = "reconciliation";

export const createReconciliation = (options: ReconciliationOptions): Reconciliation => {
  const { broker, desk, intake, offer, isAwaited, isTripped = () => false, openingPositions = {} } = options;
  let isStopped = false;
  let newest = 0;
  let seen = nothingSeen;

  const tell = (fact: Pick<NewFact, "type" | "payload">): void => offer({ ...fact, source } as NewFact);

  const ask = async (): Promise<Answers | string> => {
    try {
      const [orders, executions] = await Promise.all([broker.orders(), broker.executions()]);
      if (!orders.ok) return orders.error.reason;
      if (!executions.ok) return executions.error.reason;
      // Last, so that the positions are never older than the fills that explain them.
      const account = await broker.account();
      if (!account.ok) return account.error.reason;
      return { orders: orders.value, executions: executions.value, account: account.value };
    } catch (error) {
      return `the broker adapter failed: ${String(error)}`;
    }
  };

  /** As P0 has room for them: a long outage may have left thousands. */
  const offerAll = async (facts: readonly NewFact[]): Promise<void> => {
    for (const fact of facts) {
      const room = intake.offerFound(fact);
      // The rest is found again by the question that the next connection begins with.
      if (room === "refused") return;
      await room;
    }
  };

  const compare = async (asked: number, cause: ReconciliationCause, hasLasted: boolean): Promise<void> => {
    newest = asked;
    const isLate = (): boolean => isStopped || asked !== newest;
    const answers = await ask();
    if (isLate()) return;
    if (typeof answers === "string") {
      tell({ type: "reconciliation.unanswered", payload: { asked, reason: answers } });
      return;
    }
    // Only a venue that can be asked for our id may say that an order never arrived; elsewhere content must tell.
    const { clientOrderIdLookup } = broker.capabilities;
    const matched = matchOrders(desk(), answers.orders, { skewMs: options.matchSkewMs, byContent: !clientOrderIdLookup });
    for (const { brokerOrderId, orderId } of matched.bindings) intake.bind(brokerOrderId, orderId);
    intake.retry();
    const found = compareWithVenue({
      ...{ cause, answers, matched, openingPositions, hasLasted },
      ...{ view: desk(), last: seen, isKnown: intake.isKnown },
    });
    seen = found.seen;
    for (const reason of found.remarks) tell({ type: "anomaly.raised", payload: { code: "AN030", reason } });
    await offerAll(found.facts);
    if (isLate()) return;
    for (const { orderId, approvedAt } of clientOrderIdLookup ? found.absent : [])
      if (!isAwaited(orderId)) tell({ type: "order.not.listed", payload: { orderId, approvedAt: approvedAt ?? 0, asked } });
    const { orders, fills, mismatches, unconfirmed, disagreement } = found;
    tell({
      type: "reconciliation.compared",
      payload: {
        ...{ asked, orders, fills, mismatches, unconfirmed, tripped: isTripped() },
        ...(disagreement === undefined ? {} : { disagreement }),
      },
    });
  };

  return {
    logic: reconciliationMachine,
    handlers: {
      "reconciliation.begin": ({ cause }) => tell({ type: "reconciliation.started", payload: { cause } }),
      "broker.compare": ({ asked, cause, hasLasted }) => void compare(asked, cause, hasLasted),
      "order.report.absent": ({ orderId }) => offer(absentFact(orderId)),
      "reconciliation.complete": ({ type: _type, ...run }) => {
        // What was found has been handled by now, so this is what is left to look for.
        let lookups = 0;
        for (const order of desk().liveOrders()) if (isLookedFor(order)) lookups += 1;
        tell({ type: "reconciliation.completed", payload: { ...run, lookups } });
      },
      "reconciliation.fail": ({ cause, reason }) => tell({ type: "reconciliation.failed", payload: { cause, reason } }),
    },
    request: (cause) => tell({ type: "reconciliation.requested", payload: { cause } }),
    query: (orderId) => tell({ type: "order.lookup.requested", payload: { orderId } }),
    stop: () => {
      isStopped = true;
    },
  };
};
