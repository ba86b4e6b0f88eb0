import { describe, expect, it } from "vitest";
import type { NewFact } from "#core/event/catalog.ts";
import type { PayloadFor } from "#machines/facts/catalog.ts";
import type { ReconciliationContext } from "#machines/reconciliation.machine.ts";
import type { SafetyContext } from "#machines/safety.machine.ts";
import { createWorld, type World } from "../world.ts";

const price = 1_680_000;
const quietMs = 600_000;

const causeOf = (world: World) => (world.actor("safety").context as SafetyContext).cause?.code;
const safetyOf = (world: World): string => `${world.status().safety} ${causeOf(world) ?? "untroubled"}`;
const order = (orderId: string, side: "buy" | "sell" = "buy", quantity = 10) => ({
  orderId,
  symbol: "SPY",
  side,
  orderType: "limit" as const,
  quantity,
  limitPriceMinor: price,
  strategy: "operator",
});
/** A market, a filled buy of ten, and a buy that rests. */
const trading = async (): Promise<World> => {
  const world = await createWorld();
  await world.tick(price);
  await world.fact("order.intended", order("filled"));
  world.venue.fill("filled", 10, price);
  await world.advance(2000);
  await world.tick(price);
  await world.fact("order.intended", order("resting"));
  return world;
};
const sent = (world: World): readonly string[] => world.venue.submits.map(({ orderId }) => orderId);

/** No order leaves any more; the one that rests can be canceled. */
const expectHalted = async (world: World): Promise<void> => {
  await world.advance(2000);
  await world.fact("order.intended", order("too late", "sell"));
  expect(sent(world)).not.toContain("too late");
  await world.fact("order.cancel.requested", { orderId: "resting" });
  expect(world.venue.book.get("resting")?.status).toBe("canceled");
};

describe("what goes wrong reaches safety as a fact", () => {
  it("not a report that comes twice: it is counted; but a known fill with other figures", async () => {
    const world = await trading();
    const came = world.facts().filter(({ type }) => type === "order.filled" || type === "order.accepted");
    expect(came.map(({ type }) => type)).toContain("order.filled");
    for (const { type, payload } of came) await world.fact(type, payload as never);
    expect(safetyOf(world)).toBe("NORMAL untroubled");
    expect(world.status().orderRefusals).toEqual({ duplicate: came.length });
    const fill = came.find(({ type }) => type === "order.filled")?.payload as PayloadFor<"order.filled">;
    await world.fact("order.filled", { ...fill, priceMinor: fill.priceMinor + 1 });
    expect(safetyOf(world)).toBe("WARNING AN020");
  });

  it("not figures that are old because the market is closed; the same when it has opened and nothing comes (S13)", async () => {
    const world = await createWorld({ config: { archive: { silenceMsMax: 1e9 }, execution: { intervalMs: 60_000 } } });
    const hour = 3_600_000;
    const told = (): readonly string[] =>
      world.facts().flatMap(({ type, payload }) => {
        const { code, reason } = payload as { readonly code?: string; readonly reason?: string };
        return type === "anomaly.raised" && code === "AN011" && reason?.includes("drawdown") ? [reason] : [];
      });
    // Monday, 15:55 in New York; from 16:00 to 9:30 on Tuesday the market is closed.
    await world.advance(Date.UTC(2013, 9, 7, 19, 55) - world.now());
    await world.tick(price);
    const opensAt = Date.UTC(2013, 9, 8, 13, 30);
    for (let at = Date.UTC(2013, 9, 7, 20, 30); at < opensAt; at += hour / 2) await world.advance(at - world.now());
    expect(told()).toEqual([]);
    for (let at = opensAt; at < opensAt + 3 * hour; at += hour / 2) await world.advance(at - world.now());
    expect(told()).toHaveLength(1);
  });

  it("a blocked event loop and a jump of the wall clock: WARNING, until it has been quiet for long enough", async () => {
    const world = await createWorld({ config: { archive: { silenceMsMax: 1e9 } } });
    world.oddity({ code: "AN060", reason: "the event loop was blocked for 1200 ms" });
    await world.settle();
    expect(safetyOf(world)).toBe("WARNING AN060");
    await world.advance(quietMs - 1000);
    world.oddity({ code: "AN061", reason: "the wall clock stepped by 5000 ms" });
    await world.settle();
    await world.advance(quietMs - 1);
    expect(safetyOf(world)).toBe("WARNING AN061");
    await world.advance(1);
    expect(safetyOf(world)).toBe("NORMAL untroubled");
  });

  it("not what a fresh home cannot know yet: it is told as that, and nothing is promoted by it (S13)", async () => {
    const world = await createWorld({ config: { archive: { silenceMsMax: 1e9 } } });
    await world.fact("market.vix.updated", { value: 14 });
    for (let minute = 0; minute < 150; minute += 10) {
      await world.tick(price);
      await world.advance(600_000);
    }
    expect(world.facts().filter(({ type }) => type === "operating.metrics.measured").length).toBeGreaterThan(1);
    expect(world.facts().filter(({ type }) => type === "anomaly.raised")).toEqual([]);
    expect(safetyOf(world)).toBe("NORMAL untroubled");
    const { body } = await world.answer({ command: "explain", subject: "operating" });
    expect(body.sentence).toContain("Not yet: cagr (an annual rate needs 90 days of marks, 0 so far), winRate (");
  });

  it("a feed that is silent while its market is open: WARNING, and the market closed is no silence", async () => {
    const world = await createWorld();
    await world.tick(price);
    await world.advance(19_999);
    expect(safetyOf(world)).toBe("NORMAL untroubled");
    await world.advance(1001);
    expect(safetyOf(world)).toBe("WARNING AN010");
    const evening = await createWorld({ startsAt: Date.UTC(2013, 9, 8, 3) });
    await evening.advance(120_000);
    expect(safetyOf(evening)).toBe("NORMAL untroubled");
  });

  it("a feed that stays silent: WARNING and one alert for as long as it is, and the end is told when data comes again (S3)", async () => {
    const world = await createWorld();
    const told = (): readonly string[] =>
      world.log.filter(({ fields }) => (fields as { code?: string }).code === "AN010").map(({ level }) => level);
    await world.tick(price);
    await world.advance(3 * quietMs);
    expect(safetyOf(world)).toBe("WARNING AN010");
    expect(told()).toEqual(["warn"]);
    for (let second = 0; second < 60; second += 1) {
      await world.tick(price);
      await world.advance(1000);
    }
    expect(told()).toEqual(["warn", "info"]);
    for (let minute = 0; minute < 60; minute += 1) {
      await world.tick(price);
      await world.advance(quietMs / 60);
    }
    expect(safetyOf(world)).toBe("NORMAL untroubled");
  });

  it("an archive that cannot write: WARNING and one alert for as long as that lasts, and the end is told when it can (S3)", async () => {
    const world = await createWorld();
    const told = (): readonly string[] =>
      world.log.filter(({ fields }) => (fields as { code?: string }).code === "AN070").map(({ level }) => level);
    const keepTicking = async (): Promise<void> => {
      for (let step = 0; step < 120; step += 1) {
        await world.tick(price);
        await world.advance(quietMs / 60);
      }
    };
    world.disk.fail({ code: "ENOSPC", reason: "disk full" });
    await keepTicking();
    expect([safetyOf(world), told()]).toEqual(["WARNING AN070", ["error"]]);
    world.disk.fail(undefined);
    await keepTicking();
    expect([safetyOf(world), told()]).toEqual(["NORMAL untroubled", ["error", "info"]]);
  });

  it.each([
    { error: { type: "journal.unavailable", reason: "the disk is full" }, code: "FS075", failure: "the disk is full" },
    {
      error: { type: "journal.stale.owner", expectedSeq: 3, actualSeq: 4 },
      code: "FS076",
      failure: "expected record 3, found 4",
    },
  ] as const)("a journal that refuses with $error.type: FAIL, and no order leaves", async ({ error, code, failure }) => {
    const world = await trading();
    world.journal().fail(error);
    await world.fact("anomaly.raised", { code: "AN060", reason: "the first fact that cannot be recorded" });
    expect(safetyOf(world)).toBe(`FAIL ${code}`);
    expect(world.status()).toMatchObject({ operating: "DEFENSIVE", journal: { failure } });
    await world.advance(2000);
    await world.fact("order.intended", order("too late", "sell"));
    expect(sent(world)).not.toContain("too late");
    // The next process finds nothing of what could not be recorded, and the venue as it is.
    await world.restart();
    expect(world.status()).toMatchObject({ safety: "NORMAL", positions: { SPY: 10 }, openOrders: 1 });
  });

  it("critical facts waiting outside a full P0 lane: FAIL, and every one of them is handled", async () => {
    const world = await trading();
    const { dispatcher } = world.root().house;
    const before = dispatcher.lanes().P0.handled;
    const waits = Array.from({ length: 150 }, (_, index) =>
      dispatcher.offerExternal({
        type: "feed.heard",
        payload: { feed: "x", silentMs: index, marketOpen: true },
        source: "flood",
      }),
    );
    // The first one was handled at once, a hundred fit.
    expect(waits.filter((wait) => wait !== "accepted")).toHaveLength(49);
    await world.settle();
    await Promise.all(waits);
    expect(safetyOf(world)).toBe("FAIL FS095");
    expect(dispatcher.lanes().P0.handled - before).toBeGreaterThanOrEqual(150);
    await expectHalted(world);
  });

  it("a handler of critical facts that fails for good: FAIL", async () => {
    const world = await trading();
    world.root().house.dispatcher.handle(
      "anomaly.raised",
      () => {
        throw new Error("no such file");
      },
      { name: "broken" },
    );
    await world.fact("anomaly.raised", { code: "AN060", reason: "x" });
    await world.advance(1000);
    expect(safetyOf(world)).toBe("FAIL FS098");
    await expectHalted(world);
  });

  it("positions that disagree with the venue's: FAIL, and trading stays closed (S3)", async () => {
    const world = await createWorld({ positions: { SPY: 5 } });
    // The start does not wait for ever, and trading stays closed.
    expect(world.status().trading.open).toBe(false);
    await world.advance(60_000);
    expect(safetyOf(world)).toBe("FAIL FS070");
  });

  it("more than was ordered, a mistake of the venue's: a person is told, the list is right, and so is what it takes back", async () => {
    const other = await trading();
    const { fillId } = other.venue.fill("filled", 5, price, { silent: true });
    await other.advance(400_000);
    expect(other.status()).toMatchObject({ positions: { SPY: 15 }, trading: { open: true } });
    expect(other.log.some(({ level, text }) => level === "error" && text.includes("15"))).toBe(true);
    other.venue.bust(fillId);
    await other.restart();
    // Its lists may lag behind at first: a bust that nobody reported is believed after a while.
    await other.advance(60_000);
    expect(other.status().positions).toEqual({ SPY: 10 });
  });

  it("positions that go on to disagree: the next process knows since when, and does not call the same one a second trip (S3)", async () => {
    const world = await createWorld({ positions: { SPY: 5 } });
    await world.advance(10_000);
    expect(safetyOf(world)).toBe("WARNING AN030");
    await world.restart({ afterMs: 5000 });
    expect(safetyOf(world)).toBe("FAIL FS070");
    await world.restart({ afterMs: 60_000 });
    await world.advance(60_000);
    expect(safetyOf(world)).toBe("FAIL FS070");
    expect(world.facts().filter(({ type }) => type === "failsafe.tripped")).toHaveLength(1);
  });

  it("an order that the venue never had: its absences are counted over a kill (O5)", async () => {
    const world = await trading();
    world.venue.script("loseRequest");
    await world.fact("order.intended", order("lost", "sell"));
    await world.advance(4000);
    const absences = () => (world.actor("reconciliation").context as ReconciliationContext).absences.lost?.count;
    const counted = absences();
    expect(counted).toBeGreaterThan(0);
    await world.restart();
    expect(absences()).toBe((counted ?? 0) + 1);
    await world.advance(60_000);
    expect(world.facts()).toContainEqual(
      expect.objectContaining({ payload: { orderId: "lost", found: false, status: "absent" } }),
    );
  });

  it("a broker that stays away beyond its grace: WARNING, then FAIL, and back when it returns", async () => {
    const world = await trading();
    world.venue.setConnected(false);
    await world.settle();
    expect(safetyOf(world)).toBe("WARNING AN051");
    await world.advance(30_000);
    expect(safetyOf(world)).toBe("FAIL FS040");
    world.venue.setConnected(true);
    await world.advance(5000);
    expect(world.status().safety).not.toBe("FAIL");
    expect(world.status().trading.open).toBe(true);
  });

  it("a reload reaches the sources too: the wait before a lost broker is connected again (E11)", async () => {
    const reconnects = async (reconnectMs: readonly [number, number]): Promise<number | undefined> => {
      const world = await createWorld();
      const { events, ...others } = world.config;
      world.root().reload({ ...others, events: { ...events, intake: { ...events.intake, reconnectMs } } });
      world.venue.setConnected(false);
      await world.settle();
      await world.advance(20);
      return world.status().sources.broker?.reconnects;
    };
    expect(await reconnects([1, 1])).toBe(1);
    expect(await reconnects([60_000, 60_000])).toBe(0);
  });

  it("a core part that cannot be kept alive: restarted five times with its state, then FAIL", async () => {
    const world = await trading();
    await world.answer({ command: "override.set", state: "DEFENSIVE", forMs: 86_400_000, operator: "kim", reason: "x" });
    for (let failure = 1; failure <= 5; failure += 1) {
      await breakOperating(world);
      await world.advance(3000);
      expect(world.status().machines.operating).toBe("BALANCED");
      expect(world.status().operating).toBe("DEFENSIVE");
      expect(world.status().safety).not.toBe("FAIL");
    }
    await breakOperating(world);
    expect(safetyOf(world)).toBe("FAIL FS110");
    expect(world.status().machines.supervisor).toBe("escalated");
    await expectHalted(world);
  });
});

/** A fact that the posture's machine cannot bear: as if a producer inside the house had a bug. */
const breakOperating = async (world: World): Promise<void> => {
  world
    .root()
    .house.offer({ type: "operating.override.requested", payload: { state: "BALANCED" }, source: "bug" } as unknown as NewFact);
  await world.settle();
};

describe("the trip path", () => {
  it("does no I/O before trading is halted: one synchronous turn, with a journal that never answers", async () => {
    const world = await trading();
    const { house, settle } = world.root();
    Object.assign(world.journal(), { append: () => new Promise(() => {}) });
    house.offer({ type: "order.intended", payload: order("approved", "sell"), source: "test" });
    house.offer({ type: "kill.switch.tripped", payload: { reason: "pulled" }, source: "test" });
    settle();
    expect(safetyOf(world)).toBe("LOCKDOWN FS121");
    expect(world.status().degradation).toBe("CRITICAL_ONLY");
    expect(world.status().trading.open).toBe(false);
    expect(world.status().machines.execution).toBe("suspended");
    expect(sent(world)).toEqual(["filled", "resting"]);
  });

  it("stops an order that was approved before and had not left yet (O5, O6, O7, S6)", async () => {
    const world = await trading();
    await world.advance(2000);
    const { house, settle } = world.root();
    house.offer({ type: "order.intended", payload: order("approved", "sell"), source: "test" });
    settle();
    // Approved, and waiting for its approval to be on disk.
    expect(house.effectsPending()).toBe(1);
    house.offer({ type: "emergency.stop.requested", payload: { reason: "now" }, source: "test" });
    settle();
    await world.settle();
    expect(sent(world)).toEqual(["filled", "resting"]);
    const denied = world.facts().find(({ type }) => type === "order.denied");
    expect(denied).toMatchObject({ payload: { orderId: "approved", code: "FENCED" } });
  });

  it.each([
    { collaborator: "the log and the alerts", fail: (world: World) => Object.assign(world.log, { push: broken }) },
    { collaborator: "the archive's disk", fail: (world: World) => world.disk.fail({ code: "EIO", reason: "broken" }) },
    { collaborator: "the venue", fail: (world: World) => world.venue.setRequests("lose") },
    {
      collaborator: "every handler of safety's facts",
      fail: (world: World) =>
        world.root().house.dispatcher.handle(["operator.lockdown.requested", "operating.changed"], broken, { name: "broken" }),
    },
    { collaborator: "the operating state's machine", fail: breakOperating },
    {
      collaborator: "the journal",
      fail: (world: World) => world.journal().fail({ type: "journal.unavailable", reason: "broken" }),
    },
  ])("halts trading though $collaborator fails", async ({ fail }) => {
    const world = await trading();
    await fail(world);
    world.root().house.offer({ type: "operator.lockdown.requested", payload: { reason: "stop" }, source: "test" });
    world.root().settle();
    expect(world.status().safety).toBe("LOCKDOWN");
    expect(world.status().degradation).toBe("CRITICAL_ONLY");
    await world.advance(2000);
    await world.fact("order.intended", order("too late", "sell"));
    expect(sent(world)).toEqual(["filled", "resting"]);
    expect(world.status().safety).toBe("LOCKDOWN");
  });

  it("is latched: time, calm metrics, a returning venue and restarts do not open it again", async () => {
    const world = await trading();
    await world.fact("failsafe.tripped", { code: "FS098", reason: "a handler gave up" });
    await world.advance(4 * 3_600_000);
    await world.restart({ afterMs: 5 * 86_400_000 });
    expect(safetyOf(world)).toBe("FAIL FS098");
    await world.fact("failsafe.tripped", { code: "FS095", reason: "and another" });
    expect(safetyOf(world)).toBe("LOCKDOWN FS095");
    for (const code of ["FS098", "FS095"]) await world.fact("failsafe.cleared", { code, reason: "repaired" });
    world.venue.setConnected(false);
    world.venue.setConnected(true);
    await world.restart({ afterMs: 30 * 86_400_000 });
    expect(safetyOf(world)).toBe("LOCKDOWN FS095");
    await world.fact("operator.lockdown.released", { operator: "kim", reason: "understood" });
    expect(safetyOf(world)).toBe("NORMAL untroubled");
  });
});

function broken(): never {
  throw new Error("broken");
}
