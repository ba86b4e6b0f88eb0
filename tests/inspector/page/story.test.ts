/** What the page says of orders and of what comes next, without a browser. */
import { describe, expect, it } from "vitest";
import type { ChangeLine, OrderLine } from "#core/runtime/inspection.ts";
import { dueText, liveText, urgentFirst, verdictText } from "../../../inspector/page/story.ts";

const noon = Date.UTC(2026, 0, 5, 12);
describe("the view of one order", () => {
  const approved = { at: noon + 1000, fact: "order.approved", refusal: null } as ChangeLine;

  it("says what the gates said, by its facts or by what became of it (I6)", () => {
    expect(verdictText([approved], { status: "filled", end: null })).toBe("Every gate let it through at 12:00:01 UTC.");
    expect(verdictText([], { status: "denied", end: "ORDER_VALUE_MAX: too large" })).toBe(
      "Denied by us: ORDER_VALUE_MAX: too large.",
    );
    expect(verdictText([], { status: "initialized", end: null })).toBe("They have not judged it yet.");
    expect(verdictText([], { status: "filled", end: null })).toContain("before this process");
  });
});

it("counts down to a machine's deadline, and says when it is due (I7)", () => {
  expect(dueText(noon + 61_000, noon)).toBe("in 1 min 1 s, 2026-01-05 12:01 UTC");
  expect(dueText(noon, noon)).toBe("due now, 2026-01-05 12:00 UTC");
});

describe("orders that live", () => {
  const order = (over: Partial<OrderLine>): OrderLine =>
    ({
      orderId: "a-1",
      symbol: "SPY",
      side: "buy",
      status: "accepted",
      pending: null,
      ordered: 200,
      filled: 0,
      intendedAt: noon - 5000,
      deadlineAt: null,
      isOverdue: false,
      isLive: true,
      ...over,
    }) as OrderLine;

  it("are told with their age, what is pending, and when an answer is due (I5)", () => {
    expect(liveText(order({}), noon)).toBe("is accepted: buy 200 SPY, 0 filled, 5 s old.");
    expect(liveText(order({ status: "pendingCancel", pending: "cancel", deadlineAt: noon + 3000 }), noon)).toBe(
      "is pendingCancel: buy 200 SPY, 0 filled, 5 s old, cancel pending, an answer is due in 3 s.",
    );
    expect(liveText(order({ status: "unknown", isOverdue: true, deadlineAt: noon - 1 }), noon)).toContain("a person must look");
  });

  it("come in the order in which a person must care, the ended ones left out (I5)", () => {
    const all = [
      order({ orderId: "calm" }),
      order({ orderId: "ended", isLive: false }),
      order({ orderId: "late", pending: "cancel", deadlineAt: noon + 9000 }),
      order({ orderId: "soon", pending: "cancel", deadlineAt: noon + 1000 }),
      order({ orderId: "unknown", status: "unknown" }),
    ];
    expect(urgentFirst(all).map(({ orderId }) => orderId)).toEqual(["unknown", "soon", "late", "calm"]);
  });
});
