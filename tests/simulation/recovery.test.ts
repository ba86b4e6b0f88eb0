import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MemoryBroker } from "#adapters/memory/broker.ts";
import type { FactType, NewFact } from "#core/event/catalog.ts";
import { type OperatingState, raisesRisk } from "#machines/operating-state.policy.ts";
import { isTerminal, statusOf } from "#machines/order.rules.ts";
import { measuredAt, neutral, sunny } from "../core/state/posture-series.ts";
import { createWorld, type State, type World } from "../world.ts";

const price = 1_680_000;
const config = {
  execution: { intervalMs: 10_000 },
  archive: { silenceMsMax: 100_000_000 },
  operating: { evaluationEveryMs: 100_000_000 },
};

/** One thing that happens in a house; what it needs of the house it looks up. */
type Deed = { readonly name: string; readonly happen: (world: World) => Promise<void> | void };
type Fact = { readonly [T in FactType]: { readonly type: T; readonly payload: object } }[FactType];

const told = (name: string, fact: Fact): Deed => ({ name, happen: (world) => world.fact(fact.type, fact.payload as never) });
const openOrders = ({ venue }: World) => [...venue.book].filter(([, { leavesQuantity }]) => leavesQuantity > 0).map(([id]) => id);
const atVenue = (name: string, act: (venue: MemoryBroker, orderId: string) => void): Deed => ({
  name,
  happen: async (world) => {
    const [orderId] = openOrders(world);
    if (orderId !== undefined) act(world.venue, orderId);
    await world.settle();
  },
});
const safetyCause = { code: "FS098", reason: "property" };
const person = { operator: "kim", reason: "property" };

let wishes = 0;
const wish = (side: "buy" | "sell", quantity: number): NewFact => {
  wishes += 1;
  return {
    type: "order.intended",
    source: "test",
    payload: {
      orderId: `w-${wishes}`,
      symbol: wishes % 3 === 0 ? "IBM" : "SPY",
      side,
      orderType: "limit",
      quantity,
      limitPriceMinor: price + 100 * (wishes % 7),
      strategy: "operator",
    },
  };
};
const offered = (side: "buy" | "sell") =>
  fc.integer({ min: 1, max: 20 }).map(
    (quantity): Deed => ({
      name: `${side} ${quantity}`,
      happen: async (world) => {
        world.root().house.offer(wish(side, quantity));
        await world.settle();
      },
    }),
  );

/** What everybody is told of at once. */
const loud = fc.oneof(
  { weight: 3, arbitrary: offered("buy") },
  { weight: 2, arbitrary: offered("sell") },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Deed>(
      atVenue("a fill", (venue, orderId) => venue.fill(orderId, 1, price)),
      atVenue("the rest is filled", (venue, orderId) =>
        venue.fill(orderId, venue.book.get(orderId)?.leavesQuantity ?? 1, price - 300),
      ),
      atVenue("the venue cancels", (venue, orderId) => venue.end(orderId, "canceled")),
      {
        name: "a cancel is asked for",
        happen: async (world) => {
          const [orderId] = openOrders(world);
          if (orderId !== undefined) await world.fact("order.cancel.requested", { orderId });
        },
      },
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Deed>(
      told("anomaly", { type: "anomaly.raised", payload: { code: "AN060", reason: "property" } }),
      told("fail-safe", { type: "failsafe.tripped", payload: safetyCause }),
      told("cleared", { type: "failsafe.cleared", payload: safetyCause }),
      told("lockdown", { type: "operator.lockdown.requested", payload: { reason: "property" } }),
      told("release", { type: "operator.lockdown.released", payload: person }),
      told("unpin", { type: "operating.override.cleared", payload: person }),
      told("start", { type: "execution.start.requested", payload: { cause: "property" } }),
      told("stop", { type: "execution.stop.requested", payload: { cause: "property" } }),
      told("a part fails", { type: "component.failed", payload: { component: "feed", reason: "property" } }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom("AGGRESSIVE", "BALANCED", "DEFENSIVE").map(
      (state): Deed => ({
        name: `pin ${state}`,
        happen: (world) =>
          world.fact("operating.override.requested", {
            ...person,
            state: state as "BALANCED",
            expiresAt: world.now() + 7_200_000,
          }),
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<[string, object]>(["calm", neutral], ["storm", { ...neutral, vix: 35 }], ["sun", sunny]).map(
      ([weather, metrics]): Deed => ({
        name: weather,
        happen: (world) => world.fact("operating.metrics.measured", { metrics: measuredAt(metrics, world.now()) }),
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(300, 2000, 31_000, 700_000)
      .map((ms): Deed => ({ name: `${ms} ms`, happen: (world) => world.advance(ms) })),
  },
  {
    weight: 2,
    arbitrary: fc
      .integer({ min: -5, max: 5 })
      .map((step): Deed => ({ name: `tick ${step}`, happen: (world) => world.tick(price + 500 * step) })),
  },
);

/** What goes wrong between us and the venue. */
const trouble = fc.oneof(
  fc
    .constantFrom("reject", "loseRequest", "loseResponse", "notSent", "reportFirst", "throw")
    .map((script): Deed => ({ name: `the next submit: ${script}`, happen: ({ venue }) => venue.script(script) })),
  fc.constantFrom<Deed>(
    atVenue("a fill that nobody reports", (venue, orderId) => venue.fill(orderId, 1, price, { silent: true })),
    atVenue("it expires in silence", (venue, orderId) => venue.end(orderId, "expired", { silent: true })),
    {
      name: "the venue goes",
      happen: async (world) => {
        world.venue.setConnected(false);
        await world.settle();
      },
    },
    {
      name: "the venue comes",
      happen: async (world) => {
        world.venue.setConnected(true);
        await world.settle();
      },
    },
  ),
);
const deeds = fc.oneof({ weight: 4, arbitrary: loud }, { weight: 1, arbitrary: trouble });

/** The next process is never bolder than the one that was killed, also when a pin has run out meanwhile. */
const kill = async (world: World, afterMs = 0): Promise<void> => {
  const before = world.status().operating as OperatingState;
  await world.restart({ afterMs });
  const after = world.status().operating as OperatingState;
  if (raisesRisk(before, after)) throw new Error(`${before} became ${after} in a restart`);
};

/** How a life ends; what comes after begins with what was durable. */
const kills = fc.constantFrom<Deed>(
  { name: "a kill", happen: (world) => kill(world) },
  { name: "a kill, and an hour without a process", happen: (world) => kill(world, 3_600_000) },
  {
    name: "a kill after a snapshot",
    happen: async (world) => {
      await world.root().house.saveSnapshot();
      await kill(world);
    },
  },
  {
    name: "a kill in the middle of an order",
    happen: async (world) => {
      world.root().house.offer(wish("buy", 3));
      world.root().settle();
      await kill(world);
    },
  },
  {
    name: "a kill while the submit is on its way",
    happen: async (world) => {
      world.venue.script("hold");
      world.root().house.offer(wish("buy", 4));
      await world.settle();
      await kill(world);
    },
  },
);

/** Without the configuration, and what is measured anew by every process: the archive's counters, the next evaluation, the last VIX. */
const essence = ({ actors, deadlines: { "operating.evaluation": _evaluation, ...deadlines }, ledger }: State) => {
  const withoutPolicy = (key: string, value: unknown): unknown => (key === "policy" || key === "input" ? undefined : value);
  const { archive, ...parts } = JSON.parse(JSON.stringify(actors.children, withoutPolicy)) as Record<
    string,
    { snapshot: { value?: string } }
  >;
  return { parts, archive: archive?.snapshot.value, deadlines, ledger: { ...ledger, vix: null } };
};

const live = async (life: readonly Deed[]): Promise<World> => {
  wishes = 0;
  const world = await createWorld({ config });
  await world.tick(price, "SPY");
  await world.tick(price, "IBM");
  for (const { happen } of life) await happen(world);
  return world;
};
const printed = (life: readonly Deed[]): string => life.map(({ name }) => name).join(" › ");

describe("recovery", () => {
  const runs = { numRuns: 60, seed: 20131007 };

  it("comes to the very state that was lost, from a snapshot as from the journal alone, wherever the lives before ended", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 12, arbitrary: deeds }, { weight: 1, arbitrary: kills }), { minLength: 5, maxLength: 40 }),
        async (life) => {
          const world = await live(life);
          const lost = essence(await world.state());
          expect(essence(await world.rebuilt("journal")), printed(life)).toEqual(lost);
          expect(essence(await world.rebuilt("snapshot")), printed(life)).toEqual(lost);
        },
      ),
      runs,
    ));

  it("sends no order twice, keeps the venue's positions and raises no risk, wherever lives end (O5, O6, O7)", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 5, arbitrary: deeds }, { weight: 1, arbitrary: kills }), { minLength: 5, maxLength: 40 }),
        async (life) => {
          const world = await live(life);
          world.venue.setConnected(true);
          await world.restart();
          // Long enough for lists that lag, searches and repeated looks.
          await world.advance(400_000);
          const ids = world.venue.submits.map(({ orderId }) => orderId);
          expect(new Set(ids).size, printed(life)).toBe(ids.length);
          const account = await world.venue.account();
          const theirs = account.ok ? account.value.positions.map(({ symbol, quantity }) => [symbol, quantity]) : [];
          expect(world.status().positions, printed(life)).toEqual(Object.fromEntries(theirs));
          for (const [orderId, { status, cumulativeQuantity }] of world.venue.book) {
            const ours = world.root().house.actors().snapshotOf("orders").desk.order(orderId);
            expect([ours?.cumulative, orderId], printed(life)).toEqual([cumulativeQuantity, orderId]);
            expect(ours !== undefined && isTerminal(statusOf(ours)), `${orderId} ${status}: ${printed(life)}`).toBe(
              status !== "accepted" && status !== "partiallyFilled",
            );
          }
        },
      ),
      runs,
    ));

  it("a life with kills at quiet moments comes to the same posture, orders and positions as one without", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(loud, { minLength: 5, maxLength: 30 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 4 })),
        async (life, luck) => {
          const quiet: Deed = { name: "a kill", happen: (world) => kill(world) };
          const whole = await live(life);
          const killed = await live(life.flatMap((deed) => (luck.next().value === 0 ? [deed, quiet] : [deed])));
          const view = ({ status, actor }: World) => {
            const { safety, operating, orders, positions } = status();
            return {
              safety,
              operating,
              override: (actor("operating").context as { override: unknown }).override,
              orders,
              positions,
            };
          };
          expect(view(killed), printed(life)).toEqual(view(whole));
        },
      ),
      runs,
    ));
});
