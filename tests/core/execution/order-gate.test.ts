import { describe, expect, it } from "vitest";
import { createMemoryBroker } from "#adapters/memory/broker.ts";
import { createEpochFence, createOrderGate } from "#core/execution/order-gate.ts";
import type { OrderRequest, RiskApproved } from "#core/ports.ts";

const create = (leaseEpoch = 3) => {
  const broker = createMemoryBroker({ now: () => 0 });
  const fence = createEpochFence(leaseEpoch);
  const gate = createOrderGate({ broker, fence });
  const request = (orderId: string, epoch = fence.current()): RiskApproved<OrderRequest> =>
    ({ orderId, symbol: "SPY", side: "buy", orderType: "market", quantity: 1, epoch }) as unknown as RiskApproved<OrderRequest>;
  return { broker, fence, gate, request };
};

describe("the order gate", () => {
  it("sends an order id once, whatever became of it", async () => {
    const { broker, gate, request } = create();
    broker.script("loseRequest");
    expect(await gate.submit(request("1"))).toMatchObject({ ok: false, error: { type: "outcome.unknown" } });
    expect(await gate.submit(request("1"))).toMatchObject({ ok: false, error: { type: "not.sent", code: "ALREADY_SENT" } });
    expect(broker.submits).toHaveLength(1);
    expect(gate.wasSent("1")).toBe(true);
  });

  it("denies what was approved in an older epoch, and what comes after a stop (O7)", async () => {
    const { broker, fence, gate, request } = create();
    const old = request("1");
    fence.raise("lockdown");
    expect(await gate.submit(old)).toMatchObject({ error: { type: "not.sent", code: "FENCED" } });
    expect(await gate.submit(request("2"))).toMatchObject({ ok: true });
    fence.close("the lease was lost");
    expect(await gate.submit(request("3"))).toMatchObject({
      error: { code: "FENCED", reason: "nothing is submitted any more: the lease was lost" },
    });
    expect(await gate.replace({ orderId: "2", brokerOrderId: "B1", symbol: "SPY", quantity: 2 })).toMatchObject({
      error: { code: "FENCED" },
    });
    expect(broker.submits).toHaveLength(1);
  });

  it("lets cancels pass behind every fence (S5)", async () => {
    const { fence, gate, request } = create();
    await gate.submit(request("1"));
    fence.close("stop");
    expect(await gate.cancel({ orderId: "1", brokerOrderId: "B1", symbol: "SPY" })).toEqual({ ok: true, value: undefined });
  });

  it("gives each lease epochs of its own", () => {
    const first = createEpochFence(1);
    for (let raise = 0; raise < 100; raise += 1) first.raise("x");
    expect(createEpochFence(2).current()).toBeGreaterThan(first.current());
  });

  it("takes what an adapter throws for an unknown outcome, and knows that it waits", async () => {
    const { broker, gate, request } = create();
    broker.script("throw", "stall");
    expect(await gate.submit(request("1"))).toMatchObject({
      error: { type: "outcome.unknown", reason: "the broker adapter failed: Error: socket hang up" },
    });
    expect(gate.isAwaited("1")).toBe(false);
    const answer = gate.submit(request("2"));
    expect(gate.isAwaited("2")).toBe(true);
    broker.answerLate();
    await answer;
    expect(gate.isAwaited("2")).toBe(false);
  });
});
