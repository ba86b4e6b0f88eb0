import { describe, expect, it } from "vitest";
import { orderStory, storyText } from "#core/orders/order-story.ts";
import type { JournalRecord } from "#core/ports.ts";

const journal = (...facts: readonly (readonly [type: string, payload: object])[]): JournalRecord[] =>
  facts.map(([type, payload], index) => ({
    seq: index + 1,
    at: index,
    type,
    body: JSON.stringify({ type, at: index, payload }),
  }));
const intended = (orderId: string) =>
  [
    "order.intended",
    {
      orderId,
      symbol: "SPY",
      side: "buy",
      orderType: "limit",
      quantity: 10,
      limitPriceMinor: 100,
      strategy: "s",
      reason: "crossed",
    },
  ] as const;

describe("the story of an order", () => {
  const story = orderStory(
    "7-1",
    journal(
      ["session.started", { session: "x", epoch: 7, recovered: false }],
      intended("7-1"),
      intended("7-2"),
      ["order.approved", { orderId: "7-1", epoch: 7_000_000 }],
      ["reconciliation.started", { cause: "timer" }],
      ["broker.disconnected", { broker: "paper", reason: "reset" }],
      [
        "order.reconciled",
        { orderId: "7-1", found: true, brokerOrderId: "B1", cumulativeQuantity: 0, leavesQuantity: 10, status: "accepted" },
      ],
      ["order.partially.filled", { orderId: "7-1", fillId: "f", quantity: 4, priceMinor: 99 }],
      ["order.partially.filled", { orderId: "7-1", fillId: "f", quantity: 4, priceMinor: 99 }],
      ["order.canceled", { orderId: "7-1", reason: "enough" }],
    ),
  );

  it("tells every fact that concerned the order, and none that did not", () => {
    expect(story.steps.map(({ type, status, refused }) => [type, status, refused])).toEqual([
      ["order.intended", "initialized", null],
      ["order.approved", "submitting", null],
      ["broker.disconnected", "unknown", null],
      ["order.reconciled", "accepted", null],
      ["order.partially.filled", "partiallyFilled", null],
      ["order.partially.filled", "partiallyFilled", "The same report came before. Fill f."],
      ["order.canceled", "canceled", null],
    ]);
  });

  it("says where the order stands, and reads as text", () => {
    expect(story.sentence).toBe("7-1, buy 10 SPY, is canceled: 4 filled at 99 minor units (enough).");
    expect(storyText(story).split("\n")).toHaveLength(8);
    expect(storyText(story)).toContain("refused: The same report came before. Fill f.");
  });

  it("says that the journal does not know an order", () => {
    expect(orderStory("9-9", journal(intended("7-1")))).toMatchObject({
      order: null,
      steps: [],
      sentence: "The journal knows no order 9-9.",
    });
  });
});
