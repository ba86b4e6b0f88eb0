/**
 * Every record that a small order can reach, found by trying every fact everywhere. The chart proposes nothing here: the
 * rules do, and tests hold the chart, the rules and their promises against each other.
 */
import { largestOf } from "#machines/order.fills.rules.ts";
import { isTerminal, judge, type OrderFact, type OrderRecord, openRecord, statusOf } from "#machines/order.rules.ts";

export const limits = { unknownDeadlineMs: 120_000, pendingDeadlineMs: 30_000 };

export const newOrder = (quantity: number): OrderRecord =>
  openRecord({
    orderId: "o",
    symbol: "S",
    side: "buy",
    orderType: "limit",
    quantity,
    limitPriceMinor: 100,
    strategy: "s",
    at: 0,
  });

/**
 * Small enough to be complete: at most two fills, one queued change behind another, and one of the rare things that a late or
 * lost report leaves behind, with at most two of the others beside it: a change that was made, or may have been, a second id, a bust before its fill, a fill that waits.
 */
const isSmall = ({ fills, replaces, mootAnswers, ordered, ...order }: OrderRecord): boolean => {
  const rare = [
    Math.max(order.changesMade.length, order.brokerOrderIds.length - 1),
    order.changesMoot.length,
    order.held.length,
    Math.max(0, ...fills.map(({ told = [] }) => told.length)),
  ];
  const rares = rare.reduce((sum, count) => sum + count, 0);
  const hasWaited = fills.some(({ quantity }) => quantity === 3);
  const isPlain = fills.length <= 2 && replaces.length <= 2 && mootAnswers <= 1 && ordered <= (hasWaited ? 4 : 3);
  return (
    isPlain &&
    (rares === 0 || (rares === 1 && fills.length + replaces.length + mootAnswers + order.unattributed <= 2 && !order.isOverdue))
  );
};

/** All facts that can mean something to this record, and some that cannot. */
export const factsFor = (order: OrderRecord): readonly OrderFact[] => {
  const about = { at: 1, orderId: "o" };
  const venue = { ...about, brokerOrderId: "B" };
  const answer = { ...about, code: "c", reason: "r" };
  const fillId = `f${order.fills.length + 1}`;
  const facts: OrderFact[] = [
    { type: "order.approved", ...about, epoch: 1 },
    { type: "order.denied", ...answer },
    { type: "order.submitted", ...venue },
    { type: "order.submit.unknown", ...about, reason: "r" },
    { type: "order.accepted", ...venue },
    { type: "order.accepted", ...about },
    { type: "order.rejected", ...answer },
    { type: "order.rejected", ...answer, ...venue },
    { type: "order.canceled", ...venue },
    { type: "order.canceled", ...about },
    { type: "order.expired", ...about },
    { type: "order.expired", ...venue },
    { type: "order.replaced", ...about, brokerOrderId: "C", quantity: 2 },
    { type: "order.cancel.requested", ...about },
    { type: "order.cancel.rejected", ...answer },
    { type: "order.replace.rejected", ...answer },
    { type: "order.partially.filled", ...about, fillId, quantity: 1, priceMinor: 100 },
    { type: "order.filled", ...venue, fillId, quantity: 2, priceMinor: 100 },
    { type: "order.partially.filled", ...about, fillId, quantity: 2, priceMinor: 100 },
    { type: "order.filled", ...about, fillId: "f1", quantity: 1, priceMinor: 100 },
    { type: "order.partially.filled", ...about, fillId: "f1", quantity: 1, priceMinor: 100 },
    { type: "order.fill.busted", ...about, fillId: "f1" },
    { type: "order.fill.busted", ...about, fillId: "f2" },
    { type: "order.fill.corrected", ...about, fillId: "f1", quantity: 0, priceMinor: 100 },
    { type: "order.fill.corrected", ...about, fillId: "f1", quantity: 1, priceMinor: 101 },
    { type: "order.fill.corrected", ...about, fillId: "f1", quantity: 2, priceMinor: 101 },
    { type: "order.reconciled", ...about, found: false, status: "absent" },
    { type: "order.resolved", ...about, outcome: "absent", operator: "p", reason: "r" },
    { type: "order.resolved", ...venue, outcome: "bound", operator: "p", reason: "r" },
    { type: "order.resolved", ...about, outcome: "canceled", operator: "p", reason: "r" },
    { type: "reconciliation.started", at: 1, cause: "start" },
    { type: "reconciliation.started", at: 1, cause: "timer" },
    { type: "broker.disconnected", at: 1, broker: "b", reason: "r" },
    { type: "timer.due", at: 1, id: "t", dueAt: Number.MAX_SAFE_INTEGER },
  ];
  for (const quantity of [1, 2, 3]) {
    facts.push({ type: "order.replace.requested", ...about, quantity }, { type: "order.replaced", ...about, quantity });
  }
  for (const status of ["accepted", "partiallyFilled", "filled", "canceled", "rejected", "expired"] as const) {
    for (const more of [0, 1, 2]) {
      const cumulativeQuantity = order.cumulative + more;
      facts.push({ type: "order.reconciled", ...venue, found: true, status, cumulativeQuantity });
      if (isTerminal(status) && status !== "filled") continue;
      for (const leavesQuantity of [0, 1])
        facts.push({ type: "order.reconciled", ...about, found: true, status, cumulativeQuantity, leavesQuantity });
    }
  }
  // A fill of three waits where no change would make room for it; then comes room for it, and for one lot more.
  if (largestOf(order) < 3 && order.fills.length === 0)
    facts.push({ type: "order.partially.filled", ...about, fillId, quantity: 3, priceMinor: 100 });
  if (order.held.length > 0) facts.push({ type: "order.replaced", ...about, quantity: 4 });
  if (order.endedUnder === null) return facts;
  const underAnotherId = { ...about, brokerOrderId: "C", found: true, status: "partiallyFilled" } as const;
  const { cumulative } = order;
  const leavesQuantity = Math.max(1, 3 - cumulative);
  facts.push({ type: "order.reconciled", ...underAnotherId, cumulativeQuantity: cumulative, leavesQuantity });
  return facts;
};

export interface Step {
  readonly from: OrderRecord;
  readonly fact: OrderFact;
  readonly to: OrderRecord;
  readonly fromKey: string;
  readonly toKey: string;
}

/** Two records with the same key cannot be told apart by what may follow. */
export const keyOf = ({ refusal: _, ...order }: OrderRecord): string =>
  JSON.stringify({
    ...order,
    deadlineAt: order.deadlineAt === null ? null : 1,
    approvedAt: null,
    endCode: null,
    endReason: null,
    valueMinor: 0,
    fills: order.fills.map(({ quantity, isEarly, told }) => [quantity, isEarly, told?.map((was) => was.quantity)]),
    held: order.held.map(({ quantity }) => quantity),
  });

/** Every step that is not refused, from every record that can be reached. */
export const explore = (
  quantity: number,
): { readonly records: ReadonlyMap<string, OrderRecord>; readonly steps: readonly Step[] } => {
  const first = newOrder(quantity);
  const records = new Map([[keyOf(first), first]]);
  // One string for each key: a million steps name them.
  const keys = new Map([...records.keys()].map((key) => [key, key]));
  const steps: Step[] = [];
  for (const [fromKey, from] of records) {
    for (const fact of factsFor(from)) {
      const to = judge(from, fact, limits);
      if (!isSmall(to)) continue;
      const key = keyOf(to);
      const toKey = keys.get(key) ?? key;
      // A fill without room is refused, but waits with the order: no arrow, yet another record.
      if (to.refusal === null) steps.push({ from, fact, to, fromKey, toKey });
      if (records.has(toKey)) continue;
      records.set(toKey, to);
      keys.set(toKey, toKey);
    }
  }
  return { records, steps };
};

/** Keys of the records from which an end can still be reached. */
export const canEnd = (steps: readonly Step[]): ReadonlySet<string> => {
  const before = new Map<string, string[]>();
  const ending = new Set<string>();
  for (const { to, fromKey, toKey } of steps) {
    const earlier = before.get(toKey);
    if (earlier === undefined) before.set(toKey, [fromKey]);
    else earlier.push(fromKey);
    if (isTerminal(statusOf(to))) ending.add(toKey);
  }
  for (const key of ending) for (const earlier of before.get(key) ?? []) ending.add(earlier);
  return ending;
};
