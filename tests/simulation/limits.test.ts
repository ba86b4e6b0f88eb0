import { describe, expect, it } from "vitest";
import type { Proposal, Strategy } from "#core/strategy/strategy.ts";
import type { OperatingState } from "#machines/facts/safety.ts";
import { createWorld, type World, type WorldOptions } from "../world.ts";

const price = 1_680_000;
const day = 86_400_000;

/** A market for two symbols and a strategy that proposes what the test tells it to. */
const marketWith = async (config: object = {}, options: WorldOptions = {}) => {
  const coming: Proposal[] = [];
  const strategy: Strategy = { name: "told", evaluate: () => coming.splice(0) };
  const world = await createWorld({ strategy, config, ...options });
  await world.tick(price, "SPY");
  await world.tick(price, "IBM");
  let lots = 10;
  /** What became of a wish: "sent" to the venue, or the code of the denial. */
  const propose = async (wish: Partial<Extract<Proposal, { type: "order" }>> = {}): Promise<string> => {
    // Never the same twice: the duplicate gate is somebody else's matter.
    lots += 1;
    const common = {
      type: "order",
      symbol: "SPY",
      side: "buy",
      orderType: "limit",
      quantity: lots,
      limitPriceMinor: price,
    } as const;
    coming.push({ ...common, signal: 1, reason: "told", ...wish });
    const before = world.venue.submits.length;
    await world.advance(1000);
    if (world.venue.submits.length > before) return "sent";
    const denied = world.facts().findLast(({ type }) => type === "order.denied");
    return (denied?.payload as { code: string } | undefined)?.code ?? "nothing";
  };
  return { world, propose };
};
const fillNewest = async (world: World): Promise<void> => {
  const newest = world.venue.submits.at(-1);
  if (newest !== undefined) world.venue.fill(newest.orderId, newest.quantity, price);
  await world.settle();
};
const pin = (world: World, state: OperatingState) =>
  world.answer({ command: "override.set", state, forMs: day, operator: "kim", reason: "test" });

describe("the operating state's limits on live intents, from a strategy's proposal to the venue (S19)", () => {
  it("the entry threshold: a signal just below it is denied, one at it leaves, and it moves with the state", async () => {
    const { world, propose } = await marketWith();
    expect(await propose({ signal: 0.69 })).toBe("SIGNAL_TOO_WEAK");
    expect(await propose({ signal: 0.7 })).toBe("sent");
    await pin(world, "AGGRESSIVE");
    expect(await propose({ signal: 0.59 })).toBe("SIGNAL_TOO_WEAK");
    expect(await propose({ signal: 0.6 })).toBe("sent");
  });

  it("new entries are closed in DEFENSIVE; an exit is not", async () => {
    const { world, propose } = await marketWith();
    expect(await propose({ quantity: 10 })).toBe("sent");
    await fillNewest(world);
    await pin(world, "DEFENSIVE");
    expect(await propose()).toBe("NEW_ENTRY_CLOSED");
    expect(await propose({ side: "sell", quantity: 10, signal: 0 })).toBe("sent");
  });

  it("FAIL closes new entries also after it is over: it left DEFENSIVE behind", async () => {
    const { world, propose } = await marketWith();
    await world.fact("failsafe.tripped", { code: "FS098", reason: "x" });
    await world.fact("failsafe.cleared", { code: "FS098", reason: "x" });
    expect(world.status().safety).toBe("NORMAL");
    expect(await propose()).toBe("NEW_ENTRY_CLOSED");
  });

  it("in FAIL a signal is made and never acted on, and it is out of date when FAIL is over (S5)", async () => {
    const { world, propose } = await marketWith();
    await pin(world, "AGGRESSIVE");
    await world.fact("failsafe.tripped", { code: "FS098", reason: "x" });
    expect(await propose()).toBe("nothing");
    expect(world.status().lanes.P2.depth).toBeGreaterThan(0);
    await world.advance(5000);
    await world.fact("failsafe.cleared", { code: "FS098", reason: "x" });
    await world.advance(1000);
    expect(world.venue.submits).toEqual([]);
    expect(world.status().orders.total).toBe(0);
  });

  it("the number of positions: another symbol is denied at the limit, more of a held one is not", async () => {
    const { world, propose } = await marketWith({ operating: { states: { BALANCED: { positionsMax: 1 } } } });
    expect(await propose()).toBe("sent");
    expect(await propose({ symbol: "IBM" })).toBe("POSITIONS_MAX");
    await fillNewest(world);
    expect(await propose({ symbol: "IBM" })).toBe("POSITIONS_MAX");
    expect(await propose()).toBe("sent");
  });

  it("entries a day: the limit counts over a kill, exits do not count, and the next day begins at none", async () => {
    const { world, propose } = await marketWith({
      operating: { states: { BALANCED: { dailyTradesMax: 2 } }, evaluationEveryMs: 1000 * day },
      archive: { silenceMsMax: 1000 * day },
    });
    expect(await propose({ quantity: 10 })).toBe("sent");
    await fillNewest(world);
    await world.restart();
    expect(await propose({ side: "sell", quantity: 5 })).toBe("sent");
    expect(await propose()).toBe("sent");
    expect(await propose()).toBe("DAILY_TRADES_MAX");
    await world.restart({ afterMs: day });
    await world.tick(price, "SPY");
    expect(await propose()).toBe("sent");
  });

  it("the risk multiplier scales what one order may be worth", async () => {
    const { world, propose } = await marketWith({
      risk: { orderValueMinorMax: 100 * price },
      operating: { states: { DEFENSIVE: { newEntry: true } } },
    });
    expect(await propose({ quantity: 101 })).toBe("ORDER_VALUE_MAX");
    expect(await propose({ quantity: 100 })).toBe("sent");
    await pin(world, "AGGRESSIVE");
    expect(await propose({ quantity: 121 })).toBe("ORDER_VALUE_MAX");
    expect(await propose({ quantity: 120 })).toBe("sent");
    await pin(world, "DEFENSIVE");
    expect(await propose({ quantity: 51 })).toBe("ORDER_VALUE_MAX");
    expect(await propose({ quantity: 50 })).toBe("sent");
  });

  it("the limits in force are those of the state after a kill, never bolder", async () => {
    const { world, propose } = await marketWith();
    await pin(world, "DEFENSIVE");
    await world.restart();
    await world.tick(price, "SPY");
    expect(await propose()).toBe("NEW_ENTRY_CLOSED");
    await world.answer({ command: "override.clear", operator: "kim", reason: "test" });
    expect(await propose()).toBe("NEW_ENTRY_CLOSED");
  });
});

it("three proposals of one symbol in one cycle are three intents, each with its fate: none vanishes on the way (E5, O8)", async () => {
  const levels = [1, 2, 3].map(
    (level): Proposal => ({
      ...{ type: "order", symbol: "SPY", side: "buy", orderType: "limit", signal: 0.9, reason: `level ${level}` },
      ...{ quantity: 10 * level, limitPriceMinor: price - 1000 * level },
    }),
  );
  const strategy: Strategy = { name: "levels", evaluate: () => levels.splice(0) };
  const world = await createWorld({ strategy });
  await world.tick(price);
  await world.advance(2000);
  const intents = world.facts().flatMap((fact) => (fact.type === "order.intended" ? [fact.payload] : []));
  expect(intents.map(({ quantity }) => quantity)).toEqual([10, 20, 30]);
  const decided = world
    .facts()
    .flatMap((fact) => (fact.type === "order.approved" || fact.type === "order.denied" ? [fact.payload.orderId] : []));
  expect(decided.toSorted()).toEqual(intents.map(({ orderId }) => orderId).toSorted());
});
