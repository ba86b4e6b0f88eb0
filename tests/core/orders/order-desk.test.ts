import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import { createDeskLogic } from "#core/orders/desk-logic.ts";
import { OrderDesk } from "#core/orders/order-desk.ts";
import type { OrderEffect } from "#machines/order.effects.ts";
import { statusOf } from "#machines/order.rules.ts";
import { deskInput } from "./rig.ts";

const createTold = (desk = new OrderDesk(deskInput)) => {
  const effects: OrderEffect[] = [];
  let at = 0;
  const tell = (type: string, payload: object) => {
    at += 1;
    return desk.handle({ type, at, ...payload } as never, (effect) => effects.push(effect))[0];
  };
  const intend = (orderId: string, over: object = {}) =>
    tell("order.intended", {
      orderId,
      symbol: "SPY",
      side: "buy",
      orderType: "limit",
      quantity: 10,
      limitPriceMinor: 100,
      strategy: "s",
      ...over,
    });
  const work = (orderId: string, over: object = {}) => {
    intend(orderId, over);
    tell("order.approved", { orderId, epoch: 1 });
    tell("order.submitted", { orderId, brokerOrderId: `B${orderId}` });
  };
  const fill = (orderId: string, fillId: string, quantity: number, priceMinor = 100) =>
    tell("order.partially.filled", { orderId, fillId, quantity, priceMinor, feeMinor: 1 });
  return { desk, effects, tell, intend, work, fill, statusOf: (id: string) => statusOf(desk.order(id) as never) };
};

describe("the order desk", () => {
  it("asks the gates for a wish and submits once it is approved", () => {
    const { effects, intend, tell } = createTold();
    intend("1");
    tell("order.approved", { orderId: "1", epoch: 7 });
    expect(effects).toEqual([
      { type: "order.route", orderId: "1" },
      { type: "broker.submit", orderId: "1" },
    ]);
  });

  it("moves the position by fills alone, and announces it", () => {
    const { desk, effects, work, fill, tell } = createTold();
    work("1");
    fill("1", "a", 4);
    fill("1", "b", 6, 110);
    expect(desk.position("SPY")).toMatchObject({ quantity: 10, cashMinor: -1060, feesMinor: 2 });
    expect(effects.at(-1)).toMatchObject({ type: "position.announce", symbol: "SPY", quantity: 10, averagePriceMinor: 106 });
    tell("order.fill.corrected", { orderId: "1", fillId: "b", quantity: 5, priceMinor: 110 });
    expect(desk.position("SPY")).toMatchObject({ quantity: 9, cashMinor: -950 });
    tell("order.fill.busted", { orderId: "1", fillId: "a" });
    expect(desk.position("SPY").quantity).toBe(5);
  });

  it("counts a fill once, also after the order has ended, and a report that comes twice alarms nobody (O3)", () => {
    const { desk, effects, work, fill } = createTold();
    work("1");
    fill("1", "a", 10);
    const before = effects.length;
    expect(fill("1", "a", 10)?.refusal).toMatchObject({ code: "duplicate" });
    expect(desk.position("SPY").quantity).toBe(10);
    expect(desk.refusals()).toEqual({ duplicate: 1 });
    expect(effects.slice(before)).toEqual([]);
  });

  it.each([
    ["quantity", 9, 100],
    ["price", 10, 101],
  ])("refuses a known fill with another %s, loudly, and has the broker asked (O3)", (_, quantity, priceMinor) => {
    const { desk, effects, work, fill } = createTold();
    work("1");
    fill("1", "a", 10);
    expect(fill("1", "a", quantity, priceMinor)?.refusal).toMatchObject({ code: "duplicate.fill" });
    expect(desk.position("SPY").quantity).toBe(10);
    expect(effects).toContainEqual(expect.objectContaining({ type: "alert.critical", code: "AN020" }));
    expect(effects).toContainEqual(expect.objectContaining({ type: "safety.report", kind: "anomaly", code: "AN020" }));
    expect(effects).toContainEqual({ type: "order.query", orderId: "1" });
  });

  it.each([
    [
      "accepted, also behind its rejection",
      [
        ["order.accepted", {}],
        ["order.rejected", { code: "c", reason: "r" }],
      ],
    ],
    ["canceled", [["order.canceled", {}]]],
    ["expired", [["order.expired", {}]]],
    [
      "corrected",
      [
        ["order.filled", { fillId: "a", quantity: 5, priceMinor: 100 }],
        ["order.fill.corrected", { fillId: "a", quantity: 4, priceMinor: 100 }],
      ],
    ],
    [
      "busted",
      [
        ["order.filled", { fillId: "a", quantity: 5, priceMinor: 100 }],
        ["order.fill.busted", { fillId: "a" }],
      ],
    ],
  ] as const)("takes a report that comes twice for what it is: %s (O3)", (_, reports) => {
    const { desk, effects, work, tell } = createTold();
    work("1");
    for (const [type, payload] of reports) tell(type, { orderId: "1", ...payload });
    const [order, before] = [desk.order("1"), effects.length];
    for (const [type, payload] of reports) tell(type, { orderId: "1", ...payload });
    expect({ ...desk.order("1"), refusal: null }).toEqual({ ...order, refusal: null });
    expect(effects.slice(before)).toEqual([]);
    expect(desk.refusals().duplicate).toBeGreaterThanOrEqual(reports.length);
  });

  it("lets an answer that comes twice settle nothing more (O3)", () => {
    const { desk, effects, work, tell } = createTold();
    work("1");
    const answer = { orderId: "1", code: "TOO_LATE", reason: "r" };
    tell("order.cancel.requested", { orderId: "1" });
    tell("order.cancel.rejected", answer);
    tell("order.replace.requested", { orderId: "1", quantity: 12 });
    tell("order.replaced", { orderId: "1", quantity: 12 });
    tell("order.replace.requested", { orderId: "1", quantity: 14 });
    tell("order.replaced", { orderId: "1", quantity: 14 });
    tell("order.cancel.requested", { orderId: "1" });
    const before = effects.length;
    tell("order.cancel.rejected", { ...answer, isRepeat: true });
    tell("order.replaced", { orderId: "1", quantity: 12, isRepeat: true });
    expect(desk.order("1")).toMatchObject({ ordered: 14, isCancelPending: true });
    expect(effects.slice(before)).toEqual([]);
  });

  it("takes a fill after the cancel: the venue is right (O2)", () => {
    const { desk, effects, work, fill, tell, statusOf } = createTold();
    work("1");
    tell("order.canceled", { orderId: "1" });
    fill("1", "late", 4);
    expect(statusOf("1")).toBe("canceled");
    expect(desk.order("1")).toMatchObject({ cumulative: 4 });
    expect(desk.position("SPY").quantity).toBe(4);
    expect(effects).toContainEqual(expect.objectContaining({ type: "alert.warning", code: "AN021" }));
  });

  it("refuses more than was ordered, loudly, and has the broker asked (O3)", () => {
    const { desk, effects, work, fill } = createTold();
    work("1");
    expect(fill("1", "big", 11)?.refusal).toMatchObject({ code: "overfill" });
    expect(desk.position("SPY").quantity).toBe(0);
    expect(effects).toContainEqual(expect.objectContaining({ type: "alert.critical", code: "AN020" }));
    expect(effects).toContainEqual({ type: "order.query", orderId: "1" });
  });

  it("makes a position that the venue took below zero a fail-safe", () => {
    const { effects, work, fill } = createTold();
    work("1", { side: "sell" });
    fill("1", "a", 3);
    expect(effects).toContainEqual(expect.objectContaining({ type: "safety.report", kind: "failsafe", code: "FS070" }));
    work("2");
    fill("2", "b", 3);
    expect(effects).toContainEqual(expect.objectContaining({ type: "safety.report", kind: "cleared", code: "FS070" }));
  });

  it("lets ended orders leave memory, the oldest first, and handles what comes later for them visibly (O13)", () => {
    const { desk, effects, work, fill } = createTold(new OrderDesk({ ...deskInput, finishedKept: 2 }));
    for (const id of ["1", "2", "3"]) {
      work(id);
      fill(id, `f${id}`, 10);
    }
    expect(desk.order("1")).toBeUndefined();
    expect(desk.order("2")).toBeDefined();
    expect(desk.orderIdOf("B1")).toBeUndefined();
    expect(desk.counts().filled).toBe(3);
    effects.length = 0;
    expect(fill("1", "late", 1)?.refusal).toMatchObject({ code: "order.not.here" });
    expect(effects.map(({ type }) => type)).toEqual(["alert.critical", "safety.report", "order.query"]);
    expect(desk.position("SPY").quantity).toBe(30);
  });

  it("knows an order by every id the venue gave it, after a restart too, and lets all of them leave with it (O13, B2)", () => {
    const { desk, work, fill, tell } = createTold(new OrderDesk({ ...deskInput, finishedKept: 2 }));
    work("1");
    for (const [change, quantity] of [9, 8, 7].entries())
      tell("order.replaced", { orderId: "1", quantity, brokerOrderId: `B1-${change}` });
    const ids = ["B1", "B1-0", "B1-1", "B1-2"];
    const again = new OrderDesk(deskInput, JSON.parse(JSON.stringify(desk.persist())));
    for (const each of [desk, again]) expect(ids.map((id) => each.orderIdOf(id))).toEqual(["1", "1", "1", "1"]);
    fill("1", "a", 7);
    for (const id of ["2", "3"]) {
      work(id);
      fill(id, `f${id}`, 10);
    }
    expect(desk.order("1")).toBeUndefined();
    expect(ids.map((id) => desk.orderIdOf(id))).toEqual([undefined, undefined, undefined, undefined]);
  });

  it("restores what version 0.1.0 saved, which lacks the fields of today (O13)", () => {
    const { desk, work, fill, tell } = createTold();
    work("1");
    fill("1", "a", 4);
    work("2");
    tell("order.canceled", { orderId: "2" });
    const old = JSON.parse(JSON.stringify(desk.persist()));
    for (const order of [...old.live, ...old.finished])
      for (const name of ["brokerOrderIds", "endedUnder", "changesMoot", "changesMade", "held"]) delete order[name];
    const { desk: restored, tell: tellRestored, fill: fillRestored } = createTold(new OrderDesk(deskInput, old));
    expect(restored.persist()).toEqual(desk.persist());
    expect(restored.orderIdOf("B1")).toBe("1");
    tellRestored("order.replaced", { orderId: "1", quantity: 8, brokerOrderId: "N1" });
    expect(fillRestored("1", "b", 9)?.refusal).toMatchObject({ code: "overfill" });
    fillRestored("2", "late", 1);
    expect([restored.order("1")?.brokerOrderIds, restored.order("2")?.cumulative]).toEqual([["B1", "N1"], 1]);
  });

  it("moves the position when a change makes room for a fill that was refused", () => {
    const { desk, work, fill, tell } = createTold();
    work("1");
    fill("1", "a", 8);
    fill("1", "b", 5);
    expect(desk.position("SPY").quantity).toBe(8);
    tell("order.replaced", { orderId: "1", quantity: 15 });
    expect(desk.position("SPY")).toMatchObject({ quantity: 13, cashMinor: -1300, feesMinor: 2 });
  });

  it("keeps an order whose listed fills have not been reported yet, and counts them once when they come", () => {
    const { desk, effects, work, fill, tell, statusOf } = createTold();
    work("1");
    tell("order.reconciled", { orderId: "1", found: true, status: "filled", cumulativeQuantity: 10, leavesQuantity: 0 });
    expect(statusOf("1")).toBe("filled");
    expect(desk.position("SPY").quantity).toBe(0);
    expect([...desk.liveOrders()].map(({ orderId }) => orderId)).toEqual(["1"]);
    expect(effects).toContainEqual({ type: "order.query", orderId: "1" });
    fill("1", "a", 10);
    expect(desk.order("1")).toMatchObject({ cumulative: 10, unattributed: 0 });
    expect(desk.position("SPY").quantity).toBe(10);
    expect([...desk.liveOrders()]).toEqual([]);
  });

  it("sends a cancel only once the venue's id is known", () => {
    const { effects, intend, tell, statusOf } = createTold();
    intend("1");
    tell("order.approved", { orderId: "1", epoch: 1 });
    tell("order.cancel.requested", { orderId: "1" });
    expect(statusOf("1")).toBe("pendingCancel");
    expect(effects).not.toContainEqual({ type: "broker.cancel", orderId: "1" });
    tell("order.submitted", { orderId: "1", brokerOrderId: "B1" });
    expect(effects).toContainEqual({ type: "broker.cancel", orderId: "1" });
  });

  it("sends changes one after the other", () => {
    const { effects, work, tell } = createTold();
    const changes = () => effects.filter(({ type }) => type === "broker.replace");
    work("1");
    tell("order.replace.requested", { orderId: "1", quantity: 8 });
    tell("order.replace.requested", { orderId: "1", quantity: 6 });
    expect(changes()).toHaveLength(1);
    tell("order.replaced", { orderId: "1", quantity: 8 });
    expect(changes()).toEqual([
      { type: "broker.replace", orderId: "1", quantity: 8, limitPriceMinor: null },
      { type: "broker.replace", orderId: "1", quantity: 6, limitPriceMinor: null },
    ]);
  });

  it("makes what was in flight unknown when the connection is lost, and only that (O5)", () => {
    const { desk, effects, intend, tell, work, statusOf } = createTold();
    work("works");
    intend("flies");
    tell("order.approved", { orderId: "flies", epoch: 1 });
    intend("waits");
    tell("broker.disconnected", { broker: "b", reason: "gone" });
    expect(["works", "flies", "waits"].map(statusOf)).toEqual(["submitted", "unknown", "initialized"]);
    expect(effects).toContainEqual(expect.objectContaining({ type: "timer.set", id: "order.unknown:flies" }));
    expect(effects).toContainEqual({ type: "order.query", orderId: "flies" });
    expect(desk.trading()).toMatchObject({ open: false });
  });

  it("gives an unknown order to an operator when its deadline passes, and ends the alarm with the last one (O4)", () => {
    const { desk, effects, intend, tell } = createTold();
    for (const orderId of ["1", "2"]) {
      intend(orderId);
      tell("order.approved", { orderId, epoch: 1 });
      tell("order.submit.unknown", { orderId, reason: "time-out" });
      tell("timer.due", { id: `order.unknown:${orderId}`, dueAt: 1_000_000 });
    }
    expect(desk.order("1")).toMatchObject({ owner: "operator" });
    const reports = (kind: string) =>
      effects.filter((effect) => effect.type === "safety.report" && effect.kind === kind && effect.code === "FS042");
    expect(reports("failsafe")).toHaveLength(2);
    tell("order.resolved", { orderId: "1", outcome: "absent", operator: "kim", reason: "not at the venue" });
    expect(reports("cleared")).toHaveLength(0);
    tell("order.resolved", { orderId: "2", outcome: "bound", brokerOrderId: "B2", operator: "kim", reason: "seen" });
    expect(reports("cleared")).toHaveLength(1);
    expect(desk.counts()).toMatchObject({ denied: 1, submitted: 1 });
  });

  it("closes trading when a session begins: the process before may have been killed while it was open (O6)", () => {
    const { desk, tell } = createTold();
    tell("reconciliation.completed", { cause: "start", orders: 0, fills: 0, mismatches: 0 });
    expect(desk.trading().open).toBe(true);
    tell("session.started", { session: "0001", epoch: 2, recovered: true });
    expect(desk.trading()).toEqual({ open: false, why: "the broker has not been reconciled yet" });
  });

  it("opens trading when the broker has been reconciled, and closes it when it cannot be asked (O6)", () => {
    const { desk, tell } = createTold();
    expect(desk.trading()).toMatchObject({ open: false });
    tell("reconciliation.completed", { cause: "start", orders: 0, fills: 0, mismatches: 0 });
    expect(desk.trading()).toEqual({ open: true, why: "reconciled" });
    tell("reconciliation.started", { cause: "timer" });
    expect(desk.trading().open).toBe(true);
    tell("reconciliation.failed", { cause: "timer", reason: "down" });
    expect(desk.trading()).toEqual({ open: false, why: "reconciliation failed: down" });
  });

  it("knows what is open per symbol, and which submits are undecided", () => {
    const { desk, intend, work, fill, tell } = createTold();
    work("1");
    fill("1", "a", 4);
    intend("2", { quantity: 5, limitPriceMinor: 90 });
    intend("3", { side: "sell", quantity: 2 });
    intend("4", { orderType: "market", limitPriceMinor: undefined, quantity: 1 });
    expect(desk.openInterest("SPY")).toEqual({ buyLots: 12, sellLots: 2, buyLimitMinor: 1050, buyMarketLots: 1 });
    expect([...desk.undecided("SPY", "buy")]).toEqual(["2", "4"]);
    tell("order.denied", { orderId: "2", code: "X", reason: "r" });
    tell("order.denied", { orderId: "4", code: "X", reason: "r" });
    tell("order.denied", { orderId: "3", code: "X", reason: "r" });
    tell("order.canceled", { orderId: "1" });
    expect(desk.openInterest("SPY")).toEqual({ buyLots: 0, sellLots: 0, buyLimitMinor: 0, buyMarketLots: 0 });
    expect([...desk.undecided("SPY", "buy")]).toEqual([]);
    expect(desk.openCount()).toBe(0);
  });

  it("comes back from JSON as it was", () => {
    const { desk, intend, work, fill, tell } = createTold();
    work("1");
    fill("1", "a", 4);
    work("2");
    tell("order.canceled", { orderId: "2" });
    intend("3");
    tell("order.approved", { orderId: "3", epoch: 1 });
    tell("order.submit.unknown", { orderId: "3", reason: "r" });
    const again = new OrderDesk(deskInput, JSON.parse(JSON.stringify(desk.persist())));
    expect(again.persist()).toEqual(desk.persist());
    const both = [createTold(desk), createTold(again)];
    for (const each of both) {
      each.fill("1", "a", 4);
      each.fill("2", "late", 1);
      each.tell("order.accepted", { orderId: "3" });
    }
    expect(again.persist()).toEqual(desk.persist());
    expect([...again.undecided("SPY", "buy")]).toEqual([...desk.undecided("SPY", "buy")]);
    expect(again.openInterest("SPY")).toEqual(desk.openInterest("SPY"));
  });

  it("is an actor whose state survives, and whose effects are emitted", () => {
    const logic = createDeskLogic(deskInput);
    const emitted: OrderEffect[] = [];
    const actor = createActor(logic);
    actor.on("*", (effect) => emitted.push(effect));
    actor.start();
    actor.send({
      type: "order.intended",
      at: 1,
      orderId: "1",
      symbol: "SPY",
      side: "buy",
      orderType: "market",
      quantity: 1,
      strategy: "s",
    });
    actor.send({ type: "reconciliation.completed", at: 2, cause: "start", orders: 0, fills: 0, mismatches: 0 });
    expect(emitted).toEqual([{ type: "order.route", orderId: "1" }]);
    expect(actor.getSnapshot().value).toBe("open");
    const restored = createActor(logic, { snapshot: JSON.parse(JSON.stringify(actor.getPersistedSnapshot())) }).start();
    expect(restored.getSnapshot().desk.order("1")).toEqual(actor.getSnapshot().desk.order("1"));
    expect(restored.getSnapshot().value).toBe("open");
  });
});
