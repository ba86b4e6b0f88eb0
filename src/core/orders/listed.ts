/**
 * What the broker's lists say of one order, set against what we hold: its rows, and its executions.
 *
 * A venue that gives an order a new id at each change lists a row for each id, with the quantities of that id alone (kis/kis.md
 * §8). Executions carry the present figures of each fill: a correction shows in them, and a bust by what is missing.
 */
import type { OrderRecord } from "#machines/order.rules.ts";
import type { BrokerExecution, BrokerOrder } from "../ports.ts";

const isOpen = ({ status }: BrokerOrder): boolean => status === "accepted" || status === "partiallyFilled";

/** The lots that we know were filled under this id. */
const lotsUnder = ({ fills, brokerOrderIds }: OrderRecord, id: string): number =>
  fills.reduce((sum, { quantity, under = brokerOrderIds[0] }) => (under === id ? sum + quantity : sum), 0);

/**
 * All rows of one order as one.
 *
 * @param rows at least one, of ids that the order has or, by our own id, of one that it has not heard of yet
 * @param skewMs how far the venue's clock may be behind: what was received before our order was sent is another's
 * @returns undefined while the list shows the ids that a change has left behind, but not the one that it brought
 */
export const oneRow = (order: OrderRecord, rows: readonly BrokerOrder[], skewMs: number): BrokerOrder | undefined => {
  const { brokerOrderId, brokerOrderIds, approvedAt } = order;
  const isOurs = (row: BrokerOrder): boolean =>
    brokerOrderId === null || brokerOrderIds.includes(row.brokerOrderId) || row.receivedAt >= (approvedAt ?? 0) - skewMs;
  const rowOf = new Map(rows.filter(isOurs).map((row) => [row.brokerOrderId, row]));
  const ids = [...new Set([...brokerOrderIds, ...rowOf.keys()])];
  const listed = ids.flatMap((id) => rowOf.get(id) ?? []);
  const isNamed = brokerOrderId === null || listed.some((row) => brokerOrderIds.indexOf(row.brokerOrderId) < 0);
  if (!isNamed && !rowOf.has(brokerOrderId)) return undefined;
  const present = listed.findLast(isOpen) ?? listed.at(-1);
  if (ids.length < 2 || present === undefined) return present;
  const cumulativeQuantity = ids.reduce((sum, id) => sum + (rowOf.get(id)?.cumulativeQuantity ?? lotsUnder(order, id)), 0);
  const status = isOpen(present) && cumulativeQuantity > 0 ? "partiallyFilled" : present.status;
  return { ...present, status, cumulativeQuantity };
};

/** Does the list show an order of another size than we hold? Only when both have counted the same lots. */
export const hasOtherTerms = (order: OrderRecord, listed: BrokerOrder): boolean =>
  isOpen(listed) &&
  listed.cumulativeQuantity === order.cumulative &&
  listed.cumulativeQuantity + listed.leavesQuantity !== order.ordered;

/** A fill as the venue's executions have it now. */
export interface FillFigures {
  readonly fillId: string;
  readonly quantity: number;
  readonly priceMinor: number;
  /** What the order gains by it, in lots. */
  readonly lots: number;
}

/**
 * @param executions those of this order
 * @param listed the order's row
 * @param isTakenBack the account has shown fewer lots than we count for so long that its lists no longer lag
 * @returns what differs, the fills that are gone first because they make room: counted by us, and in no execution of a list
 * whose lots are all there. A list that has fewer lots than we count may only be behind our reports.
 */
export const compareFills = (
  { fills, cumulative }: OrderRecord,
  executions: readonly BrokerExecution[],
  listed: BrokerOrder,
  isTakenBack: boolean,
): readonly FillFigures[] => {
  const theirs = new Map(executions.map((execution) => [execution.fillId, execution]));
  const lots = executions.reduce((sum, { quantity }) => sum + quantity, 0);
  const isWhole = listed.cumulativeQuantity === lots && (lots >= cumulative || isTakenBack);
  const gone = fills
    .filter(({ fillId, quantity }) => isWhole && quantity > 0 && !theirs.has(fillId))
    .map(({ fillId, quantity, priceMinor }) => ({ fillId, quantity: 0, priceMinor, lots: -quantity }));
  const corrected = fills.flatMap((fill) => {
    const execution = theirs.get(fill.fillId);
    if (execution === undefined || fill.isEarly) return [];
    const { quantity, priceMinor } = execution;
    if (fill.quantity === quantity && fill.priceMinor === priceMinor) return [];
    return [{ fillId: fill.fillId, quantity, priceMinor, lots: quantity - fill.quantity }];
  });
  return [...gone, ...corrected];
};
