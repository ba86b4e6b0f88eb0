import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OrderDesk } from "#core/orders/order-desk.ts";
import { createOrderMachine, orderMachine } from "#machines/order.machine.ts";
import { isTerminal, judge, leavesOf, type OrderFact, type OrderRecord, orderStatuses, statusOf } from "#machines/order.rules.ts";
import { canEnd, factsFor, limits, newOrder } from "./order.explore.ts";
import { houseFacts, orderScenarios, world } from "./order.scenarios.ts";

const machine = createOrderMachine(limits);

type Arrows = { readonly config: { readonly states: Record<string, { readonly on: Record<string, unknown> }> } };
/** "from: fact → to" for every arrow of the chart. */
const arrowsOfChart = (): Set<string> =>
  new Set(
    Object.entries((machine as unknown as Arrows).config.states).flatMap(([from, { on }]) =>
      Object.entries(on).flatMap(([fact, transitions]) =>
        [transitions].flat().map((transition) => `${from}: ${fact} → ${(transition as { target: string }).target}`),
      ),
    ),
  );

describe("the order's chart", () => {
  it("has exactly the states of the specification (O1)", () => {
    expect(Object.keys(machine.states)).toEqual([...orderStatuses]);
  });

  it("has an arrow for everything that the quantities can imply, and no arrow that can never be taken", () => {
    const possible = new Set<string>();
    for (const { from, fact, to, fromKey, toKey } of world.steps) {
      if (houseFacts.has(fact.type) && fromKey === toKey) continue;
      possible.add(`${statusOf(from)}: ${fact.type} → ${statusOf(to)}`);
    }
    const chart = arrowsOfChart();
    expect([...possible].filter((arrow) => !chart.has(arrow))).toEqual([]);
    expect([...chart].filter((arrow) => !possible.has(arrow))).toEqual([]);
  });

  it("can reach an end from everywhere (O4)", () => {
    const ending = canEnd(world.steps);
    const stuck = [...world.records].filter(([key, order]) => !isTerminal(statusOf(order)) && !ending.has(key));
    expect(stuck.map(([, order]) => statusOf(order))).toEqual([]);
  });

  it("keeps cumulative + leaves = ordered while an order lives, and leaves nothing once it ended", () => {
    for (const order of world.records.values()) {
      if (order.ended === null) expect(order.cumulative + leavesOf(order)).toBe(order.ordered);
      else expect(leavesOf(order)).toBe(0);
      expect(order.cumulative).toBeLessThanOrEqual(order.ordered);
      expect(order.fills.reduce((sum, { quantity }) => sum + quantity, 0) + order.unattributed).toBe(order.cumulative);
    }
  });

  it("never moves backwards: what ended stays ended, what the venue has shown stays shown (O3)", () => {
    const ranks = { none: 0, submitted: 1, accepted: 2 };
    // Only a former id had ended: a change or the list names a newer one.
    const isRenamed = (from: OrderRecord, to: OrderRecord): boolean =>
      to.ended === null && from.endedUnder !== null && to.brokerOrderIds.indexOf(from.endedUnder) < to.brokerOrderIds.length - 1;
    const isBackwards = ({ from, to }: (typeof world.steps)[number]): boolean =>
      (from.ended !== null && to.ended !== from.ended && !isRenamed(from, to)) ||
      ranks[to.evidence] < ranks[from.evidence] ||
      (statusOf(to) === "submitting" && from.evidence !== "none");
    expect(world.steps.filter(isBackwards)).toEqual([]);
  });

  it("has no live request after an end", () => {
    for (const order of world.records.values()) {
      if (!isTerminal(statusOf(order))) continue;
      expect(order).toMatchObject({ isCancelPending: false, replaces: [], isUndetermined: false });
    }
  });

  it("gives every order without an outcome a deadline and an owner (O4)", () => {
    for (const order of world.records.values()) {
      if (!order.isUndetermined) continue;
      expect(order.deadlineAt).not.toBeNull();
      expect(order.owner).toBe(order.isOverdue ? "operator" : "qts");
    }
  });

  it("never calls an order rejected because an answer is missing (O5)", () => {
    for (const { from, fact, to } of world.steps) {
      if (to.ended === "rejected" && from.ended !== "rejected") expect(fact.type).toMatch(/^order\.(rejected|reconciled)$/);
    }
  });
});

const start = { at: 0, orderId: "o" };
const feed = (desk: OrderDesk, fact: object) => desk.handle(fact as never, () => {});

/** A desk with one order, and the record that the rules alone arrive at. */
const deskWithOrder = (): OrderDesk => {
  const desk = new OrderDesk({ limits, instruments: [], finishedKept: 10, approvalsKept: 10 });
  feed(desk, {
    type: "order.intended",
    ...start,
    symbol: "S",
    side: "buy",
    orderType: "limit",
    quantity: 2,
    limitPriceMinor: 100,
    strategy: "s",
  });
  return desk;
};

describe("the machine, step by step", () => {
  it.each(orderScenarios)("$name", ({ run }) => {
    run(orderMachine);
  });
});

describe("the machine", () => {
  it("does on every walk what the rules say, and always finds its arrow", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), (choices) => {
        const desk = deskWithOrder();
        let expected: OrderRecord = judge(newOrder(2), { type: "order.approved", ...start, epoch: 1 }, limits);
        feed(desk, { type: "order.approved", ...start, epoch: 1 });
        for (const choice of choices) {
          const facts = factsFor(expected).filter((fact) => "orderId" in fact);
          const fact = facts[choice % facts.length] as OrderFact;
          expected = judge(expected, fact, limits);
          const [outcome] = feed(desk, fact);
          expect(outcome?.order).toEqual(expected);
          expect(outcome?.refusal?.code).not.toBe("no.transition");
        }
      }),
    );
  });

  it("sends an order once: broker.submit follows the approval and nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), (choices) => {
        const desk = deskWithOrder();
        let submits = 0;
        let order = desk.order("o") as OrderRecord;
        for (const choice of [0, ...choices]) {
          const facts = factsFor(order);
          const fact = facts[choice % facts.length] as OrderFact;
          desk.handle(fact as never, (effect) => {
            if (effect.type === "broker.submit") submits += 1;
          });
          order = desk.order("o") as OrderRecord;
        }
        expect(submits).toBe(1);
      }),
    );
  });

  describe("a fill that had no room when it was reported", () => {
    const about = { at: 1, orderId: "o" };
    const early = { ...about, type: "order.partially.filled", fillId: "early", quantity: 3, priceMinor: 100 };
    const orderAfter = (...facts: readonly object[]) => {
      const desk = deskWithOrder();
      for (const fact of [{ type: "order.approved", ...start, epoch: 1 }, ...facts]) feed(desk, fact);
      const order = desk.order("o") as OrderRecord;
      return [statusOf(order), order.cumulative, order.held.length];
    };

    it.each([
      ["submitting", []],
      ["submitted", [{ ...about, type: "order.submitted", brokerOrderId: "V" }]],
      ["accepted", [{ ...about, type: "order.accepted", brokerOrderId: "V" }]],
      ["unknown", [{ ...about, type: "order.submit.unknown", reason: "r" }]],
    ])("waits with an order that is %s, and counts when the venue says that the order has grown", (status, facts) => {
      expect(orderAfter(...facts, early)).toEqual([status, 0, 1]);
      expect(orderAfter(...facts, early, { ...about, type: "order.replaced", quantity: 4 })).toEqual(["partiallyFilled", 3, 0]);
      expect(orderAfter(...facts, early, { ...about, type: "order.replaced", quantity: 3 })).toEqual(["filled", 3, 0]);
    });

    it("counts when a fill is taken back, whether the order lives or has ended", () => {
      const first = { ...early, fillId: "first", quantity: 1 };
      const late = { ...early, quantity: 2 };
      const bust = { ...about, type: "order.fill.busted", fillId: "first" };
      expect(orderAfter(first, late, bust)).toEqual(["filled", 2, 0]);
      expect(orderAfter(first, { ...about, type: "order.canceled" }, late, bust)).toEqual(["filled", 2, 0]);
    });

    it("proves, once it counts, that the venue has the order: no answer denies it any more", () => {
      const grow = { ...about, type: "order.replace.requested", quantity: 3 };
      const denied = { ...about, type: "order.denied", code: "c", reason: "r" };
      expect(orderAfter(early, grow, denied)).toEqual(["pendingReplace", 3, 0]);
    });
  });

  it("ignores a deadline that was moved since", () => {
    const approved = judge(newOrder(2), { type: "order.approved", ...start, epoch: 1 }, limits);
    const unknown = judge(approved, { type: "order.submit.unknown", ...start, at: 5, reason: "r" }, limits);
    const early = judge(unknown, { type: "timer.due", at: 6, id: "t", dueAt: 4 }, limits);
    expect(early.isOverdue).toBe(false);
    expect(
      judge(unknown, { type: "timer.due", at: 200_000, id: "t", dueAt: 5 + limits.unknownDeadlineMs }, limits),
    ).toMatchObject({
      isOverdue: true,
      owner: "operator",
    });
  });
});
