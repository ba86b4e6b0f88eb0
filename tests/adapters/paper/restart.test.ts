import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readLedger } from "#adapters/paper/oracle.ts";
import { busyOptions, playBusySession } from "./busy-session.ts";
import { createExchangeWorld, createPaperWorld, paperConfig, scratch, type World, type WorldOptions } from "./world.ts";

const price = 1_680_000;
const book = async (world: World): Promise<unknown> => [
  await world.broker.orders(),
  await world.broker.executions(),
  await world.broker.account(),
];

describe("a venue that comes back", () => {
  it("has the same book, lets open orders work on, and knows the ids it has seen (O6)", async () => {
    const before = await createPaperWorld();
    await before.buy("filled", price, 5);
    await before.trade(price, 20);
    await before.buy("open", price, 30);
    await before.trade(price, 40);
    await before.sell("offered", price + 10_000, 2);
    await before.pass(100);
    const held = await book(before);
    await before.broker.close();

    const after = await createPaperWorld({ ledgerPath: before.ledgerPath, startAt: before.clock.now() });
    expect(await book(after)).toEqual(held);
    expect(await after.buy("open", price, 30)).toMatchObject({ error: { code: "order.duplicate" } });
    expect(await after.sell("too much", price, 14)).toMatchObject({ error: { code: "position.short" } });
    await after.trade(price, 400);
    await after.pass(100);
    expect(await after.broker.orders()).toMatchObject({ value: [{}, { status: "filled", cumulativeQuantity: 30 }, {}, {}] });
    expect(readLedger(before.ledgerPath).duplicateSubmits).toEqual(["open"]);
  });

  it("does not match a market trade twice when the feed brings it again (O6)", async () => {
    const before = await createPaperWorld({ config: paperConfig({ participationShare: 1 }) });
    await before.buy("open", price, 100);
    // Two of an earlier millisecond, two of one: the sequence decides where the time does not.
    const trades = [1, 2, 3, 4].map((sequence) => ({
      symbol: "SPY",
      priceMinor: price,
      quantity: 10,
      at: before.clock.now() + Math.min(sequence, 3),
      sequence,
    }));
    await before.pass(3);
    for (const trade of trades.slice(0, 3)) before.broker.onTrade(trade);
    await before.clock.released();
    await before.broker.close();

    const after = await createPaperWorld({ ledgerPath: before.ledgerPath, config: paperConfig({ participationShare: 1 }) });
    for (const trade of trades) after.broker.onTrade(trade);
    await after.clock.released();
    expect(readLedger(before.ledgerPath).fills).toHaveLength(4);
  });

  it("never goes back in time, although the replayed market starts a little earlier", async () => {
    const before = await createPaperWorld();
    await before.pass(60_000);
    await before.buy("first", price, 1);
    await before.broker.close();
    const after = await createPaperWorld({ ledgerPath: before.ledgerPath });
    await after.buy("second", price, 1);
    const times = readLedger(before.ledgerPath)
      .records.slice(1)
      .map(({ at }) => at);
    expect(times).toHaveLength(2);
    expect(times[1]).toBe(times[0]);
  });

  it("knows at every possible cut of its ledger a prefix of what it knew (O14)", async () => {
    const world = await createPaperWorld();
    await world.buy("a", price, 5);
    await world.trade(price, 12);
    await world.buy("b", price, 5);
    await world.trade(price, 40);
    await world.pass(100);
    await world.broker.close();
    const whole = readFileSync(world.ledgerPath);
    const full = readLedger(world.ledgerPath);
    const ledgerPath = join(scratch(), "cut.jsonl");
    for (let bytes = 0; bytes <= whole.length; bytes += 7) {
      writeFileSync(ledgerPath, whole);
      truncateSync(ledgerPath, bytes);
      const cut = await createPaperWorld({ ledgerPath });
      const known = readLedger(ledgerPath);
      expect(full.fills.slice(0, known.fills.length)).toEqual(known.fills);
      const account = await cut.broker.account();
      expect(account.ok && account.value.cashMinor).toBe(known.cashMinor);
      await cut.broker.close();
    }
  });
});

describe("the ledger of a session", () => {
  const ledgerOf = async (createWorld: (options: WorldOptions) => Promise<World>, seed: number): Promise<string> => {
    const world = await createWorld(busyOptions(seed));
    await playBusySession(world);
    await world.broker.endOfSession();
    await world.broker.close();
    return readFileSync(world.ledgerPath, "utf8");
  };

  it("is the same to the byte for the same seed, inside the process and behind a socket, and another one for another seed (O11)", async () => {
    const inside = await ledgerOf(createPaperWorld, 1);
    expect(inside.split("\n").length).toBeGreaterThan(300);
    expect(await ledgerOf(createPaperWorld, 1)).toBe(inside);
    expect(await ledgerOf(createExchangeWorld, 1)).toBe(inside);
    expect(await ledgerOf(createPaperWorld, 2)).not.toBe(inside);
  });
});
