import { Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import type { NewFact } from "#core/event/catalog.ts";
import { createIntake, type SourceFigures } from "#core/event/intake.ts";
import { createReportIntake, fillToFact } from "#core/execution/broker-reports.ts";
import type { DeskView } from "#core/orders/order-desk.ts";
import type { BrokerReport } from "#core/ports.ts";
import { createHandClock, turn } from "../event/setup.ts";

const create = (known: Record<string, string> = {}) => {
  const facts: NewFact[] = [];
  let venue = new Subject<BrokerReport>();
  /** P0 takes so many more facts; those beyond wait, each until `letIn`. */
  let room = Number.POSITIVE_INFINITY;
  let isRefusing = false;
  const outside: (() => void)[] = [];
  const clock = createHandClock();
  const inlets = createIntake({
    config: { timeSliceMs: 1, reconnectMs: [1000, 15_000], heldMax: 1000 },
    clock,
    random: () => 0,
    offer: (fact) => {
      if (isRefusing) return "full";
      if (room > 0) {
        room -= 1;
        facts.push(fact);
        return "accepted";
      }
      return new Promise((resolve) => {
        outside.push(() => {
          facts.push(fact);
          resolve();
        });
      });
    },
  });
  const inlet = inlets.inlet("broker");
  const desk = { orderIdOf: (brokerOrderId: string) => known[brokerOrderId] } as unknown as DeskView;
  const intake = createReportIntake({
    broker: {
      name: "venue",
      reports: () => {
        venue = new Subject();
        return venue;
      },
    },
    inlet,
    offer: (fact) => facts.push(fact),
    desk: () => desk,
  });
  intake.open();
  return {
    intake,
    facts,
    clock,
    inlet,
    types: () => facts.map(({ type }) => type),
    tell: (report: BrokerReport) => venue.next(report),
    lose: (error: Error) => venue.error(error),
    figures: () => inlets.figures().broker as SourceFigures,
    isCalled: () => venue.observed,
    refuse: (isNow: boolean) => {
      isRefusing = isNow;
    },
    full: () => {
      room = 0;
    },
    letIn: async (more: number): Promise<void> => {
      for (let each = 0; each < more; each += 1) outside.shift()?.();
      await turn();
    },
  };
};
const execution = (fillId: string, over: object = {}) => ({
  ...{ fillId, brokerOrderId: "B1", symbol: "SPY", side: "buy" as const, quantity: 2, priceMinor: 100, feeMinor: 1, at: 5 },
  ...over,
});
const filled = (fillId: string, over: object = {}): BrokerReport => ({
  type: "filled",
  ...execution(fillId, over),
  leavesQuantity: 3,
});

describe("broker reports", () => {
  it("become facts about our order, found by client order id or by what the desk has bound", () => {
    const { tell, facts } = create({ B1: "mine" });
    tell(filled("f1"));
    tell(filled("f2", { clientOrderId: "named", leavesQuantity: 0 }));
    expect(facts).toEqual([
      {
        type: "order.partially.filled",
        payload: { orderId: "mine", fillId: "f1", quantity: 2, priceMinor: 100, feeMinor: 1, brokerOrderId: "B1" },
        source: "venue",
        correlationId: "mine",
      },
      expect.objectContaining({ type: "order.partially.filled", correlationId: "named" }),
    ]);
  });

  it("wait, in their order, until the response has named their order (kis.md §0.3)", () => {
    const { intake, tell, types } = create();
    tell({ type: "accepted", brokerOrderId: "B1", at: 1 });
    tell(filled("f1"));
    expect(types()).toEqual([]);
    expect(intake.waiting()).toBe(2);
    intake.bind("B1", "mine");
    expect(types()).toEqual(["order.accepted", "order.partially.filled"]);
    tell(filled("f2"));
    expect(types()).toHaveLength(3);
  });

  it("are given up beyond a bound, the oldest first", () => {
    const { intake, tell, facts, figures } = create();
    for (let n = 0; n < 1_005; n += 1) tell(filled(`f${n}`));
    expect([intake.waiting(), figures().refused]).toEqual([1_000, 5]);
    intake.bind("B1", "mine");
    expect(facts[0]).toMatchObject({ payload: { fillId: "f5" } });
  });

  it("and reconciliation never bring the same fill twice, whoever is first", () => {
    const { intake, tell, types } = create({ B1: "mine" });
    tell(filled("f1"));
    const found = (fillId: string): void =>
      void intake.offerFound(fillToFact(execution(fillId), "mine", false, "reconciliation"));
    found("f1");
    expect(types()).toHaveLength(1);
    expect(intake.isKnown("f2")).toBe(false);
    found("f2");
    found("f2");
    expect(intake.isKnown("f2")).toBe(true);
    tell(filled("f2"));
    expect(types()).toHaveLength(2);
    // A second report of the stream is the venue's own duplicate and goes on, to be refused.
    tell(filled("f2"));
    expect(types()).toHaveLength(3);
  });

  it("mark an answer that came before, word for word: the order could not tell it from the answer to its next request (O3)", () => {
    const { tell, facts, refuse } = create({ B1: "mine" });
    const rejected = { type: "cancelRejected", brokerOrderId: "B1", code: "c", reason: "r", at: 5 } as const;
    const marks = (): unknown[] => facts.map(({ payload }) => (payload as { isRepeat?: boolean }).isRepeat);
    tell(rejected);
    tell({ ...rejected });
    tell({ ...rejected, at: 6 });
    tell({ ...rejected, type: "replaceRejected" });
    expect(marks()).toEqual([undefined, true, undefined, undefined]);
    for (const answer of [
      { type: "canceled", brokerOrderId: "B1", at: 7 },
      { type: "expired", brokerOrderId: "B1", at: 7 },
      { type: "replaced", brokerOrderId: "B1", quantity: 3, at: 7 },
    ] as const) {
      facts.length = 0;
      tell(answer);
      tell(answer);
      expect(marks()).toEqual([undefined, true]);
    }
    // One that even the door refused has not come.
    facts.length = 0;
    refuse(true);
    tell({ ...rejected, at: 8 });
    refuse(false);
    tell({ ...rejected, at: 8 });
    expect(facts.at(-1)?.payload).not.toHaveProperty("isRepeat");
  });

  it("that even the door refused are not remembered: the question after the cut brings them; and the cut itself is told (E3)", () => {
    const { intake, facts, tell, refuse } = create({ B1: "mine" });
    refuse(true);
    tell(filled("f1"));
    expect(facts.map(({ type }) => type)).toEqual(["broker.disconnected"]);
    expect(intake.isKnown("f1")).toBe(false);
    const found = fillToFact(execution("f1"), "mine", false, "reconciliation");
    expect(intake.offerFound(found)).toBe("refused");
    expect(intake.isKnown("f1")).toBe(false);
    refuse(false);
    expect(intake.offerFound(found)).toBeUndefined();
    expect(facts.at(-1)).toMatchObject({ type: "order.partially.filled", payload: { fillId: "f1" } });
  });

  it("that were waiting for their order's name come in as P0 has room, in their order, and later ones of the order behind them", async () => {
    const { intake, inlet, tell, facts, full, letIn } = create();
    for (let n = 1; n <= 5; n += 1) tell(filled(`f${n}`));
    full();
    intake.bind("B1", "mine");
    // One at the door; the others stay where they were, and what comes now is held behind them.
    tell(filled("f6"));
    expect([facts.length, intake.waiting(), inlet.valve.isOpen]).toEqual([0, 4, false]);
    for (let each = 0; each < 6; each += 1) await letIn(1);
    expect(facts.map(({ payload }) => (payload as { fillId: string }).fillId)).toEqual(["f1", "f2", "f3", "f4", "f5", "f6"]);
    expect([intake.waiting(), inlet.valve.isOpen]).toEqual([0, true]);
  });

  it.each([
    [{ type: "rejected", code: "c", reason: "r" }, "order.rejected", { code: "c", reason: "r", brokerOrderId: "B1" }],
    [{ type: "canceled" }, "order.canceled", { brokerOrderId: "B1" }],
    [{ type: "expired" }, "order.expired", { brokerOrderId: "B1" }],
    [{ type: "cancelRejected", code: "c", reason: "r" }, "order.cancel.rejected", { code: "c", reason: "r" }],
    [
      { type: "replaced", quantity: 4, limitPriceMinor: 9 },
      "order.replaced",
      { quantity: 4, limitPriceMinor: 9, brokerOrderId: "B1" },
    ],
    [{ type: "replaceRejected", code: "c", reason: "r" }, "order.replace.rejected", { code: "c", reason: "r" }],
    [{ type: "busted", fillId: "f" }, "order.fill.busted", { fillId: "f" }],
    [
      { type: "corrected", fillId: "f", quantity: 1, priceMinor: 2 },
      "order.fill.corrected",
      { fillId: "f", quantity: 1, priceMinor: 2 },
    ],
  ] as const)("%o is %s", (report, type, payload) => {
    const { tell, facts } = create({ B1: "mine" });
    tell({ ...report, brokerOrderId: "B1", at: 1 } as BrokerReport);
    expect(facts).toEqual([{ type, payload: { orderId: "mine", ...payload }, source: "venue", correlationId: "mine" }]);
  });

  it("of the connection are facts, one for each new connection: reconciliation begins with them", () => {
    const { tell, lose, clock, types } = create();
    tell({ type: "connected", at: 1 });
    lose(new Error("gone"));
    clock.wind(1);
    tell({ type: "connected", at: 2 });
    expect(types()).toEqual(["broker.connected", "broker.disconnected", "broker.connected"]);
  });

  it("say once that the venue is away, however often it is tried in vain: its grace runs from the first moment", () => {
    const { tell, lose, clock, facts, types } = create();
    for (const reason of ["nobody there", "still nobody", "still nobody"]) {
      lose(new Error(reason));
      clock.wind(1);
    }
    expect(facts).toEqual([
      { type: "broker.disconnected", payload: { broker: "venue", reason: "nobody there" }, source: "venue" },
    ]);
    tell({ type: "connected", at: 1 });
    lose(new Error("gone again"));
    expect(types()).toEqual(["broker.disconnected", "broker.connected", "broker.disconnected"]);
  });

  it("are not asked for any more after closing", () => {
    const { intake, isCalled } = create();
    expect(isCalled()).toBe(true);
    intake.close();
    intake.close();
    expect(isCalled()).toBe(false);
  });
});
