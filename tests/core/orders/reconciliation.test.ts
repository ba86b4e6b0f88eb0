import { describe, expect, it } from "vitest";
import { OrderDesk } from "#core/orders/order-desk.ts";
import type { BrokerOrder } from "#core/ports.ts";
import { ok } from "#core/result.ts";
import { statusOf } from "#machines/order.rules.ts";
import { createRig, deskInput, type Rig, type RigOptions } from "./rig.ts";

const statusIn = (rig: Rig, orderId: string): string => {
  const order = rig.desk().order(orderId);
  return order === undefined ? "not here" : statusOf(order);
};
const reconciled = async (rig: Rig, cause: "start" | "reconnect" | "timer" = "start"): Promise<readonly string[]> => {
  const from = rig.facts.length;
  rig.reconcile.run(cause);
  await rig.settle();
  return rig.facts.slice(from).map(({ type }) => type);
};
/** The process dies here; the venue goes on; a new process starts from the journaled state. */
const restart = (rig: Rig, options: RigOptions = {}): Rig => {
  rig.reconcile.stop();
  const state = JSON.parse(JSON.stringify(rig.desk().persist()));
  return createRig({ ...options, after: { state, broker: rig.broker, at: rig.now() }, leaseEpoch: 2 });
};
const quiet = ["reconciliation.started", "reconciliation.completed"];

describe("reconciliation at start", () => {
  it("opens trading when both sides agree, and offers nothing else", async () => {
    const rig = createRig();
    expect(await reconciled(rig)).toEqual(quiet);
    expect(rig.desk().trading().open).toBe(true);
  });

  it("keeps trading closed while the broker cannot be asked, tries again, and then opens (O6)", async () => {
    const rig = createRig();
    rig.broker.setConnected(false);
    expect(await reconciled(rig)).toEqual(["reconciliation.started", "reconciliation.failed"]);
    expect(rig.desk().trading()).toMatchObject({ open: false });
    await rig.pass(2_000);
    expect(rig.desk().trading().open).toBe(false);
    rig.broker.setConnected(true);
    await rig.pass(2_000);
    expect(rig.desk().trading()).toEqual({ open: true, why: "reconciled" });
  });

  it("finds what happened while the process was down: fills as fills, ends as ends (O14)", async () => {
    const first = createRig();
    first.buy("1");
    await first.settle();
    first.buy("2", 10, { symbol: "IBM" });
    await first.settle();
    const rig = restart(first);
    rig.broker.fill("1", 4, 100, { silent: true });
    rig.broker.fill("1", 6, 101, { silent: true });
    rig.broker.end("2", "expired", { silent: true });
    expect((await reconciled(rig)).filter((type) => type !== "position.updated")).toEqual([
      "reconciliation.started",
      "order.partially.filled",
      "order.partially.filled",
      "order.reconciled",
      "reconciliation.completed",
      "anomaly.raised",
    ]);
    expect([statusIn(rig, "1"), statusIn(rig, "2")]).toEqual(["filled", "expired"]);
    expect(rig.desk().position("SPY")).toMatchObject({ quantity: 10, cashMinor: -1006, feesMinor: 2 });
    expect(rig.desk().trading().open).toBe(true);
  });

  it("gives its verdict at once, because time may stand still until it has", async () => {
    const rig = createRig({ positions: { SPY: 5 } });
    expect(await reconciled(rig)).toEqual(["reconciliation.started", "anomaly.raised", "reconciliation.failed"]);
  });

  it("is idempotent: the same answers again offer nothing (O6)", async () => {
    const first = createRig();
    first.buy("1");
    await first.settle();
    const rig = restart(first);
    rig.broker.fill("1", 4, 100, { silent: true });
    await reconciled(rig);
    expect(await reconciled(rig)).toEqual(quiet);
    expect(await reconciled(rig, "reconnect")).toEqual(quiet);
    expect(rig.desk().position("SPY").quantity).toBe(4);
  });

  it("denies wishes whose gates had not answered, because the market has moved since", async () => {
    const interrupted = new OrderDesk(deskInput);
    const wish = { orderId: "1", symbol: "SPY", side: "buy", orderType: "market", quantity: 1, strategy: "s" } as const;
    interrupted.handle({ type: "order.intended", at: 1, ...wish }, () => {});
    const rig = createRig({ after: { state: interrupted.persist(), broker: createRig().broker, at: 1_000_000 } });
    await reconciled(rig);
    expect(rig.desk().order("1")).toMatchObject({ ended: "denied", endCode: "INTERRUPTED" });
    expect(rig.broker.submits).toEqual([]);
  });

  it("makes an order that was on its way unknown, and finds it working at the venue", async () => {
    const first = createRig();
    first.broker.script("stall");
    first.buy("1");
    await first.settle();
    expect(statusIn(first, "1")).toBe("submitting");
    const rig = restart(first);
    first.broker.answerLate();
    await reconciled(rig);
    expect(statusIn(rig, "1")).toBe("accepted");
    expect(rig.desk().order("1")).toMatchObject({ brokerOrderId: "B1" });
    expect(rig.broker.submits).toHaveLength(1);
  });
});

describe("an order whose submit has no outcome (O5)", () => {
  it("is found by its client order id, with its fills", async () => {
    const rig = createRig();
    rig.broker.script("loseResponse");
    rig.buy("1");
    await rig.settle();
    rig.broker.fill("1", 10, 100, { silent: true });
    await rig.pass(1_500);
    expect(statusIn(rig, "1")).toBe("filled");
    expect(rig.desk().position("SPY").quantity).toBe(10);
    expect(rig.alerts()).toEqual(["alert.warning AN022", "alert.resolved AN022"]);
  });

  it("is denied when the venue says, again and again, that it never arrived (O5)", async () => {
    const rig = createRig();
    rig.broker.script("loseRequest");
    rig.buy("1");
    await rig.pass(2_500);
    expect(statusIn(rig, "1")).toBe("unknown");
    await rig.pass(10_000);
    expect(rig.desk().order("1")).toMatchObject({ ended: "denied", endCode: "SUBMIT_NEVER_ARRIVED" });
    expect(rig.broker.submits).toHaveLength(1);
  });

  it("is not denied on one absent answer, nor on two", async () => {
    const rig = createRig({ policy: { absentAfterMs: 0 } });
    rig.broker.script("loseRequest");
    rig.buy("1");
    await rig.settle();
    for (const status of ["unknown", "unknown", "denied"]) {
      await reconciled(rig, "timer");
      expect(statusIn(rig, "1")).toBe(status);
    }
  });

  it("is not denied while its response may still come", async () => {
    const rig = createRig();
    rig.broker.script("stall");
    rig.buy("1");
    await rig.pass(60_000);
    expect(statusIn(rig, "1")).toBe("unknown");
    rig.broker.answerLate();
    await rig.settle();
    expect(statusIn(rig, "1")).toBe("submitted");
  });

  it("stays visibly unknown at a venue without client order ids, until an operator has looked (kis.md §10)", async () => {
    const rig = createRig({ clientOrderIdLookup: false });
    rig.broker.script("loseRequest");
    rig.buy("1");
    await rig.pass(119_000);
    expect(rig.desk().order("1")).toMatchObject({ isUndetermined: true, owner: "qts" });
    await rig.pass(3_000);
    expect(rig.desk().order("1")).toMatchObject({ isUndetermined: true, owner: "operator" });
    expect(rig.alerts()).toContain("alert.critical FS042");
    rig.offer({
      type: "order.resolved",
      payload: { orderId: "1", outcome: "absent", operator: "kim", reason: "not in the venue's terminal" },
      source: "operator",
    });
    expect(rig.desk().order("1")).toMatchObject({ ended: "denied", endReason: "kim: not in the venue's terminal" });
  });

  it("is bound by its content at a venue without client order ids, and what waited for it follows", async () => {
    const rig = createRig({ clientOrderIdLookup: false });
    rig.broker.script("loseResponse");
    rig.buy("1");
    await rig.settle();
    rig.broker.fill("1", 4, 100);
    expect(rig.desk().position("SPY").quantity).toBe(0);
    await rig.pass(1_500);
    expect(statusIn(rig, "1")).toBe("partiallyFilled");
    expect(rig.desk().position("SPY").quantity).toBe(4);
    rig.broker.fill("1", 6, 100);
    expect(statusIn(rig, "1")).toBe("filled");
    expect(rig.types()).not.toContain("anomaly.raised");
  });

  it("is left to a person when two orders of the venue look like it", async () => {
    const rig = createRig({ clientOrderIdLookup: false });
    rig.broker.script("loseResponse");
    rig.buy("1");
    await rig.settle();
    rig.broker.placeByHand({ ...(rig.broker.book.get("1") as BrokerOrder), brokerOrderId: "H1" });
    await rig.pass(1_500);
    expect(statusIn(rig, "1")).toBe("unknown");
    expect(rig.facts).toContainEqual(
      expect.objectContaining({
        type: "anomaly.raised",
        payload: { code: "AN030", reason: "1 may be any of the venue's orders B1, H1; an operator must resolve it" },
      }),
    );
  });

  it("waits for a list that lags", async () => {
    const rig = createRig({ clientOrderIdLookup: false });
    rig.broker.freezeLists(true);
    rig.broker.script("loseResponse");
    rig.buy("1");
    await rig.pass(20_000);
    expect(statusIn(rig, "1")).toBe("unknown");
    rig.broker.freezeLists(false);
    await rig.pass(31_000);
    expect(statusIn(rig, "1")).toBe("accepted");
  });
});

describe("reconciliation while trading", () => {
  it("looks twice before it acts on what the stream may be about to tell", async () => {
    const rig = createRig();
    await reconciled(rig);
    rig.buy("1");
    await rig.settle();
    rig.broker.fill("1", 4, 100, { silent: true });
    expect(await reconciled(rig, "timer")).toEqual(["reconciliation.started"]);
    await rig.pass(1_500);
    expect(rig.desk().position("SPY").quantity).toBe(4);
    expect(rig.types().slice(-2)).toEqual(["reconciliation.completed", "anomaly.raised"]);
    expect(rig.desk().trading().open).toBe(true);
  });

  it("runs by itself on its timer (O6)", async () => {
    const rig = createRig({ policy: { everyMs: 10_000 } });
    await reconciled(rig);
    const before = rig.types().filter((type) => type === "reconciliation.completed").length;
    await rig.pass(21_000);
    expect(rig.types().filter((type) => type === "reconciliation.completed").length).toBe(before + 2);
  });

  it("closes trading when positions disagree, trips a fail-safe when they go on to, and clears it when they agree", async () => {
    const rig = createRig({ positions: { SPY: 5 } });
    const trips = () => rig.facts.filter(({ type }) => type === "failsafe.tripped");
    rig.reconcile.run("start");
    await rig.pass(4_000);
    expect(rig.desk().trading()).toMatchObject({
      open: false,
      why: "reconciliation failed: positions disagree: SPY: ours 0, the venue's 5",
    });
    expect(rig.facts).toContainEqual(
      expect.objectContaining({
        type: "anomaly.raised",
        payload: { code: "AN030", reason: "positions disagree: SPY: ours 0, the venue's 5" },
      }),
    );
    expect(trips()).toEqual([]);
    await rig.pass(40_000);
    expect(trips()).toMatchObject([{ payload: { code: "FS070", reason: "SPY: ours 0, the venue's 5" } }]);
    rig.broker.account = async () => ok({ positions: [], cashMinor: 0 });
    await rig.pass(32_000);
    expect(rig.facts.filter(({ type }) => type === "failsafe.cleared")).toMatchObject([{ payload: { code: "FS070" } }]);
    expect(rig.desk().trading().open).toBe(true);
  });

  it("knows the lots that were there before QTS traded", async () => {
    const rig = createRig({ positions: { SPY: 5 }, policy: { openingPositions: { SPY: 5 } } });
    expect(await reconciled(rig)).toEqual(quiet);
  });

  it("tells once of an order that works at the venue and is not ours", async () => {
    const rig = createRig({ clientOrderIdLookup: false });
    rig.broker.placeByHand({
      ...{ brokerOrderId: "H1", symbol: "SPY", side: "buy", orderType: "market", quantity: 1 },
      ...{ status: "accepted", cumulativeQuantity: 0, leavesQuantity: 1, receivedAt: 0 },
    });
    expect(await reconciled(rig)).toEqual(["reconciliation.started", "anomaly.raised", "reconciliation.completed"]);
    expect(await reconciled(rig)).toEqual(quiet);
    expect(rig.facts.at(-1)).toMatchObject({ payload: { mismatches: 1 } });
  });

  it("says loudly when the venue works an order that was held to have never arrived", async () => {
    const rig = createRig();
    rig.broker.script("loseResponse");
    rig.buy("1");
    await rig.settle();
    rig.offer({
      type: "order.resolved",
      payload: { orderId: "1", outcome: "absent", operator: "kim", reason: "wrong" },
      source: "operator",
    });
    await reconciled(rig, "reconnect");
    expect(statusIn(rig, "1")).toBe("denied");
    expect(rig.alerts()).toContain("alert.critical AN020");
  });

  it("survives an adapter that throws", async () => {
    const rig = createRig();
    rig.broker.orders = () => Promise.reject(new Error("bad frame"));
    expect(await reconciled(rig)).toEqual(["reconciliation.started", "reconciliation.failed"]);
  });
});
