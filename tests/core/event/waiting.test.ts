/** The places that facts wait in are used again: nobody may see the next fact through the place of an earlier one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Fact } from "#core/event/catalog.ts";
import { createFactMaker } from "#core/event/fact-maker.ts";
import { createKinds } from "#core/event/kinds.ts";
import { type Kind, WaitingPlaces } from "#core/event/waiting.ts";
import { balanced, drainAll, fill, imbalance, lettersOf, metric, setUp, signal, tick, turn } from "./setup.ts";

const kindOf = (type: string): Kind => {
  const kind = createKinds().get(type);
  if (kind === undefined) throw new Error(`no kind ${type}`);
  return kind;
};

describe("a fact's record", () => {
  it("is of the fact that waits there now, and the same at every call (E2)", () => {
    const places = new WaitingPlaces(createFactMaker("run-", () => 10));
    const place = places.take(kindOf("order.filled"));
    place.fill({ ...fill(1), correlationId: "o1" }, kindOf("order.filled"), false, 5, 0);
    const first = place.fact;
    expect(place.fact).toBe(first);
    expect(first).toMatchObject({ id: "run-0000000000001", type: "order.filled", at: 5, correlationId: "o1", requiresAck: true });
    places.giveBack(place);
    const again = places.take(kindOf("market.trade.ticked"));
    expect(again).toBe(place);
    again.fill(tick("A", 2), kindOf("market.trade.ticked"), true, 6, 1);
    expect(again.fact).toEqual({
      ...{ id: "run-0000000000002", type: "market.trade.ticked", priority: "P1", at: 6, source: "test" },
      payload: tick("A", 2).payload,
    });
    expect(first).toMatchObject({ id: "run-0000000000001", payload: fill(1).payload });
  });
});

describe("a place", () => {
  /** Keeps every fact it is told, and handles some at once, some later, some never. */
  it("gives a fact's place to the next only after everybody is done with it, whatever becomes of it (E2)", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom("fill", "tick", "signal", "metric"), fc.nat(3)), { minLength: 20, maxLength: 200 }),
        async (offers) => {
          const { clock, dispatcher } = setUp(
            {
              handlers: { retries: 1, timeoutMs: 50 },
              lanes: { P1: { capacity: 5 }, P2: { capacity: 3 }, P3: { batchSize: 3 } },
            },
            { report: () => undefined },
          );
          const told: { readonly fact: Fact; readonly text: string }[] = [];
          const note = (fact: Fact): void => void told.push({ fact, text: JSON.stringify(fact) });
          dispatcher.handle(
            ["order.filled", "market.trade.ticked", "signal.generated"],
            (fact) => {
              note(fact);
              const kind = told.length % 4;
              if (kind === 0) throw new Error("no");
              if (kind === 1) return new Promise((resolve) => clock.setTimer(clock.now() + 20, () => resolve()));
              return kind === 2 ? new Promise(() => undefined) : undefined;
            },
            { name: "fickle" },
          );
          dispatcher.handleBatch("metric.recorded", (facts) => facts.forEach(note), { name: "in groups" });
          for (const [index, [type, pause]] of offers.entries()) {
            if (type === "fill") dispatcher.offer(fill(index));
            if (type === "tick") dispatcher.offer(tick(`S${index % 3}`, index));
            if (type === "signal") dispatcher.offer(signal(`S${index % 5}`, "s", index));
            if (type === "metric") dispatcher.offer(metric(index));
            if (pause === 0) drainAll(dispatcher);
            if (pause === 1) clock.wind(15);
            if (pause === 2) await turn();
          }
          for (let round = 0; round < 20; round += 1) {
            drainAll(dispatcher);
            clock.wind(1000);
            await turn();
          }
          // What anybody was told is what it was, although its place has had other facts since.
          for (const { fact, text } of told) expect(JSON.stringify(fact)).toBe(text);
          for (const { fact } of lettersOf(dispatcher)) expect(fact.id).toMatch(/^\d{13}$/);
          const ids = new Map(told.map(({ fact, text }) => [fact.id, text]));
          expect(new Set(ids.values()).size).toBe(ids.size);
          expect(imbalance(dispatcher)).toEqual(balanced);
          expect(Object.values(dispatcher.lanes()).every(({ depth, inProgress }) => depth === 0 && inProgress === 0)).toBe(true);
        },
      ),
      { numRuns: 40 },
    ));
});
