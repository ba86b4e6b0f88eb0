/** The FIX tables on the desk that hosts the orders; on the machine alone they are part of order.scenarios.ts. */
import { describe, expect, it } from "vitest";
import { OrderDesk } from "#core/orders/order-desk.ts";
import { leavesOf, statusOf } from "#machines/order.rules.ts";
import { type FixFact, fixBeginning, fixMatrices, fixOrder } from "./order.fix.ts";

describe("FIX 4.4 order state changes (O2)", () => {
  it.each(fixMatrices)("%s", (_name, rows) => {
    const limits = { unknownDeadlineMs: 1, pendingDeadlineMs: 1 };
    const desk = new OrderDesk({ limits, instruments: [], finishedKept: 1, approvalsKept: 1 });
    const told = (fact: FixFact) => desk.handle({ at: 1, orderId: "X", ...fact } as never, () => {})[0];
    told({ type: "order.intended", ...fixOrder });
    for (const fact of fixBeginning) told(fact);
    for (const [fact, status, ordered, cumulative, leaves] of rows) {
      const outcome = told(fact);
      const order = outcome?.order;
      expect(outcome?.refusal ?? null, fact.type).toBeNull();
      expect(
        order === undefined ? undefined : [statusOf(order), order.ordered, order.cumulative, leavesOf(order)],
        fact.type,
      ).toEqual([status, ordered, cumulative, leaves]);
    }
  });
});
