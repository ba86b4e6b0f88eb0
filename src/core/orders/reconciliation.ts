/**
 * Reconciliation: our orders and positions against the broker's (spec O5, O6).
 *
 * Runs at start, after every reconnect, on a timer, and soon after an order became unknown. It asks for orders, executions
 * and the account, offers what is missing as facts, and compares two sets apart: orders, and positions. It is idempotent:
 * a second run over the same answers offers nothing. It never sends an order, and it never turns a listed quantity into a
 * fill: fills come from executions.
 */
import { isInFlight, isTerminal, type OrderRecord, statusOf } from "#machines/order.rules.ts";
import type { NewFact, Offer } from "../event/catalog.ts";
import { fillToFact, type ReportIntake } from "../execution/broker-reports.ts";
import type { Broker, BrokerAccount, BrokerExecution, BrokerOrder, Cancel, Clock } from "../ports.ts";
import { compareFills, hasOtherTerms, oneRow } from "./listed.ts";
import { matchByContent } from "./matching.ts";
import type { DeskView } from "./order-desk.ts";

/** "timer" also stands for the questions about single orders: neither closes trading while it is under way. */
export type ReconciliationCause = "start" | "reconnect" | "operator" | "end" | "timer";

export interface ReconciliationPolicy {
  readonly everyMs: number;
  /** A venue with client order ids may say "absent" only this long after the approval. */
  readonly absentAfterMs: number;
  /** How far the venue's clock may be behind ours. */
  readonly matchSkewMs: number;
  /** Lots held before QTS traded on this account. */
  readonly openingPositions?: { readonly [symbol: string]: number };
}

export interface Reconciliation {
  /** Starts a run, or queues one behind the run under way. Outcome: reconciliation.completed or .failed. */
  readonly run: (cause: ReconciliationCause) => void;
  /** Asks soon, and again after 1, 2, 4, 8, 15 and 30 s while the order is not settled. */
  readonly query: (orderId: string) => void;
  /** No further runs; one under way ends without a fact. */
  readonly stop: () => void;
  /** Resolves when no run is under way or queued. */
  readonly idle: () => Promise<void>;
}

/** kis/kis.md §10: the list may lag, so a lost order is looked for at growing distances. */
const queryStepsMs = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000] as const;
const retryStepsMs = [1_000, 2_000, 5_000, 15_000, 30_000] as const;
/** Facts and lists overtake each other: what differs is looked at again this much later before it counts. */
const confirmMs = 1_000;
/** Looks at moving positions before a run gives its verdict. At start nothing moves, nor does a replay's time. */
const looksMax = { start: 1, reconnect: 3, operator: 3, end: 1, timer: 3 } as const satisfies Record<ReconciliationCause, number>;
/** Trading is closed at the first disagreement; a fail-safe waits this long, because a list of executions may lag behind the account. */
const disagreementMsMax = 15_000;
/** "Absent" must come from so many complete lists, asked for at different times. */
const absencesMin = 3;
const source = "reconciliation";

const stepAt = (steps: readonly number[], attempt: number): number => steps[Math.min(attempt, steps.length - 1)] ?? 0;

interface Answers {
  readonly orders: readonly BrokerOrder[];
  readonly executions: readonly BrokerExecution[];
  readonly account: BrokerAccount;
}

/** What a comparison found out, in the order in which it is told. */
interface News {
  readonly facts: NewFact[];
  /** Lots that the facts will add to the positions; below zero when they take some back. */
  readonly executions: Pick<BrokerExecution, "symbol" | "side" | "quantity">[];
}

interface Difference {
  readonly text: string;
  readonly isDone: boolean;
}

/** What a run found; zero everywhere means that both sides agree. */
interface Findings {
  orders: number;
  fills: number;
  mismatches: number;
}

export const createReconciliation = ({
  broker,
  desk,
  intake,
  offer,
  clock,
  isAwaited,
  isTripped = () => false,
  policy,
}: {
  readonly broker: Pick<Broker, "name" | "capabilities" | "orders" | "executions" | "account">;
  readonly desk: () => DeskView;
  readonly intake: Pick<ReportIntake, "bind" | "retry" | "isKnown" | "offerFound">;
  readonly offer: Offer;
  readonly clock: Clock;
  /** The submit's response may still come to this process. */
  readonly isAwaited: (orderId: string) => boolean;
  /** Safety stands at FS070, also when an earlier process tripped it. */
  readonly isTripped?: () => boolean;
  readonly policy: ReconciliationPolicy;
}): Reconciliation => {
  let underWay: Promise<void> | undefined;
  const queued: ReconciliationCause[] = [];
  let stopped = false;
  let cancelTimer: Cancel = () => {};
  let nextAt = Number.POSITIVE_INFINITY;
  let failuresInRow = 0;
  let disagreesSince: number | undefined;
  let hasTripped = false;
  /** Orders that are being looked for: questions asked, and how often the answer was "absent". */
  const sought = new Map<string, { attempt: number; absences: number }>();
  let strays = new Set<string>();
  /** What differed at the last look, and whether it has been acted on: once is enough while it stays the same. */
  let lastDifferences = new Map<string, Difference>();

  const factOf = (fact: Pick<NewFact, "type" | "payload">, orderId?: string): NewFact =>
    ({ ...fact, source, ...(orderId === undefined ? {} : { correlationId: orderId }) }) as NewFact;
  const tell = (fact: Pick<NewFact, "type" | "payload">): void => offer(factOf(fact));
  const anomaly = (reason: string): void => tell({ type: "anomaly.raised", payload: { code: "AN030", reason } });

  const schedule = (at: number): void => {
    if (stopped || at >= nextAt) return;
    cancelTimer();
    nextAt = at;
    cancelTimer = clock.setTimer(at, () => {
      nextAt = Number.POSITIVE_INFINITY;
      run("timer");
    });
  };

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

  const addLots = (lots: Map<string, number>, symbol: string, quantity: number): void => {
    lots.set(symbol, (lots.get(symbol) ?? 0) + quantity);
  };

  /** Lots of each symbol as the account should show them now. */
  const ownPositions = (): Map<string, number> => {
    const lots = new Map<string, number>(Object.entries(policy.openingPositions ?? {}));
    for (const { symbol, quantity } of desk().positions()) addLots(lots, symbol, quantity);
    return lots;
  };

  const reconciled = ({ orderId }: OrderRecord, listed: BrokerOrder): NewFact => {
    const { brokerOrderId, cumulativeQuantity, leavesQuantity, status } = listed;
    return factOf(
      { type: "order.reconciled", payload: { orderId, found: true, brokerOrderId, cumulativeQuantity, leavesQuantity, status } },
      orderId,
    );
  };

  /** Does the list say something about this order that our record does not? */
  const differs = (order: OrderRecord, listed: BrokerOrder, foundLots: number): boolean => {
    if (order.isUndetermined || isInFlight(order) || order.brokerOrderId === null) return true;
    // We hold that the venue never had it, or refused it; the machine will say how loudly it disagrees.
    if (order.ended === "denied" || (order.ended === "rejected" && listed.cumulativeQuantity <= order.cumulative + foundLots))
      return listed.status !== "rejected";
    const counted = order.cumulative + foundLots;
    if (listed.cumulativeQuantity > counted) return true;
    // The list is behind our reports: nothing to learn from it.
    if (listed.cumulativeQuantity < counted) return false;
    if (order.isOverdue || (order.ended === null && foundLots === 0 && hasOtherTerms(order, listed))) return true;
    const isEnded = isTerminal(statusOf(order)) || (foundLots > 0 && counted >= order.ordered);
    const isListedOpen = listed.status === "accepted" || listed.status === "partiallyFilled";
    return isListedOpen ? isEnded || statusOf(order) === "submitted" : !isEnded;
  };

  /**
   * Shall this difference be acted on now? The stream may be about to explain it, so except after a gap it must be seen
   * twice; and what was done once is not done again.
   */
  const isDue = (isUrgent: boolean, key: string, text: string, seen: Map<string, Difference>): boolean => {
    const last = lastDifferences.get(key);
    const isSame = last?.text === text;
    const isNow = !(isSame && last.isDone) && (isUrgent || isSame);
    seen.set(key, { text, isDone: isNow || (isSame && last.isDone) });
    return isNow;
  };

  const compareOrders = (cause: ReconciliationCause, answers: Answers, findings: Findings): News => {
    const news: News = { facts: [], executions: [] };
    const view = desk();
    const seen = new Map<string, Difference>();
    const isAfterGap = cause !== "timer";
    const byOrder = new Map<string, BrokerOrder>();
    const rowsOf = new Map<string, BrokerOrder[]>();
    const unbound: BrokerOrder[] = [];
    for (const listed of answers.orders) {
      const orderId = view.orderIdOf(listed.brokerOrderId) ?? listed.clientOrderId;
      if (orderId !== undefined && view.order(orderId) !== undefined)
        rowsOf.set(orderId, [...(rowsOf.get(orderId) ?? []), listed]);
      else unbound.push(listed);
    }
    for (const [orderId, rows] of rowsOf) {
      const order = view.order(orderId);
      const listed = order === undefined ? undefined : oneRow(order, rows, policy.matchSkewMs);
      if (listed !== undefined) byOrder.set(orderId, listed);
    }

    const undetermined = [...view.liveOrders()].filter((order) => order.isUndetermined && !byOrder.has(order.orderId));
    if (!broker.capabilities.clientOrderIdLookup) {
      const { pairs, ambiguous } = matchByContent(
        undetermined,
        unbound.filter(({ clientOrderId }) => clientOrderId === undefined),
        policy.matchSkewMs,
      );
      for (const { order, brokerOrder } of pairs) {
        byOrder.set(order.orderId, brokerOrder);
        intake.bind(brokerOrder.brokerOrderId, order.orderId);
      }
      for (const { order, candidates } of ambiguous) {
        findings.mismatches += 1;
        const ids = candidates.map(({ brokerOrderId }) => brokerOrderId).join(", ");
        anomaly(`${order.orderId} may be any of the venue's orders ${ids}; an operator must resolve it`);
      }
    }
    intake.retry();

    const orderIdByBroker = new Map([...byOrder].map(([orderId, { brokerOrderId }]) => [brokerOrderId, orderId]));
    const foundLots = new Map<string, number>();
    const foundFills = new Set<string>();
    const executionsOf = new Map<string, BrokerExecution[]>();
    for (const execution of answers.executions) {
      const orderId =
        orderIdByBroker.get(execution.brokerOrderId) ?? view.orderIdOf(execution.brokerOrderId) ?? execution.clientOrderId;
      const order = orderId === undefined ? undefined : view.order(orderId);
      // Not in memory: ended long ago, or placed by somebody else. The positions tell whether it was counted.
      if (order === undefined) continue;
      executionsOf.set(order.orderId, [...(executionsOf.get(order.orderId) ?? []), execution]);
      const counted = order.fills.find(({ fillId }) => fillId === execution.fillId);
      if (counted !== undefined && !counted.isEarly) continue;
      const isUrgent = isAfterGap || order.isUndetermined || order.unattributed > 0;
      if (!isDue(isUrgent, `fill ${execution.fillId}`, "missing", seen)) continue;
      if (foundFills.has(execution.fillId) || intake.isKnown(execution.fillId)) continue;
      foundFills.add(execution.fillId);
      news.facts.push(fillToFact(execution, order.orderId, false, "reconciliation"));
      findings.fills += 1;
      // Only its fee is news when a bust or a correction was faster than the fill.
      if (counted !== undefined) continue;
      news.executions.push(execution);
      foundLots.set(order.orderId, (foundLots.get(order.orderId) ?? 0) + execution.quantity);
    }
    // What has left list, executions and account alike for so long was taken back.
    const isTakenBack = disagreesSince !== undefined && clock.now() - disagreesSince >= disagreementMsMax;
    for (const [orderId, listed] of byOrder) {
      const order = view.order(orderId);
      if (order === undefined || order.fills.length === 0) continue;
      const { symbol, side } = order;
      const figures = compareFills(order, executionsOf.get(orderId) ?? [], listed, isTakenBack);
      for (const { fillId, quantity, priceMinor, lots } of figures) {
        if (!isDue(isTakenBack, `figures ${fillId}`, `${quantity} ${priceMinor} ${order.cumulative}`, seen)) continue;
        const payload = { orderId, fillId, quantity, priceMinor, listed: true };
        news.facts.push(factOf({ type: "order.fill.corrected", payload }, orderId));
        news.executions.push({ symbol, side, quantity: lots });
        findings.fills += 1;
      }
    }

    for (const [orderId, listed] of byOrder) {
      const order = view.order(orderId);
      if (order === undefined || !differs(order, listed, foundLots.get(orderId) ?? 0)) continue;
      const isUrgent = isAfterGap || order.isUndetermined || order.isOverdue;
      const { cumulative, ordered, deadlineAt, isOverdue } = order;
      const ours = `${statusOf(order)} ${cumulative} of ${ordered} ${deadlineAt} ${isOverdue}`;
      const text = `${listed.status} ${listed.cumulativeQuantity} ${listed.leavesQuantity}, ours ${ours}`;
      if (!isDue(isUrgent, `order ${orderId}`, text, seen)) continue;
      news.facts.push(reconciled(order, listed));
      findings.orders += 1;
    }

    for (const order of undetermined) if (!byOrder.has(order.orderId)) noteAbsence(order, findings, news);
    if (cause === "start")
      for (const order of view.liveOrders()) if (statusOf(order) === "initialized") news.facts.push(interrupted(order));
    noteStrays(
      unbound.filter(({ brokerOrderId }) => !orderIdByBroker.has(brokerOrderId)),
      findings,
    );
    lastDifferences = seen;
    return news;
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

  /** Only a venue that can be asked for our id may say that the order never arrived, and only when nothing is on its way. */
  const noteAbsence = (order: OrderRecord, findings: Findings, news: News): void => {
    const { orderId } = order;
    if (!broker.capabilities.clientOrderIdLookup || isAwaited(orderId)) return;
    const search = sought.get(orderId) ?? { attempt: 0, absences: 0 };
    sought.set(orderId, search);
    search.absences += 1;
    if (search.absences < absencesMin || clock.now() - (order.approvedAt ?? 0) < policy.absentAfterMs) return;
    findings.orders += 1;
    news.facts.push(factOf({ type: "order.reconciled", payload: { orderId, found: false, status: "absent" } }, orderId));
  };

  /** The gates' answer died with the process; the market has moved since, so the wish is out of date. */
  const interrupted = ({ orderId }: OrderRecord): NewFact =>
    factOf(
      {
        type: "order.denied",
        payload: { orderId, code: "INTERRUPTED", reason: "the process stopped before the gates had answered; nothing was sent" },
      },
      orderId,
    );

  /** Orders that work at the venue and are not in memory: ours never leave memory while they work. */
  const noteStrays = (unknown: readonly BrokerOrder[], findings: Findings): void => {
    const working = unknown.filter(({ status }) => status === "accepted" || status === "partiallyFilled");
    findings.mismatches += working.length;
    for (const { brokerOrderId, clientOrderId, symbol, side, quantity } of working) {
      if (strays.has(brokerOrderId)) continue;
      const name = clientOrderId === undefined ? brokerOrderId : `${brokerOrderId} (${clientOrderId})`;
      anomaly(`the venue works order ${name}, ${side} ${quantity} ${symbol}, which is not among ours`);
    }
    strays = new Set(working.map(({ brokerOrderId }) => brokerOrderId));
  };

  const differencesOf = (ours: Map<string, number>, { positions }: BrokerAccount): string[] => {
    const theirs = new Map(positions.map(({ symbol, quantity }) => [symbol, quantity]));
    return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((symbol) => {
      const [mine, venue] = [ours.get(symbol) ?? 0, theirs.get(symbol) ?? 0];
      return mine === venue ? [] : [`${symbol}: ours ${mine}, the venue's ${venue}`];
    });
  };

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      clock.setTimer(clock.now() + ms, resolve);
    });

  const reconcile = async (cause: ReconciliationCause): Promise<void> => {
    tell({ type: "reconciliation.started", payload: { cause } });
    const findings: Findings = { orders: 0, fills: 0, mismatches: 0 };
    let differences: string[] = [];
    for (let look = 0; look < looksMax[cause]; look += 1) {
      if (look > 0) await wait(confirmMs);
      const answers = await ask();
      if (stopped) return;
      if (typeof answers === "string") return fail(cause, answers);
      const expected = ownPositions();
      const { facts, executions } = compareOrders(cause, answers, findings);
      for (const { symbol, side, quantity } of executions) addLots(expected, symbol, side === "buy" ? quantity : -quantity);
      await offerAll(facts);
      if (stopped) return;
      differences = differencesOf(expected, answers.account);
      if (differences.length === 0) break;
    }
    settlePositions(differences);
    if (differences.length > 0) return fail(cause, `positions disagree: ${differences.join("; ")}`);
    failuresInRow = 0;
    tell({ type: "reconciliation.completed", payload: { cause, ...findings } });
    if (findings.fills > 0 || (findings.orders > 0 && cause !== "start"))
      anomaly(`reconciliation found ${findings.fills} fills and ${findings.orders} orders that no report had told`);
    schedule(clock.now() + policy.everyMs);
    // Fills that were found may bring to light what the list says besides.
    if (findings.fills > 0 || [...lastDifferences.values()].some(({ isDone }) => !isDone)) schedule(clock.now() + confirmMs);
    scheduleSearches();
  };

  const settlePositions = (differences: readonly string[]): void => {
    if (differences.length === 0) {
      if (hasTripped || isTripped())
        tell({ type: "failsafe.cleared", payload: { code: "FS070", reason: "positions agree with the broker's" } });
      disagreesSince = undefined;
      hasTripped = false;
      return;
    }
    const reason = differences.join("; ");
    if (disagreesSince === undefined) {
      disagreesSince = clock.now();
      anomaly(`positions disagree: ${reason}`);
    } else if (!hasTripped && clock.now() - disagreesSince >= disagreementMsMax) {
      hasTripped = true;
      tell({ type: "failsafe.tripped", payload: { code: "FS070", reason } });
    }
  };

  const fail = (cause: ReconciliationCause, reason: string): void => {
    tell({ type: "reconciliation.failed", payload: { cause, reason } });
    schedule(clock.now() + stepAt(retryStepsMs, failuresInRow));
    failuresInRow += 1;
  };

  const isSought = (orderId: string): boolean => {
    const order = desk().order(orderId);
    return order !== undefined && (order.isUndetermined || order.isOverdue || order.unattributed > 0);
  };

  const scheduleSearches = (): void => {
    for (const order of desk().liveOrders())
      if (isSought(order.orderId) && !sought.has(order.orderId)) sought.set(order.orderId, { attempt: 0, absences: 0 });
    for (const [orderId, search] of sought) {
      if (!isSought(orderId)) {
        sought.delete(orderId);
        continue;
      }
      schedule(clock.now() + stepAt(queryStepsMs, search.attempt));
      search.attempt += 1;
    }
  };

  const work = async (): Promise<void> => {
    for (let cause = queued.shift(); cause !== undefined && !stopped; cause = queued.shift()) await reconcile(cause);
    underWay = undefined;
  };

  const run = (cause: ReconciliationCause): void => {
    if (stopped || queued.includes(cause)) return;
    queued.push(cause);
    underWay ??= work();
  };

  return {
    run,
    query: (orderId) => {
      if (!sought.has(orderId)) sought.set(orderId, { attempt: 1, absences: 0 });
      schedule(clock.now() + queryStepsMs[0]);
    },
    stop: () => {
      stopped = true;
      cancelTimer();
    },
    idle: async () => {
      await underWay;
    },
  };
};
