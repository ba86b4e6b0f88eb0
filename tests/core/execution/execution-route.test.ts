import { describe, expect, it } from "vitest";
import { denied, type RiskGate } from "#core/risk/risk-gate.ts";
import { statusOf } from "#machines/order.rules.ts";
import { createRig } from "../orders/rig.ts";

const statusIn = (rig: ReturnType<typeof createRig>, orderId: string): string => {
  const order = rig.desk().order(orderId);
  return order === undefined ? "not here" : statusOf(order);
};

describe("the execution route", () => {
  it("takes an allowed order through approval and submit to the venue, then fills it", async () => {
    const rig = createRig();
    rig.buy("1");
    await rig.settle();
    expect(rig.types()).toEqual(["order.intended", "order.approved", "order.submitted", "order.accepted"]);
    rig.broker.fill("1", 10, 100);
    expect(statusIn(rig, "1")).toBe("filled");
    expect(rig.desk().position("SPY").quantity).toBe(10);
  });

  it("denies with the gate's code and reason, and sends nothing (O8)", async () => {
    const full: RiskGate = { name: "full", beforeRoute: () => denied("EXPOSURE_MAX", "too much", "GR001") };
    const rig = createRig({ riskGates: [full] });
    rig.buy("1");
    await rig.settle();
    expect(rig.desk().order("1")).toMatchObject({ ended: "denied", endCode: "EXPOSURE_MAX", endReason: "too much" });
    expect(rig.broker.submits).toEqual([]);
    expect(rig.facts).toContainEqual(
      expect.objectContaining({ type: "guardrail.tripped", payload: { code: "GR001", reason: "too much" } }),
    );
  });

  it("denies when a gate throws (O8)", async () => {
    const broken: RiskGate = {
      name: "broken",
      beforeIntent: () => {
        throw new Error("no data");
      },
    };
    const rig = createRig({ riskGates: [broken] });
    rig.buy("1");
    await rig.settle();
    expect(rig.desk().order("1")).toMatchObject({
      ended: "denied",
      endCode: "GATE_FAILED",
      endReason: "broken failed: Error: no data",
    });
  });

  it.each([
    ["loseRequest", "a time-out of a request that never arrived"],
    ["loseResponse", "a lost response of an order that works"],
    ["throw", "an adapter that throws"],
  ] as const)("takes %s (%s) for unknown, never for rejected, and sends nothing again (O5)", async (script, _why) => {
    const rig = createRig();
    rig.broker.script(script);
    rig.buy("1");
    await rig.settle();
    expect(statusIn(rig, "1")).toBe("unknown");
    expect(rig.broker.submits).toHaveLength(1);
    expect(rig.alerts()).toEqual(["alert.warning AN022"]);
  });

  it("does not wait for an answer for ever, and takes a late one", async () => {
    const rig = createRig();
    rig.broker.script("stall");
    rig.buy("1");
    await rig.pass(2_999);
    expect(statusIn(rig, "1")).toBe("submitting");
    await rig.pass(1);
    expect(statusIn(rig, "1")).toBe("unknown");
    rig.broker.answerLate();
    await rig.settle();
    expect(statusIn(rig, "1")).toBe("submitted");
    expect(rig.alerts()).toContain("alert.resolved AN022");
  });

  it("does not send again, and does not call it unsent, when an effect is performed twice (O5)", async () => {
    const rig = createRig();
    rig.broker.script("loseResponse");
    rig.buy("1");
    await rig.settle();
    rig.route["broker.submit"]({ type: "broker.submit", orderId: "1" });
    await rig.settle();
    expect(statusIn(rig, "1")).toBe("unknown");
    expect(rig.broker.submits).toHaveLength(1);
  });

  it("denies what was approved but had not left when the connection was lost", async () => {
    const rig = createRig({ isSubmitDelayed: true });
    rig.buy("1");
    rig.broker.setConnected(false);
    expect(statusIn(rig, "1")).toBe("unknown");
    await rig.settle();
    expect(rig.desk().order("1")).toMatchObject({ ended: "denied", endCode: "NOT_SENT" });
    expect(rig.broker.submits).toEqual([]);
  });

  it("does not send what was canceled while its approval was being written", async () => {
    const rig = createRig({ isSubmitDelayed: true });
    rig.buy("1");
    rig.offer({ type: "order.cancel.requested", payload: { orderId: "1" }, source: "t" });
    await rig.settle();
    expect(statusIn(rig, "1")).toBe("canceled");
    expect(rig.broker.submits).toEqual([]);
  });

  it("rejects only when the venue said no, and denies what never left", async () => {
    const rig = createRig();
    rig.broker.script("reject", "notSent");
    rig.buy("1");
    await rig.settle();
    rig.buy("2");
    await rig.settle();
    expect(rig.desk().order("1")).toMatchObject({ ended: "rejected", endCode: "V1" });
    expect(rig.desk().order("2")).toMatchObject({ ended: "denied", endCode: "DOWN" });
  });

  it("denies a submit that was approved under an older epoch (O7)", async () => {
    // Another gate's side effect stands for a lockdown that comes between the approval and the submit.
    const lockdown: RiskGate = {
      name: "lockdown",
      beforeRoute: () => {
        queueMicrotask(() => rig.fence.raise("lockdown"));
        return { allowed: true };
      },
    };
    const rig: ReturnType<typeof createRig> = createRig({
      riskGates: [lockdown],
      isSubmitDelayed: true,
    });
    rig.buy("1");
    await rig.settle();
    expect(rig.broker.submits).toEqual([]);
    expect(rig.desk().order("1")).toMatchObject({ ended: "denied", endCode: "FENCED" });
  });

  it("cancels what works, and sends the cancel that was waiting for the venue's id", async () => {
    const rig = createRig();
    rig.buy("1");
    rig.offer({ type: "order.cancel.requested", payload: { orderId: "1", reason: "enough" }, source: "t" });
    expect(statusIn(rig, "1")).toBe("pendingCancel");
    await rig.settle();
    expect(statusIn(rig, "1")).toBe("canceled");
    expect(rig.broker.book.get("1")?.status).toBe("canceled");
  });

  it("returns to what the quantities imply when a cancel comes too late", async () => {
    const rig = createRig();
    rig.broker.setRequests("refuse");
    rig.buy("1");
    await rig.settle();
    rig.broker.fill("1", 4, 100);
    rig.offer({ type: "order.cancel.requested", payload: { orderId: "1" }, source: "t" });
    await rig.settle();
    expect(statusIn(rig, "1")).toBe("partiallyFilled");
  });

  it("asks what became of an order when the venue refuses its cancel, because a report may be missing", async () => {
    const rig = createRig();
    rig.buy("1");
    await rig.settle();
    rig.broker.fill("1", 10, 100, { silent: true });
    rig.broker.setRequests("refuse");
    rig.offer({ type: "order.cancel.requested", payload: { orderId: "1" }, source: "t" });
    await rig.pass(3_000);
    expect(statusIn(rig, "1")).toBe("filled");
  });

  it("looks up a cancel whose answer was lost, and settles what pends when the venue still works the order", async () => {
    const rig = createRig();
    rig.buy("1");
    await rig.settle();
    rig.broker.setRequests("lose");
    rig.offer({ type: "order.cancel.requested", payload: { orderId: "1" }, source: "t" });
    await rig.pass(29_000);
    expect(statusIn(rig, "1")).toBe("pendingCancel");
    await rig.pass(4_000);
    expect(rig.alerts()).toContain("alert.warning AN023");
    expect(statusIn(rig, "1")).toBe("accepted");
  });

  it("asks the gates before an order grows, and lets it shrink in every state of the house (S5)", async () => {
    const closed: RiskGate = {
      name: "closed",
      beforeRoute: ({ isChange }) => (isChange ? denied("SAFETY_FAIL", "safety is FAIL") : { allowed: true }),
    };
    const rig = createRig({ riskGates: [closed] });
    rig.buy("1");
    await rig.settle();
    rig.offer({ type: "order.replace.requested", payload: { orderId: "1", quantity: 20 }, source: "t" });
    await rig.settle();
    expect(rig.facts.at(-1)).toMatchObject({ type: "order.replace.rejected", payload: { code: "SAFETY_FAIL" } });
    expect(rig.desk().order("1")).toMatchObject({ ordered: 10 });
    rig.offer({ type: "order.replace.requested", payload: { orderId: "1", quantity: 5 }, source: "t" });
    await rig.settle();
    expect(rig.desk().order("1")).toMatchObject({ ordered: 5 });
    expect(rig.broker.book.get("1")?.quantity).toBe(5);
  });

  it("allows one undecided submit per symbol and side (O5)", async () => {
    const rig = createRig();
    rig.broker.script("loseResponse");
    rig.buy("1");
    await rig.settle();
    rig.buy("2");
    rig.buy("3", 10, { symbol: "IBM" });
    rig.buy("4", 10, { side: "sell" });
    await rig.settle();
    expect(["2", "3", "4"].map((id) => statusIn(rig, id))).toEqual(["denied", "accepted", "accepted"]);
    expect(rig.desk().order("2")).toMatchObject({ endCode: "SUBMIT_UNDECIDED" });
  });

  it("announces positions as facts", async () => {
    const rig = createRig();
    rig.buy("1");
    await rig.settle();
    rig.broker.fill("1", 4, 100);
    expect(rig.facts.at(-1)).toMatchObject({
      type: "position.updated",
      payload: { symbol: "SPY", quantity: 4, averagePriceMinor: 100 },
    });
  });
});
