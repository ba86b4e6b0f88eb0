/**
 * The order state change matrices of FIX 4.4 (volume 4, appendix D), told with our facts: A vanilla, B cancel, C quantity
 * changes, D chains of changes, E unsolicited, I time in force, J busts and corrections. Each row: the fact, then OrdStatus,
 * OrderQty, CumQty and LeavesQty. Where FIX has a Pending report of the venue, our status is pending from the request on.
 */
import type { OrderStatus } from "#machines/order.rules.ts";

export type FixFact = { readonly type: string } & Record<string, unknown>;
export type FixRow = readonly [fact: FixFact, status: OrderStatus, ordered: number, cumulative: number, leaves: number];

const accepted: FixFact = { type: "order.accepted" };
const rejected: FixFact = { type: "order.rejected", code: "99", reason: "other" };
const expired: FixFact = { type: "order.expired" };
const cancel: FixFact = { type: "order.cancel.requested" };
const canceled: FixFact = { type: "order.canceled" };
const cancelRefused: FixFact = { type: "order.cancel.rejected", code: "0", reason: "too late to cancel" };
const replaceRefused: FixFact = { type: "order.replace.rejected", code: "0", reason: "too late" };
const replace = (quantity: number): FixFact => ({ type: "order.replace.requested", quantity });
const replaced = (quantity: number): FixFact => ({ type: "order.replaced", quantity });
const fill = (fillId: string, quantity: number): FixFact => ({
  type: "order.partially.filled",
  fillId,
  quantity,
  priceMinor: 100,
});
const last = (fillId: string, quantity: number): FixFact => ({ ...fill(fillId, quantity), type: "order.filled" });
const bust = (fillId: string): FixFact => ({ type: "order.fill.busted", fillId });
const correct = (fillId: string, quantity: number): FixFact => ({
  type: "order.fill.corrected",
  fillId,
  quantity,
  priceMinor: 101,
});

const ack: FixRow = [accepted, "accepted", 10_000, 0, 10_000];

/** What happened to the order before the first row of every matrix. */
export const fixBeginning: readonly FixFact[] = [
  { type: "order.approved", epoch: 1 },
  { type: "order.submitted", brokerOrderId: "B" },
];
export const fixOrder = {
  symbol: "S",
  side: "buy",
  orderType: "limit",
  quantity: 10_000,
  limitPriceMinor: 100,
  strategy: "s",
} as const;

export const fixMatrices: readonly (readonly [name: string, rows: readonly FixRow[]])[] = [
  [
    "A.1.a filled order",
    [
      ack,
      [fill("1", 2000), "partiallyFilled", 10_000, 2000, 8000],
      [fill("2", 1000), "partiallyFilled", 10_000, 3000, 7000],
      [last("3", 7000), "filled", 10_000, 10_000, 0],
    ],
  ],
  ["A.1.a rejected by the venue", [[rejected, "rejected", 10_000, 0, 0]]],
  [
    "A.1.b part-filled day order, done for day",
    [
      ack,
      [fill("1", 2000), "partiallyFilled", 10_000, 2000, 8000],
      [fill("2", 1000), "partiallyFilled", 10_000, 3000, 7000],
      [expired, "expired", 10_000, 3000, 0],
    ],
  ],
  [
    "B.1.a cancel of a zero-filled order",
    [ack, [cancel, "pendingCancel", 10_000, 0, 10_000], [canceled, "canceled", 10_000, 0, 0]],
  ],
  [
    "B.1.a the cancel is rejected",
    [ack, [cancel, "pendingCancel", 10_000, 0, 10_000], [cancelRefused, "accepted", 10_000, 0, 10_000]],
  ],
  [
    "B.1.b cancel of a part-filled order, executions while it is pending",
    [
      ack,
      [fill("1", 2000), "partiallyFilled", 10_000, 2000, 8000],
      [cancel, "pendingCancel", 10_000, 2000, 8000],
      [fill("2", 3000), "pendingCancel", 10_000, 5000, 5000],
      [fill("3", 1000), "pendingCancel", 10_000, 6000, 4000],
      [canceled, "canceled", 10_000, 6000, 0],
    ],
  ],
  [
    "B.1.b the cancel is rejected after executions",
    [
      ack,
      [cancel, "pendingCancel", 10_000, 0, 10_000],
      [fill("1", 5000), "pendingCancel", 10_000, 5000, 5000],
      [cancelRefused, "partiallyFilled", 10_000, 5000, 5000],
    ],
  ],
  [
    "B.1.c filled before the cancel could be accepted: pending cancel outranks filled until the answer",
    [
      ack,
      [fill("1", 2000), "partiallyFilled", 10_000, 2000, 8000],
      [cancel, "pendingCancel", 10_000, 2000, 8000],
      [fill("2", 3000), "pendingCancel", 10_000, 5000, 5000],
      [last("3", 5000), "pendingCancel", 10_000, 10_000, 0],
      [cancelRefused, "filled", 10_000, 10_000, 0],
    ],
  ],
  [
    "B.1.d cancel before the acknowledgement",
    [
      [cancel, "pendingCancel", 10_000, 0, 10_000],
      [canceled, "canceled", 10_000, 0, 0],
    ],
  ],
  [
    "B.1.d the order is rejected first, then its cancel",
    [
      [cancel, "pendingCancel", 10_000, 0, 10_000],
      [rejected, "rejected", 10_000, 0, 0],
      [cancelRefused, "rejected", 10_000, 0, 0],
    ],
  ],
  [
    "B.1.e cancel and acknowledgement cross",
    [
      [cancel, "pendingCancel", 10_000, 0, 10_000],
      [accepted, "pendingCancel", 10_000, 0, 10_000],
      [canceled, "canceled", 10_000, 0, 0],
    ],
  ],
  [
    "B.1.e the cancel's confirmation overtakes the acknowledgement",
    [
      [cancel, "pendingCancel", 10_000, 0, 10_000],
      [canceled, "canceled", 10_000, 0, 0],
      [accepted, "canceled", 10_000, 0, 0],
    ],
  ],
  [
    "C.1.a zero-filled order, replaced to increase",
    [
      ack,
      [replace(11_000), "pendingReplace", 10_000, 0, 10_000],
      [replaced(11_000), "accepted", 11_000, 0, 11_000],
      [fill("1", 1000), "partiallyFilled", 11_000, 1000, 10_000],
      [fill("2", 2000), "partiallyFilled", 11_000, 3000, 8000],
    ],
  ],
  [
    "C.1.a the increase is rejected",
    [ack, [replace(11_000), "pendingReplace", 10_000, 0, 10_000], [replaceRefused, "accepted", 10_000, 0, 10_000]],
  ],
  [
    "C.1.b part-filled order replaced to increase, execution while pending",
    [
      ack,
      [fill("1", 1000), "partiallyFilled", 10_000, 1000, 9000],
      [replace(12_000), "pendingReplace", 10_000, 1000, 9000],
      [fill("2", 100), "pendingReplace", 10_000, 1100, 8900],
      [replaced(12_000), "partiallyFilled", 12_000, 1100, 10_900],
      [last("3", 10_900), "filled", 12_000, 12_000, 0],
    ],
  ],
  [
    "C.1.c filled order, replaced to increase",
    [
      ack,
      [last("1", 10_000), "filled", 10_000, 10_000, 0],
      [replace(12_000), "pendingReplace", 10_000, 10_000, 0],
      [replaced(12_000), "partiallyFilled", 12_000, 10_000, 2000],
      [last("2", 2000), "filled", 12_000, 12_000, 0],
    ],
  ],
  [
    "C.1.c the increase of a filled order is rejected",
    [
      ack,
      [last("1", 10_000), "filled", 10_000, 10_000, 0],
      [replace(12_000), "pendingReplace", 10_000, 10_000, 0],
      [replaceRefused, "filled", 10_000, 10_000, 0],
    ],
  ],
  [
    "C.2.a a change of price is rejected because a fill has occurred",
    [
      ack,
      [{ ...replace(10_000), limitPriceMinor: 99 }, "pendingReplace", 10_000, 0, 10_000],
      [fill("1", 1000), "pendingReplace", 10_000, 1000, 9000],
      [last("2", 9000), "pendingReplace", 10_000, 10_000, 0],
      [replaceRefused, "filled", 10_000, 10_000, 0],
    ],
  ],
  [
    "C.3.a replaced to decrease above the cumulative quantity, then filled",
    [
      ack,
      [fill("1", 1000), "partiallyFilled", 10_000, 1000, 9000],
      [replace(8000), "pendingReplace", 10_000, 1000, 9000],
      [fill("2", 500), "pendingReplace", 10_000, 1500, 8500],
      [replaced(8000), "partiallyFilled", 8000, 1500, 6500],
      [last("3", 6500), "filled", 8000, 8000, 0],
    ],
  ],
  [
    "C.3.b replaced to exactly the cumulative quantity: filled",
    [
      ack,
      [replace(7000), "pendingReplace", 10_000, 0, 10_000],
      [fill("1", 7000), "pendingReplace", 10_000, 7000, 3000],
      [replaced(7000), "filled", 7000, 7000, 0],
    ],
  ],
  [
    "C.3.c replaced below the cumulative quantity: amended to it",
    [
      ack,
      [replace(7000), "pendingReplace", 10_000, 0, 10_000],
      [fill("1", 8000), "pendingReplace", 10_000, 8000, 2000],
      [replaced(7000), "filled", 8000, 8000, 0],
    ],
  ],
  [
    "C.3.c the venue names the amended quantity itself",
    [
      ack,
      [replace(7000), "pendingReplace", 10_000, 0, 10_000],
      [fill("1", 8000), "pendingReplace", 10_000, 8000, 2000],
      [replaced(8000), "filled", 8000, 8000, 0],
    ],
  ],
  [
    "D.1.a one change accepted, then another",
    [
      ack,
      [replace(8000), "pendingReplace", 10_000, 0, 10_000],
      [replaced(8000), "accepted", 8000, 0, 8000],
      [fill("1", 1000), "partiallyFilled", 8000, 1000, 7000],
      [replace(6000), "pendingReplace", 8000, 1000, 7000],
      [replaced(6000), "partiallyFilled", 6000, 1000, 5000],
    ],
  ],
  [
    "D.1.b one change rejected, then another accepted",
    [
      ack,
      [replace(8000), "pendingReplace", 10_000, 0, 10_000],
      [replaceRefused, "accepted", 10_000, 0, 10_000],
      [replace(6000), "pendingReplace", 10_000, 0, 10_000],
      [replaced(6000), "accepted", 6000, 0, 6000],
    ],
  ],
  [
    "D.2.a two changes at once, processed one after the other",
    [
      ack,
      [replace(8000), "pendingReplace", 10_000, 0, 10_000],
      [fill("1", 1000), "pendingReplace", 10_000, 1000, 9000],
      [replace(6000), "pendingReplace", 10_000, 1000, 9000],
      [replaced(8000), "pendingReplace", 8000, 1000, 7000],
      [replaced(6000), "partiallyFilled", 6000, 1000, 5000],
    ],
  ],
  [
    "D.2.c two changes at once, both rejected",
    [
      ack,
      [replace(8000), "pendingReplace", 10_000, 0, 10_000],
      [replace(6000), "pendingReplace", 10_000, 0, 10_000],
      [replaceRefused, "pendingReplace", 10_000, 0, 10_000],
      [replaceRefused, "accepted", 10_000, 0, 10_000],
    ],
  ],
  [
    "D.2.d two changes at once, the second rejected while the first is pending",
    [
      ack,
      [replace(8000), "pendingReplace", 10_000, 0, 10_000],
      [replace(6000), "pendingReplace", 10_000, 0, 10_000],
      [replaceRefused, "pendingReplace", 10_000, 0, 10_000],
      [replaced(8000), "accepted", 8000, 0, 8000],
    ],
  ],
  [
    "E.1.b unsolicited cancel of a part-filled order",
    [ack, [fill("1", 2000), "partiallyFilled", 10_000, 2000, 8000], [canceled, "canceled", 10_000, 2000, 0]],
  ],
  [
    "E.1.c unsolicited replacement of a part-filled order",
    [ack, [fill("1", 2000), "partiallyFilled", 10_000, 2000, 8000], [replaced(9000), "partiallyFilled", 9000, 2000, 7000]],
  ],
  [
    "E.1.d unsolicited reduction to what is filled",
    [ack, [fill("1", 2000), "partiallyFilled", 10_000, 2000, 8000], [replaced(2000), "filled", 2000, 2000, 0]],
  ],
  ["I.1.a fill or kill that cannot be filled", [ack, [canceled, "canceled", 10_000, 0, 0]]],
  [
    "J.1.a filled order, then a bust and a correction",
    [
      ack,
      [fill("1", 1000), "partiallyFilled", 10_000, 1000, 9000],
      [last("2", 9000), "filled", 10_000, 10_000, 0],
      [bust("1"), "partiallyFilled", 10_000, 9000, 1000],
      [correct("2", 8000), "partiallyFilled", 10_000, 8000, 2000],
      [bust("2"), "accepted", 10_000, 0, 10_000],
    ],
  ],
  [
    "J.1.b a canceled order, then a bust and a new execution",
    [
      ack,
      [fill("1", 5000), "partiallyFilled", 10_000, 5000, 5000],
      [canceled, "canceled", 10_000, 5000, 0],
      [bust("1"), "canceled", 10_000, 0, 0],
      [fill("2", 4000), "canceled", 10_000, 4000, 0],
    ],
  ],
];
