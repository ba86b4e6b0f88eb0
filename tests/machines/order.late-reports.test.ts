/** Reports that are late, doubled or overtaken: amends with new ids, ends, busts and corrections (O2, O3, O4). */
import { describe, expect, it } from "vitest";
import { effectsOf } from "#machines/order.effects.ts";
import { judge, leavesOf, type OrderFact, type OrderRecord, statusOf } from "#machines/order.rules.ts";
import { limits, newOrder } from "./order.explore.ts";

const about = { at: 1, orderId: "o" };
type Fact = { readonly type: OrderFact["type"] } & Record<string, unknown>;
const accepted: Fact = { type: "order.accepted", brokerOrderId: "V1" };
const replace = (quantity: number): Fact => ({ type: "order.replace.requested", quantity });
const replaced = (quantity: number, brokerOrderId?: string): Fact => ({
  type: "order.replaced",
  quantity,
  ...(brokerOrderId === undefined ? {} : { brokerOrderId }),
});
const fill = (fillId: string, quantity: number): Fact => ({ type: "order.partially.filled", fillId, quantity, priceMinor: 100 });
const bust = (fillId: string): Fact => ({ type: "order.fill.busted", fillId });
const correct = (fillId: string, quantity: number, listed = false): Fact => ({
  type: "order.fill.corrected",
  fillId,
  quantity,
  priceMinor: 101,
  ...(listed ? { listed } : {}),
});
const ended = (how: "canceled" | "expired", brokerOrderId?: string): Fact => ({
  type: `order.${how}`,
  ...(brokerOrderId === undefined ? {} : { brokerOrderId }),
});
const rejected: Fact = { type: "order.rejected", code: "margin", reason: "the rest was refused" };
const listed = (status: string, cumulativeQuantity: number, leavesQuantity: number, brokerOrderId = "V1"): Fact => ({
  type: "order.reconciled",
  found: true,
  status,
  brokerOrderId,
  cumulativeQuantity,
  leavesQuantity,
});

const told = (order: OrderRecord, ...facts: readonly Fact[]): OrderRecord =>
  facts.reduce((known, fact) => judge(known, { ...about, ...fact } as OrderFact, limits), order);
const orderAfter = (...facts: readonly Fact[]): OrderRecord =>
  told(newOrder(10), { type: "order.approved", epoch: 1 }, accepted, ...facts);
const shown = (order: OrderRecord) => [
  statusOf(order),
  order.ordered,
  order.cumulative,
  leavesOf(order),
  order.refusal?.code ?? null,
];
/** Kinds of what the last fact makes the house do. */
const effectsAfter = (...facts: readonly Fact[]): readonly string[] => {
  const before = orderAfter(...facts.slice(0, -1));
  const effects = effectsOf(before, told(before, facts.at(-1) as Fact));
  return effects.map((effect) => ("code" in effect ? `${effect.type} ${effect.code}` : effect.type));
};

describe("an order that the venue ends (O2, O3, O4)", () => {
  it.each<[string, readonly Fact[], ReturnType<typeof shown>]>([
    ["rejected with a part filled", [fill("a", 5), rejected], ["rejected", 10, 5, 0, null]],
    ["… as the list says too", [fill("a", 5), rejected, listed("rejected", 5, 0)], ["rejected", 10, 5, 0, null]],
    ["… as only the list says", [fill("a", 5), listed("rejected", 5, 0)], ["rejected", 10, 5, 0, null]],
    ["rejected before the fill's report came", [rejected, fill("a", 5)], ["rejected", 10, 5, 0, null]],
    ["rejected before its acknowledgement came twice", [rejected, accepted], ["rejected", 10, 0, 0, "duplicate"]],
    [
      "canceled behind a fill that a bust on its way takes back",
      [fill("a", 10), ended("canceled"), bust("a")],
      ["canceled", 10, 0, 0, null],
    ],
    [
      "expired, and changed before",
      [replace(11), fill("a", 5), ended("expired"), replaced(11), fill("b", 6)],
      ["filled", 11, 11, 0, null],
    ],
    [
      "expired, its change never reported",
      [replace(11), fill("a", 5), ended("expired"), fill("b", 6)],
      ["filled", 11, 11, 0, null],
    ],
    ["expired, its change in the list", [replace(11), ended("expired"), listed("expired", 11, 0)], ["filled", 11, 11, 0, null]],
  ])("%s", (_name, facts, expected) => {
    expect(shown(orderAfter(...facts))).toEqual(expected);
  });

  it("is looked into when it was refused whole and trades after all", () => {
    expect(effectsAfter(rejected, fill("a", 5))).toEqual(["alert.critical AN021", "safety.report AN021", "order.query"]);
    expect(effectsAfter(ended("canceled"), fill("a", 5))).toEqual(["alert.warning AN021", "safety.report AN021"]);
  });
});

describe("a change (O2, O3, O4)", () => {
  it("that was answered before is refused, however late its report comes again", () => {
    const order = orderAfter(replace(3), replaced(3), replace(5), replaced(5), replaced(3));
    expect(shown(order)).toEqual(["accepted", 5, 0, 5, "superseded"]);
    const byList = orderAfter(replace(3), listed("accepted", 0, 3), replace(5), replaced(5), replaced(3));
    expect(shown(byList)).toEqual(["accepted", 5, 0, 5, "superseded"]);
    // Asked for once more, it is an answer.
    expect(shown(told(order, replace(3), replaced(3)))).toEqual(["accepted", 3, 0, 3, null]);
  });

  it("that nobody told is taken from the list's total, with an alert", () => {
    expect(shown(orderAfter(fill("a", 2), listed("partiallyFilled", 2, 3)))).toEqual(["partiallyFilled", 5, 2, 3, null]);
    expect(effectsAfter(fill("a", 2), listed("partiallyFilled", 2, 3))).toEqual(["alert.warning AN030"]);
    expect(effectsAfter(fill("a", 2), listed("partiallyFilled", 2, 12))).toEqual(["alert.critical AN030"]);
  });

  it("that makes room for a fill lets it count: the fill was refused and kept", () => {
    const refused = orderAfter(fill("a", 8), fill("b", 5));
    expect(shown(refused)).toEqual(["partiallyFilled", 10, 8, 2, "overfill"]);
    expect(shown(told(refused, replaced(15)))).toEqual(["partiallyFilled", 15, 13, 2, null]);
    expect(shown(told(refused, bust("a")))).toEqual(["partiallyFilled", 10, 5, 5, null]);
    expect(shown(told(refused, correct("b", 2)))).toEqual(["filled", 10, 10, 0, null]);
    expect(told(refused, listed("partiallyFilled", 13, 2))).toMatchObject({
      ordered: 15,
      cumulative: 13,
      unattributed: 0,
      held: [],
    });
    expect(shown(told(refused, bust("b"), fill("b", 5)))).toEqual(["partiallyFilled", 10, 8, 2, "duplicate"]);
  });
});

describe("a bust or a correction (O2, O3, O4)", () => {
  it("counts while a change is pending as a fill of that size does", () => {
    expect(shown(orderAfter(fill("a", 6), replace(15), correct("a", 12)))).toEqual(["pendingReplace", 12, 12, 0, null]);
    expect(shown(orderAfter(fill("a", 6), replace(15), correct("a", 16)))).toEqual(["pendingReplace", 10, 6, 4, "overfill"]);
  });

  it("that overtakes its fill is remembered by its id, and the broker is asked", () => {
    expect(effectsAfter(bust("a"))).toEqual(["order.query"]);
    expect(shown(orderAfter(bust("a"), fill("a", 2)))).toEqual(["accepted", 10, 0, 10, null]);
    expect(shown(orderAfter(bust("a"), fill("a", 2), fill("a", 2)))).toEqual(["accepted", 10, 0, 10, "duplicate"]);
    const corrected = orderAfter(correct("a", 4), { ...fill("a", 2), feeMinor: 3 });
    expect(shown(corrected)).toEqual(["partiallyFilled", 10, 4, 6, null]);
    expect(corrected).toMatchObject({ valueMinor: 404, feesMinor: 3 });
  });

  it("is refused when a later one has taken its place, unless the list of executions says so", () => {
    const order = orderAfter(fill("a", 6), correct("a", 5), correct("a", 7), correct("a", 5));
    expect(shown(order)).toEqual(["partiallyFilled", 10, 7, 3, "superseded"]);
    expect(shown(told(order, correct("a", 5, true)))).toEqual(["partiallyFilled", 10, 5, 5, null]);
  });

  it("without a fill is not remembered without end", () => {
    const order = orderAfter(...Array.from({ length: 20 }, (_, n) => bust(`x${n}`)));
    expect(order.fills).toHaveLength(8);
    expect(order.refusal?.code).toBe("fill.not.known");
  });
});

describe("an order with more than one id of the venue (O3, O13)", () => {
  const amended = [replace(8), replaced(8, "V2")];

  it("keeps them all, and takes what comes under any of them", () => {
    const order = orderAfter(
      fill("a", 1),
      ...amended,
      { ...fill("b", 2), brokerOrderId: "V1" },
      { ...fill("c", 3), brokerOrderId: "V2" },
    );
    expect(order).toMatchObject({ brokerOrderId: "V2", brokerOrderIds: ["V1", "V2"], ordered: 8, cumulative: 6 });
    expect(order.fills.map(({ under }) => under ?? "V1")).toEqual(["V1", "V1", "V2"]);
  });

  it.each<[string, readonly Fact[], ReturnType<typeof shown>]>([
    ["goes on when its former id ends", [...amended, ended("canceled", "V1")], ["accepted", 8, 0, 8, null]],
    [
      "goes on when its former id ended first",
      [replace(8), ended("canceled", "V1"), replaced(8, "V2")],
      ["accepted", 8, 0, 8, null],
    ],
    [
      "goes on when only the list tells so",
      [ended("canceled", "V1"), listed("accepted", 0, 8, "V2")],
      ["accepted", 8, 0, 8, null],
    ],
    [
      "ends with its new id, faster than the change",
      [replace(8), ended("canceled", "V2"), replaced(8, "V2")],
      ["canceled", 8, 0, 0, null],
    ],
    ["refuses a change of its former id", [...amended, replaced(9, "V1")], ["accepted", 8, 0, 8, "superseded"]],
    ["refuses an id that nothing explains", [ended("canceled", "Z")], ["accepted", 10, 0, 10, "broker.id"]],
  ])("%s", (_name, facts, expected) => {
    expect(shown(orderAfter(...facts))).toEqual(expected);
  });

  it("is canceled once more under its new id, whose old cancel said nothing about it", () => {
    expect(effectsAfter(replace(8), { type: "order.cancel.requested" }, replaced(8, "V2"))).toContain("broker.cancel");
  });
});
