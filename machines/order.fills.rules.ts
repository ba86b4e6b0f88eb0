/**
 * Fills, and what the venue makes of them later.
 *
 * The venue is right about fills, in whatever order its reports come: a fill may follow the end, a change that makes room for
 * it may follow the fill, a bust or a correction may be faster than what it speaks of.
 */
import { newest } from "./order.ends.rules.ts";
import { learned } from "./order.ids.rules.ts";
import { type Become, chainMax, type FactOf, type OrderFill, type OrderRecord, type Refuse } from "./order.record.ts";

/** What the order may become at most, should every pending change be made. */
export const largestPending = ({ ordered, replaces }: Pick<OrderRecord, "ordered" | "replaces">): number =>
  replaces.reduce((most, { quantity }) => Math.max(most, quantity), ordered);

/** What the order may be at most, whichever change the venue has made unheard. */
export const largestOf = (order: OrderRecord): number =>
  order.changesMoot.reduce((most, { quantity }) => Math.max(most, quantity), largestPending(order));

/** The order with one fill more, or its cumulative quantity should that be too much. */
const withFill = (order: OrderRecord, fill: OrderFill): Partial<OrderRecord> | number => {
  // The order list may have shown this fill before its report came; then it is already in the cumulative quantity.
  const growth = fill.quantity - Math.min(order.unattributed, fill.quantity);
  const cumulative = order.cumulative + growth;
  // A fill of the enlarged order may overtake the confirmation of the change.
  if (cumulative > largestOf(order)) return cumulative;
  return {
    cumulative,
    ordered: Math.max(order.ordered, cumulative),
    unattributed: order.unattributed - (fill.quantity - growth),
    valueMinor: order.valueMinor + fill.quantity * fill.priceMinor,
    feesMinor: order.feesMinor + fill.feeMinor,
    fills: [...order.fills, fill],
  };
};

/** What the venue said when it first told of a fill. */
const reportedOf = ({ reported, quantity, priceMinor }: OrderFill): NonNullable<OrderFill["reported"]> =>
  reported ?? { quantity, priceMinor };

/** Counts the held fills that have room by now; a fill that counts proves that the venue has the order. */
export const withHeld = (order: OrderRecord): OrderRecord => {
  let next = order;
  for (const fill of order.held) {
    const counted = withFill(next, fill);
    if (typeof counted === "number") continue;
    const held = next.held.filter((other) => other !== fill);
    next = { ...next, ...counted, held, evidence: "accepted", isUndetermined: false };
  }
  return next;
};

/** Named only when it is not the id that most fills of most orders have. */
const underOf = ({ brokerOrderId, brokerOrderIds }: OrderRecord, named: string | undefined): { readonly under?: string } => {
  const under = named ?? brokerOrderId;
  return under === null || under === (brokerOrderIds[0] ?? under) ? {} : { under };
};

/** Quantities decide, not the name of the fact: a "filled" that leaves something open is a partial fill. */
export const judgeFill = (
  order: OrderRecord,
  fact: FactOf<"order.filled" | "order.partially.filled">,
  refuse: Refuse,
  become: Become,
): OrderRecord => {
  const { fillId, quantity, priceMinor, feeMinor = 0, brokerOrderId } = fact;
  if (order.epoch === null) return refuse("not.approved");
  if (order.ended === "denied") return refuse("contradiction", "It was denied before.");
  if (quantity <= 0 || priceMinor <= 0) return refuse("fill.empty");
  const known = order.fills.find((fill) => fill.fillId === fillId);
  const heard = { evidence: "accepted", isUndetermined: false, ...learned(order, brokerOrderId) } as const;
  if (known?.isEarly) {
    const { isEarly: _, ...late } = known;
    const fee = known.quantity === 0 ? 0 : feeMinor;
    const fills = order.fills.map((fill) =>
      fill === known ? { ...late, feeMinor: fee, reported: { quantity, priceMinor } } : fill,
    );
    return become({ ...heard, fills, feesMinor: order.feesMinor + fee });
  }
  if (known !== undefined) {
    const reported = reportedOf(known);
    const isSame = reported.quantity === quantity && reported.priceMinor === priceMinor && known.feeMinor === feeMinor;
    if (isSame) return refuse("duplicate", `Fill ${fillId}.`);
    return refuse(
      "duplicate.fill",
      `Fill ${fillId}: ${quantity} at ${priceMinor}, not ${reported.quantity} at ${reported.priceMinor}.`,
    );
  }
  const held = order.held.find((fill) => fill.fillId === fillId);
  // A correction that waits with it came first, and has the last word on everything but the fee.
  const { isEarly: _, ...waiting } =
    held?.told === undefined ? { fillId, quantity, priceMinor } : { ...held, reported: { quantity, priceMinor } };
  const fill = { ...waiting, feeMinor, ...underOf(order, brokerOrderId) };
  const counted = withFill(order, fill);
  const others = order.held.filter((other) => other !== held);
  if (typeof counted !== "number") return become({ ...counted, ...heard, held: others });
  return { ...refuse("overfill", `It would make ${counted} of ${largestOf(order)}.`), held: hold(others, fill) };
};

/** Beyond the limit they are not kept: that venue does not report an order's fills. */
const hold = (held: readonly OrderFill[], fill: OrderFill): readonly OrderFill[] =>
  held.length < chainMax ? [...held, fill] : held;

/** A fill that is taken back or corrected; one that has not been reported yet is remembered by its id. */
export const judgeFillChange = (
  order: OrderRecord,
  fact: FactOf<"order.fill.busted" | "order.fill.corrected">,
  refuse: Refuse,
  become: Become,
): OrderRecord => {
  const { fillId } = fact;
  if (order.epoch === null) return refuse("not.approved");
  if (order.ended === "denied") return refuse("contradiction", "It was denied before.");
  const known = order.fills.find((fill) => fill.fillId === fillId);
  const held = order.held.find((fill) => fill.fillId === fillId);
  if (known === undefined && held === undefined && order.fills.filter(({ isEarly }) => isEarly).length >= chainMax)
    return refuse("fill.not.known", `Fill ${fillId}.`);
  const before: OrderFill =
    known ?? (held === undefined ? { fillId, quantity: 0, priceMinor: 0, feeMinor: 0, isEarly: true } : { ...held, quantity: 0 });
  const quantity = fact.type === "order.fill.busted" ? 0 : fact.quantity;
  const priceMinor = fact.type === "order.fill.busted" ? before.priceMinor : fact.priceMinor;
  const isLike = (other: { readonly quantity: number; readonly priceMinor: number }): boolean =>
    other.quantity === quantity && (quantity === 0 || other.priceMinor === priceMinor);
  if (known !== undefined && isLike(known)) return refuse("duplicate");
  if (!fact.listed && known?.told?.some(isLike)) return refuse("superseded", `Fill ${fillId}.`);
  if (quantity > 0 && priceMinor <= 0) return refuse("fill.empty");
  // As for a fill: lots that the order list has shown before are in the cumulative quantity already.
  const seen = Math.min(order.unattributed, Math.max(0, quantity - before.quantity));
  const cumulative = order.cumulative - before.quantity + quantity - seen;
  // As for a fill: it may overtake the confirmation of a growth.
  const largest = largestOf(order);
  const told = newest([...(before.told ?? []), { quantity, priceMinor }]);
  const heard = known ?? held;
  const reported = heard === undefined || heard.isEarly ? {} : { reported: reportedOf(heard) };
  const fill: OrderFill = { ...before, ...reported, quantity, priceMinor, told };
  const others = order.held.filter((other) => other !== held);
  if (cumulative > largest) {
    const refused = refuse("overfill", `It would make ${cumulative} of ${largest}.`);
    return known === undefined ? { ...refused, held: hold(others, fill) } : refused;
  }
  return become({
    cumulative,
    ordered: Math.max(order.ordered, cumulative),
    unattributed: order.unattributed - seen,
    valueMinor: order.valueMinor - before.quantity * before.priceMinor + quantity * priceMinor,
    feesMinor: order.feesMinor + (known === undefined ? fill.feeMinor : 0),
    fills: known === undefined ? [...order.fills, fill] : order.fills.map((other) => (other === known ? fill : other)),
    held: others,
    evidence: "accepted",
    isUndetermined: false,
  });
};
