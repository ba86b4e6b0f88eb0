/**
 * What do the broker's lists say that our records do not? (spec O5, O6)
 *
 * Pure: lists, records and what the last comparison saw in; facts, counts and what this one saw out. Orders and positions are
 * two sets, compared apart. The same lists again find nothing new, and a listed quantity never becomes a fill: fills come
 * from executions.
 */
import { isInFlight, isTerminal, type OrderRecord, statusOf } from "#machines/order.rules.ts";
import type { ReconciliationCause } from "#machines/reconciliation.rules.ts";
import type { NewFact } from "../event/catalog.ts";
import { fillToFact } from "../execution/broker-reports.ts";
import type { BrokerAccount, BrokerExecution, BrokerOrder } from "../ports.ts";
import { compareFills, type FillFigures, hasOtherTerms, oneRow } from "./listed.ts";
import { matchByContent } from "./matching.ts";
import type { DeskView } from "./order-desk.ts";

/** One complete answer of the venue. The account is asked for last, so it is never older than the fills that explain it. */
export interface Answers {
  readonly orders: readonly BrokerOrder[];
  readonly executions: readonly BrokerExecution[];
  readonly account: BrokerAccount;
}

interface Difference {
  readonly text: string;
  /** It has been acted on; once is enough while it stays the same. */
  readonly isDone: boolean;
}

/**
 * What one comparison leaves for the next. It dies with the process on purpose: the first comparison of the next one acts
 * on everything at once, and says again which orders are not ours.
 */
export interface Seen {
  readonly differences: ReadonlyMap<string, Difference>;
  /** The venue's ids of orders that work there and are not among ours. */
  readonly foreignOrders: ReadonlySet<string>;
}

export const nothingSeen: Seen = { differences: new Map(), foreignOrders: new Set() };

/** Which of the venue's orders is which of ours. */
export interface Matched {
  readonly byOrder: ReadonlyMap<string, BrokerOrder>;
  /** The venue's orders that belong to none of ours. */
  readonly unbound: readonly BrokerOrder[];
  /** Ours without an outcome that no id leads to. */
  readonly undetermined: readonly OrderRecord[];
  /** Pairs that only their content tells. */
  readonly bindings: readonly { readonly brokerOrderId: string; readonly orderId: string }[];
  /** Sentences about orders that more than one of the venue's may be. */
  readonly ambiguous: readonly string[];
}

/**
 * @param skewMs how far the venue's clock may be behind ours
 * @param byContent match what has no id in common by content, for venues without client order ids
 */
export const matchOrders = (
  view: DeskView,
  orders: readonly BrokerOrder[],
  { skewMs, byContent }: { readonly skewMs: number; readonly byContent: boolean },
): Matched => {
  const rowsOf = new Map<string, BrokerOrder[]>();
  const byOrder = new Map<string, BrokerOrder>();
  const unbound: BrokerOrder[] = [];
  for (const listed of orders) {
    const orderId = view.orderIdOf(listed.brokerOrderId) ?? listed.clientOrderId;
    if (orderId === undefined || view.order(orderId) === undefined) unbound.push(listed);
    else if (rowsOf.get(orderId)?.push(listed) === undefined) rowsOf.set(orderId, [listed]);
  }
  for (const [orderId, rows] of rowsOf) {
    const order = view.order(orderId);
    const listed = order === undefined ? undefined : oneRow(order, rows, skewMs);
    if (listed !== undefined) byOrder.set(orderId, listed);
  }

  const undetermined = [...view.liveOrders()].filter((order) => order.isUndetermined && !byOrder.has(order.orderId));
  if (!byContent) return { byOrder, unbound, undetermined, bindings: [], ambiguous: [] };
  const { pairs, ambiguous } = matchByContent(
    undetermined,
    unbound.filter(({ clientOrderId }) => clientOrderId === undefined),
    skewMs,
  );
  for (const { order, brokerOrder } of pairs) byOrder.set(order.orderId, brokerOrder);
  const bound = new Set(pairs.map(({ brokerOrder }) => brokerOrder.brokerOrderId));
  return {
    byOrder,
    unbound: unbound.filter(({ brokerOrderId }) => !bound.has(brokerOrderId)),
    undetermined: undetermined.filter(({ orderId }) => !byOrder.has(orderId)),
    bindings: pairs.map(({ order, brokerOrder }) => ({ brokerOrderId: brokerOrder.brokerOrderId, orderId: order.orderId })),
    ambiguous: ambiguous.map(
      ({ order, candidates }) =>
        `${order.orderId} may be any of the venue's orders ${candidates.map(({ brokerOrderId }) => brokerOrderId).join(", ")}; an operator must resolve it`,
    ),
  };
};

export interface Compared {
  /** What our records lack, in the order in which it is told. */
  readonly facts: readonly NewFact[];
  /** Orders without an outcome that the complete list does not have. */
  readonly absent: readonly OrderRecord[];
  /** What is odd and changes nothing of ours, one sentence each. */
  readonly remarks: readonly string[];
  readonly orders: number;
  readonly fills: number;
  /** Orders that only a person can tell apart, or that are not ours. */
  readonly mismatches: number;
  /** Differences that must be seen again before they count. */
  readonly unconfirmed: number;
  /** Positions that differ once all of this is handled, symbol by symbol; undefined when they agree. */
  readonly disagreement: string | undefined;
  readonly seen: Seen;
}

export interface ComparisonInput {
  readonly cause: ReconciliationCause;
  readonly answers: Answers;
  readonly matched: Matched;
  readonly view: DeskView;
  readonly last: Seen;
  /** The stream, or an earlier comparison, has brought this fill, although the desk may not have it yet. */
  readonly isKnown: (fillId: string) => boolean;
  /** Lots held before QTS traded on this account. */
  readonly openingPositions: { readonly [symbol: string]: number };
  /** Positions have differed for so long that the lists are no longer behind our reports. */
  readonly hasLasted: boolean;
}

const source = "reconciliation";
const about = (orderId: string) => ({ source, correlationId: orderId });

const reconciled = (orderId: string, listed: BrokerOrder): NewFact => {
  const { brokerOrderId, cumulativeQuantity, leavesQuantity, status } = listed;
  return {
    type: "order.reconciled",
    payload: { orderId, found: true, brokerOrderId, cumulativeQuantity, leavesQuantity, status },
    ...about(orderId),
  };
};

/** A fill with the figures that the executions show; a bust has no lots. */
const listedFigures = (orderId: string, { fillId, quantity, priceMinor }: FillFigures): NewFact => ({
  type: "order.fill.corrected",
  payload: { orderId, fillId, quantity, priceMinor, listed: true },
  ...about(orderId),
});

/** For an order that complete lists do not have, again and again. */
export const absentFact = (orderId: string): NewFact => ({
  type: "order.reconciled",
  payload: { orderId, found: false, status: "absent" },
  ...about(orderId),
});

/** The gates' answer died with the process; the market has moved since, so the wish is out of date. */
const interrupted = ({ orderId }: OrderRecord): NewFact => ({
  type: "order.denied",
  payload: { orderId, code: "INTERRUPTED", reason: "the process stopped before the gates had answered; nothing was sent" },
  ...about(orderId),
});

const isWorking = ({ status }: BrokerOrder): boolean => status === "accepted" || status === "partiallyFilled";

/** Does the list say something about this order that our record does not? */
const differs = (order: OrderRecord, listed: BrokerOrder, foundLots: number): boolean => {
  if (order.isUndetermined || isInFlight(order) || order.brokerOrderId === null) return true;
  // We hold that the venue never had it, or refused it; the machine will say how loudly it disagrees.
  const counted = order.cumulative + foundLots;
  if (order.ended === "denied" || (order.ended === "rejected" && listed.cumulativeQuantity <= counted))
    return listed.status !== "rejected";
  if (listed.cumulativeQuantity > counted) return true;
  // The list is behind our reports: nothing to learn from it.
  if (listed.cumulativeQuantity < counted) return false;
  if (order.isOverdue || (order.ended === null && foundLots === 0 && hasOtherTerms(order, listed))) return true;
  const isEnded = isTerminal(statusOf(order)) || (foundLots > 0 && counted >= order.ordered);
  return isWorking(listed) ? isEnded || statusOf(order) === "submitted" : !isEnded;
};

/** No report, or not yet all of them, has told what became of this order: the broker is asked about it until one has. */
export const isLookedFor = ({ isUndetermined, isOverdue, unattributed }: OrderRecord): boolean =>
  isUndetermined || isOverdue || unattributed > 0;

const addLots = (lots: Map<string, number>, symbol: string, quantity: number): void => {
  lots.set(symbol, (lots.get(symbol) ?? 0) + quantity);
};

const positionDifferences = (ours: ReadonlyMap<string, number>, { positions }: BrokerAccount): readonly string[] => {
  const theirs = new Map(positions.map(({ symbol, quantity }) => [symbol, quantity]));
  return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((symbol) => {
    const [mine, venue] = [ours.get(symbol) ?? 0, theirs.get(symbol) ?? 0];
    return mine === venue ? [] : [`${symbol}: ours ${mine}, the venue's ${venue}`];
  });
};

/**
 * @returns everything that was found; never throws, and offers nothing itself. An order that is not in memory ended long ago
 * or was placed by somebody else: only the positions tell whether its fills were counted.
 */
export const compareWithVenue = (input: ComparisonInput): Compared => {
  const { cause, answers, matched, view, last, isKnown } = input;
  const isAfterGap = cause !== "timer";
  const facts: NewFact[] = [];
  const differences = new Map<string, Difference>();
  let [fills, orders, corrections] = [0, 0, 0];

  /** The stream may be about to explain it, so except after a gap a difference must be seen twice; what was done is not done again. */
  const shouldAct = (isUrgent: boolean, key: string, text: string): boolean => {
    const before = last.differences.get(key);
    const isSame = before?.text === text;
    const isNow = !(isSame && before.isDone) && (isUrgent || isSame);
    differences.set(key, { text, isDone: isNow || (isSame && before.isDone) });
    return isNow;
  };

  /** Lots of each symbol as the account should show them now. */
  const expected = new Map<string, number>(Object.entries(input.openingPositions));
  for (const { symbol, quantity } of view.positions()) addLots(expected, symbol, quantity);

  const orderIdByBroker = new Map([...matched.byOrder].map(([orderId, { brokerOrderId }]) => [brokerOrderId, orderId]));
  const foundLots = new Map<string, number>();
  const foundFills = new Set<string>();
  const executionsOf = new Map<string, BrokerExecution[]>();
  for (const execution of answers.executions) {
    const { brokerOrderId, clientOrderId, fillId, symbol, side, quantity } = execution;
    const orderId = orderIdByBroker.get(brokerOrderId) ?? view.orderIdOf(brokerOrderId) ?? clientOrderId;
    const order = orderId === undefined ? undefined : view.order(orderId);
    if (order === undefined) continue;
    if (executionsOf.get(order.orderId)?.push(execution) === undefined) executionsOf.set(order.orderId, [execution]);
    const counted = order.fills.find((fill) => fill.fillId === fillId);
    if (counted !== undefined && !counted.isEarly) continue;
    const isUrgent = isAfterGap || order.isUndetermined || order.unattributed > 0;
    if (!shouldAct(isUrgent, `fill ${fillId}`, "missing")) continue;
    if (foundFills.has(fillId) || isKnown(fillId)) continue;
    foundFills.add(fillId);
    facts.push(fillToFact(execution, order.orderId, false, source));
    fills += 1;
    // Only its fee is news when a bust or a correction was faster than the fill.
    if (counted !== undefined) continue;
    foundLots.set(order.orderId, (foundLots.get(order.orderId) ?? 0) + quantity);
    addLots(expected, symbol, side === "buy" ? quantity : -quantity);
  }

  for (const [orderId, listed] of matched.byOrder) {
    const order = view.order(orderId);
    if (order === undefined || order.fills.length === 0) continue;
    for (const figures of compareFills(order, executionsOf.get(orderId) ?? [], listed, input.hasLasted)) {
      const { fillId, quantity, priceMinor, lots } = figures;
      if (!shouldAct(input.hasLasted, `figures ${fillId}`, `${quantity} ${priceMinor} ${order.cumulative}`)) continue;
      facts.push(listedFigures(orderId, figures));
      corrections += 1;
      addLots(expected, order.symbol, order.side === "buy" ? lots : -lots);
    }
  }

  for (const [orderId, listed] of matched.byOrder) {
    const order = view.order(orderId);
    if (order === undefined || !differs(order, listed, foundLots.get(orderId) ?? 0)) continue;
    const isUrgent = isAfterGap || order.isUndetermined || order.isOverdue;
    const { cumulative, ordered, deadlineAt, isOverdue } = order;
    const ours = `${statusOf(order)} ${cumulative} of ${ordered} ${deadlineAt} ${isOverdue}`;
    const text = `${listed.status} ${listed.cumulativeQuantity} ${listed.leavesQuantity}, ours ${ours}`;
    if (!shouldAct(isUrgent, `order ${orderId}`, text)) continue;
    facts.push(reconciled(orderId, listed));
    orders += 1;
  }

  if (cause === "start")
    for (const order of view.liveOrders()) if (statusOf(order) === "initialized") facts.push(interrupted(order));

  // Ours never leave memory while they work.
  const foreign = matched.unbound.filter(isWorking);
  const remarks = [...matched.ambiguous];
  for (const { brokerOrderId, clientOrderId, symbol, side, quantity } of foreign) {
    if (last.foreignOrders.has(brokerOrderId)) continue;
    const name = clientOrderId === undefined ? brokerOrderId : `${brokerOrderId} (${clientOrderId})`;
    remarks.push(`the venue works order ${name}, ${side} ${quantity} ${symbol}, which is not among ours`);
  }

  const differing = positionDifferences(expected, answers.account);
  return {
    facts,
    absent: matched.undetermined,
    remarks,
    orders,
    fills: fills + corrections,
    mismatches: matched.ambiguous.length + foreign.length,
    // What was found of fills may bring to light what the list says besides.
    unconfirmed: [...differences.values()].filter(({ isDone }) => !isDone).length + corrections,
    disagreement: differing.length === 0 ? undefined : differing.join("; "),
    seen: { differences, foreignOrders: new Set(foreign.map(({ brokerOrderId }) => brokerOrderId)) },
  };
};
