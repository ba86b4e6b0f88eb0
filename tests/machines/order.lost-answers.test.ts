/** What the venue's list, a correction or a repeated request means while an answer or a report is missing. */
import { describe, expect, it } from "vitest";
import { judge, leavesOf, type OrderFact, type OrderRecord, statusOf } from "#machines/order.rules.ts";
import { limits, newOrder } from "./order.explore.ts";

const about = { at: 1, orderId: "o" };
const replace = (quantity: number, limitPriceMinor?: number): OrderFact => ({
  type: "order.replace.requested",
  ...about,
  quantity,
  ...(limitPriceMinor === undefined ? {} : { limitPriceMinor }),
});
const replaced = (quantity: number): OrderFact => ({ type: "order.replaced", ...about, quantity });
const cancel: OrderFact = { type: "order.cancel.requested", ...about };
const fill = (fillId: string, quantity: number): OrderFact => ({
  type: "order.partially.filled",
  ...about,
  fillId,
  quantity,
  priceMinor: 100,
});
const correct = (fillId: string, quantity: number): OrderFact => ({
  type: "order.fill.corrected",
  ...about,
  fillId,
  quantity,
  priceMinor: 100,
});
const listed = (
  status: "accepted" | "partiallyFilled" | "filled" | "canceled",
  cumulativeQuantity: number,
  leavesQuantity: number,
): OrderFact => ({ type: "order.reconciled", ...about, found: true, status, cumulativeQuantity, leavesQuantity });
const overdue: OrderFact = { type: "timer.due", at: 99_999, id: "order.pending:o", dueAt: 99_999 };

const orderAfter = (...facts: readonly OrderFact[]): OrderRecord =>
  [{ type: "order.approved", ...about, epoch: 1 } as const, { type: "order.accepted", ...about } as const, ...facts].reduce(
    (order: OrderRecord, fact) => judge(order, fact, limits),
    newOrder(100),
  );
const shown = (order: OrderRecord) => [
  statusOf(order),
  order.ordered,
  order.cumulative,
  leavesOf(order),
  order.refusal?.code ?? null,
];

describe("a change whose answer was lost", () => {
  it.each<[string, readonly OrderFact[], ReturnType<typeof shown>]>([
    ["a reduction, seen in the list", [replace(80), listed("accepted", 0, 80)], ["accepted", 80, 0, 80, null]],
    ["a reduction, seen when overdue", [replace(80), overdue, listed("accepted", 0, 80)], ["accepted", 80, 0, 80, null]],
    ["a reduction that has filled", [replace(80), fill("a", 80), listed("filled", 80, 0)], ["filled", 80, 80, 0, null]],
    ["a reduction below what was filled", [replace(70), fill("a", 80), listed("filled", 80, 0)], ["filled", 80, 80, 0, null]],
    ["a growth", [replace(200), listed("partiallyFilled", 150, 50)], ["partiallyFilled", 200, 150, 50, null]],
    ["a growth that was canceled", [replace(200), listed("canceled", 150, 0)], ["canceled", 200, 150, 0, null]],
    ["the first of two", [replace(80), replace(60), listed("accepted", 0, 80)], ["pendingReplace", 80, 0, 80, null]],
    ["not made yet", [replace(80), listed("accepted", 0, 100)], ["pendingReplace", 100, 0, 100, null]],
    ["not made at all", [replace(80), overdue, listed("accepted", 0, 100)], ["accepted", 100, 0, 100, null]],
    [
      "a growth of a filled order, not made",
      [fill("a", 100), replace(150), listed("filled", 100, 0)],
      ["filled", 100, 100, 0, null],
    ],
    [
      "a growth of a filled order, made late",
      [fill("a", 100), replace(150), listed("filled", 100, 0), replaced(150)],
      ["partiallyFilled", 150, 100, 50, null],
    ],
    [
      "a growth, from a list without leaves",
      [replace(200), { ...listed("accepted", 150, 0), leavesQuantity: undefined } as unknown as OrderFact],
      ["partiallyFilled", 200, 150, 50, null],
    ],
    ["a cancel goes on", [replace(80), cancel, listed("accepted", 0, 80)], ["pendingCancel", 80, 0, 80, null]],
    ["more than any request", [replace(120), listed("accepted", 150, 0)], ["filled", 150, 150, 0, null]],
    [
      "more than any request, from a list without leaves",
      [replace(120), { ...listed("accepted", 150, 0), leavesQuantity: undefined } as unknown as OrderFact],
      ["pendingReplace", 100, 0, 100, "overfill"],
    ],
  ])("%s", (_name, facts, expected) => {
    expect(shown(orderAfter(...facts))).toEqual(expected);
  });

  it("takes the price of the change over", () => {
    expect(orderAfter(replace(80, 103), listed("accepted", 0, 80)).limitPriceMinor).toBe(103);
  });

  it("believes a list that calls the order filled with nothing left", () => {
    // A reduction that no report told.
    expect(shown(orderAfter(fill("a", 80), listed("filled", 80, 0)))).toEqual(["filled", 80, 80, 0, null]);
    expect(shown(orderAfter(fill("a", 40), listed("filled", 40, 60)))).toEqual(["partiallyFilled", 100, 40, 60, null]);
  });
});

describe("requests", () => {
  it("refuses to ask for the same change twice in a row", () => {
    expect(shown(orderAfter(replace(80), replace(80)))).toEqual(["pendingReplace", 100, 0, 100, "duplicate.request"]);
    expect(orderAfter(replace(80, 101), replace(80, 102)).replaces).toHaveLength(2);
    expect(orderAfter(replace(80), replace(70), replace(80)).replaces).toHaveLength(3);
  });

  it("cancels a filled order that is about to grow", () => {
    const asked = orderAfter(fill("a", 100), replace(150), cancel);
    expect(shown(asked)).toEqual(["pendingCancel", 100, 100, 0, null]);
    expect(shown(judge(asked, replaced(150), limits))).toEqual(["pendingCancel", 150, 100, 50, null]);
    expect(orderAfter(fill("a", 100), cancel).refusal?.code).toBe("nothing.left");
  });
});

describe("a correction", () => {
  it("counts lots once that the list has shown before", () => {
    const order = orderAfter(fill("a", 20), listed("partiallyFilled", 60, 40), correct("a", 50));
    expect(shown(order)).toEqual(["partiallyFilled", 100, 60, 40, null]);
    expect(order.unattributed).toBe(10);
    expect(shown(judge(order, correct("a", 90), limits))).toEqual(["partiallyFilled", 100, 90, 10, null]);
  });
});

describe("a report that brings the venue's id at last", () => {
  it("is no duplicate", () => {
    const submitted: OrderFact = { type: "order.submitted", ...about, brokerOrderId: "B" };
    expect(orderAfter(listed("accepted", 0, 100), submitted)).toMatchObject({ brokerOrderId: "B", refusal: null });
    expect(orderAfter({ type: "order.accepted", ...about, brokerOrderId: "B" })).toMatchObject({
      brokerOrderId: "B",
      refusal: null,
    });
    expect(orderAfter(submitted, submitted).refusal?.code).toBe("duplicate");
    expect(orderAfter({ type: "order.accepted", ...about }).refusal?.code).toBe("duplicate");
  });
});
