import { afterEach, describe, expect, it, vi } from "vitest";
import { OrderDesk } from "#core/orders/order-desk.ts";
import type { OperatingContext } from "#machines/operating-state.context.ts";
import type { SafetyContext } from "#machines/safety.machine.ts";
import { measuredAt, neutral, sunny } from "../core/state/posture-series.ts";
import { createWorld, type World } from "../world.ts";

const hour = 3_600_000;
const day = 24 * hour;
/** Nothing but the test evaluates, and a silent feed is nobody's business. */
const config = { operating: { evaluationEveryMs: 1000 * day }, archive: { silenceMsMax: 1000 * day } };
const kim = { operator: "kim", reason: "maintenance at the venue" };

const evaluate = (world: World, values: object = neutral): Promise<void> =>
  world.fact("operating.metrics.measured", { metrics: measuredAt(values, world.now()) });
const operating = (world: World) => world.actor("operating") as unknown as { value: string; context: OperatingContext };
const safety = (world: World) => world.actor("safety") as unknown as { value: string; context: SafetyContext };
const saved = (world: World) => world.root().house.saveSnapshot();

/** Twice: from the journal alone, and from a snapshot and the journal behind it. */
describe.each([
  { from: "the journal", snapshot: async (_world: World) => {} },
  { from: "a snapshot", snapshot: async (world: World) => void (await saved(world)) },
])("safety and posture survive a kill, recovered from $from", ({ snapshot }) => {
  it("LOCKDOWN with its cause, for days, until a named person ends it", async () => {
    const world = await createWorld({ config });
    await world.answer({ command: "lockdown", reason: "fat finger", operator: "lee" });
    await snapshot(world);
    const before = safety(world).context.cause;
    await world.restart({ afterMs: 3 * day });
    expect(world.status().safety).toBe("LOCKDOWN");
    expect(safety(world).context.cause).toEqual(before);
    expect(world.status().degradation).toBe("CRITICAL_ONLY");
    expect(world.status().machines.execution).toBe("suspended");
    await world.answer({ command: "release", ...kim });
    await world.restart();
    expect([world.status().safety, world.status().degradation]).toEqual(["NORMAL", "NORMAL"]);
  });

  it("FAIL with its cause, which still clears it; WARNING with its quiet period, also when that ended while nobody was there", async () => {
    const world = await createWorld({ config });
    await world.fact("failsafe.tripped", { code: "FS098", reason: "a handler gave up" });
    await snapshot(world);
    await world.restart({ afterMs: day });
    expect([world.status().safety, world.status().operating]).toEqual(["FAIL", "DEFENSIVE"]);
    await world.fact("failsafe.cleared", { code: "FS095", reason: "another one" });
    expect(world.status().safety).toBe("FAIL");
    await world.fact("failsafe.cleared", { code: "FS098", reason: "repaired" });
    expect(world.status().safety).toBe("NORMAL");

    await world.fact("anomaly.raised", { code: "AN060", reason: "blocked" });
    await snapshot(world);
    await world.restart({ afterMs: 9 * 60_000 });
    expect(world.status().safety).toBe("WARNING");
    await world.restart({ afterMs: 61_000 });
    expect(world.status().safety).toBe("NORMAL");
  });

  it("an override with who, why and until when; one that expired while the process was down ends at the start (S15)", async () => {
    const world = await createWorld({ config });
    await evaluate(world);
    await world.answer({ command: "override.set", state: "AGGRESSIVE", forMs: 3 * day, ...kim });
    expect(world.status().operating).toBe("AGGRESSIVE");
    const { override } = operating(world).context;
    await snapshot(world);
    await world.restart({ afterMs: 2 * day });
    expect(world.status().operating).toBe("AGGRESSIVE");
    expect(operating(world).context.override).toEqual(override);
    await world.restart({ afterMs: 2 * day });
    expect(operating(world).context.override).toBeNull();
    expect(world.status().operating).toBe("BALANCED");
    expect(operating(world).context.effective.rule).toBe("OVERRIDE_EXPIRED");
  });

  it("a pending confirmation goes on where it was: one hour before the kill and one after it are two", async () => {
    const world = await createWorld({ config });
    const storm = { ...neutral, vix: 35 };
    await evaluate(world, storm);
    await world.advance(hour);
    await evaluate(world, storm);
    const pending = operating(world).context.confirmations;
    expect(pending.B_TO_D).toMatchObject({ cycles: 2 });
    await snapshot(world);
    await world.restart({ afterMs: hour });
    expect(operating(world).context.confirmations).toEqual(pending);
    expect(world.status().operating).toBe("BALANCED");
    await evaluate(world, storm);
    expect(world.status().operating).toBe("DEFENSIVE");
  });

  it("hold and cooldown go on: a restart promotes nobody early", async () => {
    const world = await createWorld({ config });
    await world.fact("failsafe.tripped", { code: "FS098", reason: "x" });
    await world.fact("failsafe.cleared", { code: "FS098", reason: "x" });
    const { enteredAt, lastMoveAt } = operating(world).context;
    await snapshot(world);
    for (let days = 0; days < 4; days += 1) {
      await world.restart({ afterMs: day });
      await evaluate(world, sunny);
      expect(world.status().operating).toBe("DEFENSIVE");
    }
    expect(operating(world).context).toMatchObject({ enteredAt, lastMoveAt });
    await world.restart({ afterMs: day });
    await evaluate(world, sunny);
    expect(world.status().operating).toBe("BALANCED");
  });

  it("the history: every move of every life is in the journal, in order, with what decided", async () => {
    const world = await createWorld({ config });
    await evaluate(world);
    await world.answer({ command: "override.set", state: "AGGRESSIVE", forMs: day, ...kim });
    await snapshot(world);
    await world.restart({ afterMs: hour });
    await world.answer({ command: "override.clear", ...kim });
    await world.fact("failsafe.tripped", { code: "FS098", reason: "x" });
    await world.restart();
    const history = world.facts().flatMap((fact) => (fact.type === "operating.moved" ? [fact.payload.entry] : []));
    expect(history).toMatchObject([
      { from: "BALANCED", to: "AGGRESSIVE", rule: "OVERRIDE", operator: "kim", metrics: { vix: 22 } },
      { from: "AGGRESSIVE", to: "BALANCED", rule: "OVERRIDE_EXPIRED", operator: "kim" },
      { rule: "SAFETY_FAIL", to: "DEFENSIVE", clauses: ["safety=FAIL"] },
    ]);
  });
});

describe("the account's high-water mark and the time of the next evaluation", () => {
  it("survive a kill without a snapshot: a restart makes no drawdown smaller and no evaluation later (S21)", async () => {
    const world = await createWorld({
      config: { broker: { paper: { cashMinor: 600_000_000 } }, archive: { silenceMsMax: 1000 * day } },
    });
    const measured = () => world.facts().filter((fact) => fact.type === "operating.metrics.measured");
    await world.tick(1_680_000);
    await world.fact("order.intended", { ...buy("o-1"), quantity: 297 });
    world.venue.fill("o-1", 297, 1_680_000);
    await world.settle();
    await world.tick(1_840_000);
    await world.advance(hour);
    expect(measured()).toHaveLength(1);
    expect(world.storage.snapshots).toEqual([]);
    for (let kills = 0; kills < 3; kills += 1) {
      await world.restart();
      await world.advance(15 * 60_000);
    }
    await world.restart();
    await world.tick(1_680_000);
    await world.advance(15 * 60_000);
    expect(measured()).toHaveLength(2);
    const gained = 297 * 160_000;
    expect(measured()[1]?.payload.metrics).toMatchObject({
      drawdown: { value: expect.closeTo(gained / (600_000_000 + gained), 6) },
    });
  });
});

describe("a start that must not be", () => {
  const damaged = async (damage: (body: { actors: never; version: number }) => unknown): Promise<string> => {
    const world = await createWorld({ config });
    await world.answer({ command: "lockdown", reason: "x" });
    await saved(world);
    const snapshot = world.storage.snapshots.pop();
    if (snapshot === undefined) throw new Error("no snapshot");
    world.storage.snapshots.push({ ...snapshot, body: JSON.stringify(damage(JSON.parse(snapshot.body))) });
    const records = world.storage.records.length;
    const sentence = await world.restart().then(
      () => "it started",
      (error: Error) => error.message,
    );
    // The evidence is as it was.
    expect(world.storage.records).toHaveLength(records);
    return sentence;
  };
  const children = (body: { actors: never }) => (body.actors as { children: { [part: string]: { snapshot: object } } }).children;

  it.each([
    {
      what: "a posture that does not exist",
      damage: (body: never) => {
        Object.assign(children(body).operating?.snapshot ?? {}, { value: "BOLD" });
        return body;
      },
    },
    {
      what: "a part that is missing",
      damage: (body: never) => {
        delete children(body).safety;
        return body;
      },
    },
    {
      what: "orders that cannot be read",
      damage: (body: never) => {
        Object.assign(children(body).orders?.snapshot ?? {}, { desk: { live: 7 } });
        return body;
      },
    },
    { what: "no version", damage: (body: object) => ({ ...body, version: 0 }) },
    { what: "no state at all", damage: () => null },
  ])("a snapshot with $what: refused, with where, why and how to go on", async ({ damage }) => {
    const sentence = await damaged(damage as never);
    expect(sentence).toMatch(/^the journal in \/qts\/journal is damaged at record \d+: the state snapshot cannot be used: /);
    expect(sentence).toContain("copy that directory");
    expect(sentence).toContain("--new-session");
  });

  it("a record that is no fact, and one that the journal itself finds damaged", async () => {
    const world = await createWorld({ config });
    const last = world.storage.records.pop();
    if (last === undefined) throw new Error("no record");
    world.storage.records.push({ ...last, body: '{"type":' });
    await expect(world.restart()).rejects.toThrow(`is damaged at record ${last.seq}: SyntaxError`);
    world.storage.records[last.seq - 1] = { ...last, type: "order.dreamt" };
    await expect(world.restart()).rejects.toThrow(`record ${last.seq} holds order.dreamt, a fact that QTS test does not know`);
    world.storage.records[last.seq - 1] = last;
    await world.restart();
    expect(world.status().recovered).toBe(true);
  });
});

const buy = (orderId: string) => ({
  orderId,
  symbol: "SPY",
  side: "buy" as const,
  orderType: "limit" as const,
  quantity: 10,
  limitPriceMinor: 1_680_000,
  strategy: "operator",
});

describe("an order desk that meets a bug of ours", () => {
  const { handle } = OrderDesk.prototype;
  afterEach(() => vi.restoreAllMocks());
  const breakOnce = (): void => {
    vi.spyOn(OrderDesk.prototype, "handle").mockImplementationOnce(() => {
      throw new Error("a bug of ours");
    });
  };

  it("ends the session with a sentence and sends nothing more; the next start recovers from the journal", async () => {
    const world = await createWorld();
    await world.tick(1_680_000);
    await world.fact("order.intended", buy("before"));
    world.venue.fill("before", 4, 1_680_000);
    await world.settle();
    breakOnce();
    await world.fact("order.intended", buy("breaking"));
    const { failure } = await world.root().finished;
    expect(failure).toBe(
      "the session failed: the order desk stopped with an error: Error: a bug of ours; start it again to recover",
    );
    // What the venue tells meanwhile is kept for the next process.
    world.venue.fill("before", 6, 1_680_000);
    await world.fact("order.intended", buy("after"));
    expect(world.venue.submits.map(({ orderId }) => orderId)).toEqual(["before"]);

    await world.restart();
    expect(world.status()).toMatchObject({ recovered: true, safety: "NORMAL", positions: { SPY: 10 } });
    expect(world.status().orders).toMatchObject({ total: 3, filled: 1, denied: 2, open: 0 });
    expect(world.venue.submits).toHaveLength(1);
  });

  it("keeps no snapshot of what broke", async () => {
    const world = await createWorld({ config: { journal: { snapshotEveryFacts: 1 } } });
    breakOnce();
    await world.fact("order.intended", buy("breaking"));
    const kept = world.storage.snapshots.length;
    await world.fact("anomaly.raised", { code: "AN060", reason: "later" });
    await world.stop();
    expect(world.storage.snapshots).toHaveLength(kept);
    await world.restart();
    expect(world.status().orders.total).toBe(1);
  });

  it("refuses to start when the same record breaks it again, and names that record", async () => {
    const world = await createWorld();
    breakOnce();
    await world.fact("order.intended", buy("breaking"));
    const seq = world.facts().findIndex(({ type }) => type === "order.intended") + 1;
    vi.spyOn(OrderDesk.prototype, "handle").mockImplementation(function (this: OrderDesk, event, emit) {
      if (event.type === "order.intended") throw new Error("a bug of ours");
      return handle.call(this, event, emit);
    });
    await expect(world.restart()).rejects.toThrow(
      `the journal in /qts/journal is damaged at record ${seq}: record ${seq} of the journal (order.intended) breaks the order desk`,
    );
    vi.restoreAllMocks();
    await world.restart();
    expect(world.status().orders.total).toBe(1);
  });
});

describe("a part that broke right before the process died", () => {
  it("is restarted by the next process with the state it had", async () => {
    const world = await createWorld({ config });
    await world.answer({ command: "override.set", state: "DEFENSIVE", forMs: day, ...kim });
    // A fact that no machine can bear, journaled; the process dies before the part's failure is.
    world.root().house.offer({ type: "operating.override.requested", payload: { state: "BALANCED" }, source: "test" } as never);
    world.root().settle();
    const { house } = world.root();
    const seq = world.storage.records.length + 1;
    house.recorder.flush();
    await house.recorder.whenDurable(seq);
    world.storage.records.splice(seq);
    await world.restart();
    expect(world.status().machines.operating).toBe("down (error)");
    await world.advance(1000);
    expect(world.status().machines.operating).toBe("BALANCED");
    expect(world.status().operating).toBe("DEFENSIVE");
    expect(world.status().restarts.operating).toBe(1);
  });
});
