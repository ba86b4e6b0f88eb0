import { afterEach, describe, expect, it } from "vitest";
import { createHttpServer } from "#adapters/host/page/http.ts";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { createJournalStorage, createMemoryJournal, type JournalStorage } from "#adapters/memory/journal.ts";
import { parseConfig } from "#config/config.ts";
import type { Clock, Journal } from "#core/ports.ts";
import { createHouse, type RecoveryProgress } from "#core/runtime/house.ts";
import { createSamples } from "#core/runtime/samples.ts";
import { createStatus, recoveringText } from "#core/runtime/status.ts";
import type { HouseView } from "#core/view.ts";
import { safetyMachine } from "#machines/safety.machine.ts";
import { inertParts } from "./inert-parts.ts";

const parsed = parseConfig();
if (!parsed.ok) throw new Error("the default configuration is broken");
const { config } = parsed;

/** A journal of so many anomalies. */
const journalOf = (facts: number): JournalStorage => {
  const storage = createJournalStorage();
  for (let seq = 1; seq <= facts; seq += 1) {
    const fact = {
      id: `f${seq}`,
      type: "anomaly.raised",
      priority: "P0",
      at: seq,
      source: "test",
      payload: { code: "AN060", reason: "slow" },
    };
    storage.records.push({ seq, at: seq, type: fact.type, body: JSON.stringify(fact) });
  }
  return storage;
};

/** A house in which every look at the clock takes this long, and every turn of the event loop is counted. */
const openHouse = (storage: JournalStorage, msPerLook: number, journal: Journal = createMemoryJournal({ storage })) => {
  const turns: (RecoveryProgress | undefined)[] = [];
  let elapsedMs = 0;
  const clock: Clock = {
    ...createSimulatedClock({ startAt: 0 }),
    monotonicMs: () => (elapsedMs += msPerLook),
    yieldToIo: async () => {
      turns.push(house.recovering());
      void house.settle();
    },
  };
  const house = createHouse({
    config: config.events,
    seed: 1,
    runPrefix: "run",
    snapshotEveryFacts: 1_000_000,
    version: "test",
    clock,
    journal,
    logics: { ...inertParts, safety: safetyMachine },
    input: { restart: config.supervision, ops: false, parts: { safety: config.safety } },
    handlers: new Proxy({}, { get: () => () => undefined }) as never,
    onJournalFailure: (error) => {
      throw new Error(JSON.stringify(error));
    },
    onSafetyChange: () => undefined,
    onLost: () => undefined,
  });
  return { house, clock, turns };
};

describe("a recovery", () => {
  it("lets the event loop have its turn whenever 10 ms have passed, and says how far it is", async () => {
    const { house, turns } = openHouse(journalOf(100), 1);
    expect(await house.recover()).toMatchObject({ ok: true, value: { replayed: 100, stopped: false } });
    expect(turns).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((fact) => ({ fact, of: 100 })).slice(0, turns.length));
    expect(turns.length).toBeGreaterThanOrEqual(9);
    expect(house.recovering()).toEqual({ fact: 100, of: 100 });
    house.open({ session: "0001", epoch: 1, recovered: true });
    expect(house.recovering()).toBeUndefined();
  });

  it("gives no turn away while it is quick", async () => {
    const { house, turns } = openHouse(journalOf(100), 0);
    await house.recover();
    expect(turns).toEqual([]);
  });

  it("takes no new fact between those of the journal", async () => {
    const storage = journalOf(100);
    const { house, turns } = openHouse(storage, 1);
    house.offer({ type: "anomaly.raised", payload: { code: "AN061", reason: "meanwhile" }, source: "test" });
    await house.recover();
    expect(turns.length).toBeGreaterThan(0);
    expect(house.recorder.seq()).toBe(100);
    house.open({ session: "0001", epoch: 1, recovered: true });
    await house.settle();
    expect(house.recorder.seq()).toBeGreaterThan(100);
  });

  it("ends where it is when somebody asks it to stop, and has written nothing", async () => {
    const storage = journalOf(100);
    const { house, turns } = openHouse(storage, 1);
    const recovered = await house.recover(() => turns.length === 3);
    expect(recovered).toMatchObject({ ok: true, value: { stopped: true } });
    expect(house.recovering()?.fact).toBeLessThan(100);
    expect(storage.records).toHaveLength(100);
    expect(storage.snapshots).toEqual([]);
  });

  it("that was asked to stop before it began, or in its last slice, is stopped as well", async () => {
    const { house } = openHouse(journalOf(3), 0);
    expect(await house.recover(() => true)).toMatchObject({ ok: true, value: { stopped: true } });
  });
});

describe("whoever asks during a recovery", () => {
  let close: (() => Promise<void>) | undefined;
  afterEach(() => close?.());

  it("is answered by /health, /status and /ready with the progress, before the snapshot is read and after", async () => {
    const storage = journalOf(878);
    const memory = createMemoryJournal({ storage });
    const gates = {
      snapshot: Promise.withResolvers<void>(),
      middle: Promise.withResolvers<void>(),
      reached: Promise.withResolvers<void>(),
    };
    const journal: Journal = {
      ...memory,
      lastSeq: memory.lastSeq,
      loadSnapshot: async () => {
        await gates.snapshot.promise;
        return memory.loadSnapshot();
      },
      read: async function* (afterSeq) {
        for await (const record of memory.read(afterSeq)) {
          yield record;
          if (record.seq !== 412) continue;
          gates.reached.resolve();
          await gates.middle.promise;
        }
      },
    };
    const { house, clock } = openHouse(storage, 10, journal);
    const desk = {
      counts: () => ({ filled: 7, canceled: 0, rejected: 0, denied: 0, expired: 0, unknown: 0 }),
      total: () => 7,
      openCount: () => 0,
      refusals: () => ({}),
      positions: () => [],
    };
    const view: HouseView = {
      now: () => clock.now(),
      instruments: [],
      instrument: () => undefined,
      desk: () => desk as never,
      safety: () => "NORMAL",
      safetyCause: () => undefined,
      safetyTrouble: () => null,
      killSwitch: () => null,
      killSwitchRemedy: () => "",
      operating: () => ({ state: "BALANCED" }) as never,
      evaluatedAt: () => null,
      session: () => "idle",
      mark: () => undefined,
      market: () => ({ firstAt: undefined, lastAt: undefined, ticks: 0, progress: null }),
      archive: () => ({ received: 0, persisted: 0, refused: 0, repeated: 0, errored: 0, pending: 0 }),
      stages: () => ({}),
      openSegments: () => [],
      maintenance: () => ({ backedUp: 0, verified: 0, deleted: 0, kept: 0 }),
      alertsLost: () => 0,
      signalsDropped: () => 0,
      health: () => [],
      samples: (spanMs, placesMax) => createSamples().series(spanMs, 0, placesMax),
      maintenanceRun: () => null,
      lastVerified: () => null,
      schedule: () => [],
      alertsTold: () => ({ recent: [], open: [], channels: {} }),
      gaps: () => ({ counts: { minor: 0, major: 0, critical: 0 }, recent: [] }),
      sources: () => ({}),
      trading: () => ({ open: true, why: "reconciled" }),
      restarts: () => ({}),
    };
    const { status } = createStatus({
      version: "test",
      session: "0001",
      home: { path: "/qts" },
      epoch: 2,
      clock,
      view,
      house,
      recovered: () => true,
      parts: [],
    });
    const server = createHttpServer({ host: "127.0.0.1", port: 0, status, metrics: async () => "" });
    close = () => server.close();
    const listening = await server.listen();
    if (!listening.ok) throw new Error(listening.error.sentence);
    const get = async (path: string): Promise<{ readonly code: number; readonly body: object }> => {
      const response = await fetch(`${listening.value.url}${path}`);
      return { code: response.status, body: (await response.json()) as object };
    };
    const recovering = house.recover();

    expect(await get("health")).toMatchObject({ code: 200, body: { status: "alive", recovering: { fact: 0, of: 878 } } });
    expect(await get("status")).toMatchObject({ code: 200, body: { safety: "recovering", orders: { total: 0 }, machines: {} } });

    gates.snapshot.resolve();
    await gates.reached.promise;
    expect(await get("health")).toMatchObject({ code: 200, body: { status: "alive", recovering: { fact: 412, of: 878 } } });
    expect(await get("status")).toMatchObject({
      code: 200,
      body: { safety: "recovering", operating: "recovering", orders: { total: 7 }, recovering: { fact: 412, of: 878 } },
    });
    expect(await get("ready")).toEqual({ code: 503, body: { ready: false, reasons: ["recovering: fact 412 of 878"] } });

    gates.middle.resolve();
    expect(await recovering).toMatchObject({ ok: true });
    house.open({ session: "0001", epoch: 2, recovered: true });
    expect(await get("status")).toMatchObject({ body: { safety: "NORMAL", operating: "BALANCED", recovering: null } });
    expect(await get("ready")).toMatchObject({ code: 200 });
    expect((await get("health")).body).not.toHaveProperty("recovering");
  });

  it("reads numbers as a person writes them", () => {
    expect(recoveringText({ fact: 412_000, of: 878_000 })).toBe("recovering: fact 412,000 of 878,000");
  });
});
