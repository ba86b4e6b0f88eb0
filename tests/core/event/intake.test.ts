/** Where streams end: held back while P0 is full, opened again with full jitter, nothing without bound. */
import { NEVER, Observable, of, Subject, throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import type { NewFact } from "#core/event/catalog.ts";
import { createIntake, holdWhileClosed, type Intake, type IntakeOptions, type Source } from "#core/event/intake.ts";
import { createValve, pulled } from "#core/event/valve.ts";
import { ConnectionEnded } from "#core/ports.ts";
import { createRandom } from "#core/random.ts";
import { createHandClock, drainAll, eventsConfig, fill, type HandClock, setUp, tick, turn } from "./setup.ts";

/** A source of facts as they are. */
const attach = (intake: Intake, name: string, source: Omit<Source<NewFact>, "take">): (() => void) => {
  const inlet = intake.inlet(name);
  return inlet.attach({ ...source, take: inlet.offer });
};

const accepted = (): "accepted" => "accepted";

const intakeOf = (offer: IntakeOptions["offer"], more: Partial<IntakeOptions> = {}) =>
  createIntake({ config: eventsConfig().intake, clock: createHandClock(), random: createRandom(1), offer, ...more });

describe("a pulled source", () => {
  it("is asked for its next item only while P0 has room, so nothing piles up between source and lane", async () => {
    const { dispatcher, handled } = setUp();
    let asked = 0;
    const detach = attach(intakeOf(dispatcher.offerExternal), "endless fills", {
      open: (valve) =>
        pulled(async function* () {
          for (;;) {
            asked += 1;
            yield [fill(asked)];
          }
        }, valve),
    });
    for (let round = 0; round < 1000; round += 1) await turn();
    // 100 in the lane and one at the door.
    expect(asked).toBe(101);
    expect(dispatcher.lanes().P0.depth).toBe(101);
    drainAll(dispatcher);
    for (let round = 0; round < 300; round += 1) await turn();
    expect(handled.filter((mark) => mark.startsWith("order"))).toHaveLength(101);
    expect(asked).toBe(202);
    detach();
  });

  it("that is silent is told that it was left: a group that never comes would keep it open for ever", async () => {
    let isClosed = false;
    const detach = attach(intakeOf(accepted), "silent", {
      open: (valve) =>
        pulled(async function* (left) {
          try {
            await left;
            yield [fill(1)];
          } finally {
            isClosed = true;
          }
        }, valve),
    });
    await turn();
    detach();
    await turn();
    expect(isClosed).toBe(true);
  });

  it("stops in the middle of a group that one read brought, and goes on there in order", async () => {
    const { dispatcher, handled } = setUp({ lanes: { P0: { capacity: 4, warningDepth: 3, criticalDepth: 4 } } });
    const groups = [
      [1, 2, 3],
      [4, 5, 6, 7, 8, 9],
    ];
    const intake = intakeOf(dispatcher.offerExternal);
    attach(intake, "chunks", {
      open: (valve) =>
        pulled(async function* () {
          for (const group of groups) yield group.map(fill);
        }, valve),
    });
    await turn();
    expect(dispatcher.lanes().P0.accepted).toBe(5);
    expect(intake.figures().chunks).toMatchObject({ received: 5, paused: true });
    for (let round = 0; round < 5; round += 1) {
      drainAll(dispatcher);
      await turn();
    }
    expect(handled.filter((mark) => mark.startsWith("order"))).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9].map((mark) => `order.filled:f${mark}`),
    );
    expect(intake.figures().chunks).toMatchObject({ received: 9, paused: false });
  });

  it("does not take a large group in one go: other sources and the lanes have their turn after each time slice", async () => {
    let ms = 0;
    const clock = { ...createHandClock(), monotonicMs: () => ms };
    const order: string[] = [];
    const intake = intakeOf(
      (newFact) => {
        ms += 0.25;
        order.push(newFact.type);
        return "accepted";
      },
      { clock },
    );
    const read = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    attach(intake, "market", {
      open: (valve) =>
        pulled(async function* () {
          yield Array.from({ length: 1000 }, (_, mark) => tick("A", mark));
        }, valve),
    });
    attach(intake, "broker", {
      open: (valve) =>
        pulled(async function* () {
          await read();
          yield [fill(1)];
        }, valve),
    });
    while (order.length < 1001) await turn();
    expect(order.indexOf("order.filled")).toBeLessThanOrEqual(12);
  });

  it("is closed when nobody wants it any more", async () => {
    let closed = 0;
    const detach = attach(intakeOf(accepted), "s", {
      open: (valve) =>
        pulled(async function* () {
          try {
            for (let mark = 0; ; mark += 1) {
              yield [fill(mark)];
              await turn();
            }
          } finally {
            closed += 1;
          }
        }, valve),
    });
    await turn();
    detach();
    for (let round = 0; round < 5; round += 1) await turn();
    expect(closed).toBe(1);
  });
});

describe("a source that is pushed", () => {
  const flood = (changes: object = {}) => {
    const fills = new Subject<NewFact>();
    const lost: string[] = [];
    const { dispatcher, handled } = setUp({ lanes: { P0: { capacity: 10, warningDepth: 4, criticalDepth: 8 } }, ...changes });
    const { offerExternal: offer, whenCalm } = dispatcher;
    const intake = intakeOf(offer, { whenCalm, config: eventsConfig(changes).intake });
    attach(intake, "broker", { open: () => fills, lost: (reason) => lost.push(reason) });
    return { fills, lost, dispatcher, intake, fillsHandled: () => handled.filter((mark) => mark.startsWith("order")) };
  };
  const marks = (count: number): string[] => Array.from({ length: count }, (_, index) => `order.filled:f${index + 1}`);

  it("is told to wait at P0's warning mark, so that a burst neither fills the lane nor raises an alarm (E3, E6)", async () => {
    const { fills, dispatcher, intake, fillsHandled } = flood();
    for (let mark = 1; mark <= 100; mark += 1) fills.next(fill(mark));
    // What one read had brought is held before the lane, in its order.
    expect(dispatcher.lanes().P0).toMatchObject({ depth: 4, pressure: "warning" });
    expect(intake.figures().broker).toMatchObject({ received: 4, refused: 0, paused: true });
    let deepest = 0;
    for (let round = 0; round < 50; round += 1) {
      drainAll(dispatcher);
      await turn();
      deepest = Math.max(deepest, dispatcher.lanes().P0.depth);
    }
    expect(fillsHandled()).toEqual(marks(100));
    expect(deepest).toBeLessThanOrEqual(4);
    expect(intake.figures().broker).toMatchObject({ received: 100, paused: false });
    expect(dispatcher.types()["failsafe.tripped"]).toBeUndefined();
    expect(dispatcher.types()["anomaly.raised"]).toBeUndefined();
  });

  it("is cut off when it goes on all the same: what it said is still handled, and a new connection begins with a question (E3, E6)", async () => {
    const { fills, lost, dispatcher, intake, fillsHandled } = flood({ intake: { heldMax: 20 } });
    for (let mark = 1; mark <= 100; mark += 1) fills.next(fill(mark));
    expect(lost).toEqual(["it was asked to wait and went on; 20 items are held already"]);
    expect(fills.observed).toBe(false);
    expect(intake.figures().broker).toMatchObject({ received: 4, reconnects: 0 });
    drainAll(dispatcher);
    await turn();
    expect(fillsHandled()).toEqual(marks(4));
  });

  it("keeps a loss in its place: the reports before it come in before it is told", async () => {
    const { fills, lost, dispatcher, fillsHandled } = flood();
    for (let mark = 1; mark <= 10; mark += 1) fills.next(fill(mark));
    fills.error(new Error("reset"));
    expect(lost).toEqual([]);
    for (let round = 0; round < 10; round += 1) {
      drainAll(dispatcher);
      await turn();
    }
    expect(fillsHandled()).toEqual(marks(10));
    expect(lost).toEqual(["reset"]);
  });
});

it("cuts a source off when even the door is full: what it says would be lost unseen", () => {
  const fills = new Subject<NewFact>();
  const lost: string[] = [];
  const { dispatcher } = setUp({ lanes: { P0: { capacity: 2, warningDepth: 1, criticalDepth: 2, waitingOutsideMax: 1 } } });
  for (let mark = 1; mark <= 3; mark += 1) dispatcher.offerExternal(fill(mark));
  const intake = intakeOf(dispatcher.offerExternal);
  attach(intake, "broker", { open: () => fills, lost: (reason) => lost.push(reason) });
  fills.next(fill(4));
  expect(lost).toEqual(["P0 and its door are full: order.filled was refused"]);
  expect(intake.figures().broker).toMatchObject({ received: 1, refused: 1, reconnects: 0 });
  expect(dispatcher.refused()).toEqual({ "order.filled": 1 });
});

it("leaves market data alone while P0 is busy: it is recorded all the same (E3, E6)", () => {
  const { dispatcher } = setUp({ lanes: { P0: { capacity: 10, warningDepth: 2, criticalDepth: 8 } } });
  const { offerExternal, whenCalm } = dispatcher;
  const feed = intakeOf(offerExternal, { whenCalm }).inlet("feed");
  for (let mark = 1; mark <= 5; mark += 1) dispatcher.offer(fill(mark));
  expect(whenCalm()).toBeInstanceOf(Promise);
  expect(feed.offer(tick("A", 1))).toBeUndefined();
  expect(feed.valve.isOpen).toBe(true);
});

describe("a house that stops", () => {
  it("closes every valve: what sources have to say stays with them (E3, E9)", async () => {
    let asked = 0;
    const intake = intakeOf(accepted);
    attach(intake, "feed", {
      open: (valve) =>
        pulled(async function* () {
          for (;;) {
            asked += 1;
            yield [tick("A", asked)];
            await turn();
          }
        }, valve),
    });
    for (let round = 0; round < 5; round += 1) await turn();
    intake.stop();
    const before = asked;
    for (let round = 0; round < 20; round += 1) await turn();
    expect(before).toBeGreaterThan(1);
    expect(asked - before).toBeLessThanOrEqual(1);
  });
});

describe("reconnecting", () => {
  const openings = (...them: readonly ((clock: HandClock) => Observable<NewFact>)[]) => {
    const clock = createHandClock();
    const lost: [string, number | undefined][] = [];
    const offered: NewFact[] = [];
    let opened = 0;
    const intake = intakeOf(
      (newFact) => {
        offered.push(newFact);
        return "accepted";
      },
      { clock, random: () => 1 - Number.EPSILON },
    );
    attach(intake, "broker", {
      open: () => {
        opened += 1;
        return (them[opened - 1] ?? (() => NEVER))(clock);
      },
      lost: (reason, waitMs) => lost.push([reason, waitMs]),
    });
    return { clock, lost, offered, intake, opened: () => opened };
  };
  const refuses = () => throwError(() => new Error("refused"));
  /** Breaks after so long, and delivers `first` before. */
  const breaksAfter = (ms: number, reason: string, first: readonly NewFact[]) => (clock: HandClock) =>
    new Observable<NewFact>((subscriber) => {
      for (const newFact of first) subscriber.next(newFact);
      return clock.setTimer(clock.now() + ms, () => subscriber.error(new Error(reason)));
    });
  const holds = (ms: number) => breaksAfter(ms, "reset", [tick("A", 1)]);

  it("waits for a random part of a wait that doubles up to its cap, and counts anew after a connection that held (E3, E6)", () => {
    const rig = openings(refuses, refuses, refuses, refuses, refuses, refuses, holds(15_001), refuses, holds(10), refuses);
    rig.clock.wind(600_000);
    expect(rig.lost).toEqual([
      ["refused", 1000],
      ["refused", 2000],
      ["refused", 4000],
      ["refused", 8000],
      ["refused", 15_000],
      ["refused", 15_000],
      ["reset", 1000],
      ["refused", 2000],
      // It only connected and dropped: that is no recovery.
      ["reset", 4000],
      ["refused", 8000],
    ]);
    expect(rig.opened()).toBe(11);
    expect(rig.offered).toHaveLength(2);
    expect(rig.intake.figures().broker).toMatchObject({ received: 2, reconnects: 10 });
  });

  it("backs off also when each try takes longer than the longest wait: a connection that says nothing was none (E3, E6)", () => {
    const timesOut = breaksAfter(20_000, "no answer", []);
    const rig = openings(refuses, timesOut, timesOut);
    rig.clock.wind(70_000);
    expect(rig.lost).toEqual([
      ["refused", 1000],
      ["no answer", 2000],
      ["no answer", 4000],
    ]);
  });

  it("counts every connection after the first, also of a source that somebody else opens again", () => {
    const intake = intakeOf(accepted);
    const inlet = intake.inlet("feed");
    for (let attempt = 0; attempt < 3; attempt += 1) inlet.attach({ open: refuses, take: () => undefined, reopens: false });
    expect(intake.figures().feed).toMatchObject({ reconnects: 2 });
  });

  it("is replayable from its seed, and different for another", () => {
    const waits = (seed: number): unknown[] => {
      const clock = createHandClock();
      const lost: unknown[] = [];
      const intake = intakeOf(accepted, { clock, random: createRandom(seed) });
      attach(intake, "broker", { open: refuses, lost: (_, waitMs) => lost.push(waitMs) });
      clock.wind(60_000);
      return lost;
    };
    expect(waits(3)).toEqual(waits(3));
    expect(waits(3)).not.toEqual(waits(4));
  });

  it("does not open again what must not be: somebody newer has taken the place", () => {
    const rig = openings(() => throwError(() => new ConnectionEnded("taken")), refuses);
    rig.clock.wind(600_000);
    expect(rig.lost).toEqual([["taken", undefined]]);
    expect(rig.opened()).toBe(1);
  });

  it("leaves it to whoever attached the source, where that is their decision", () => {
    const clock = createHandClock();
    const lost: unknown[] = [];
    attach(intakeOf(accepted, { clock }), "feed", { open: refuses, reopens: false, lost: (...told) => lost.push(told) });
    clock.wind(600_000);
    expect(lost).toEqual([["refused", undefined]]);
  });

  it("lets a replay end", () => {
    const told: string[] = [];
    attach(intakeOf(accepted), "day", {
      open: () => of(tick("A", 1)),
      lost: (reason) => told.push(reason),
      ended: () => told.push("ended"),
    });
    expect(told).toEqual(["ended"]);
  });
});

describe("a source that cannot be paused", () => {
  const push = (keysMax = 10) => {
    const { valve, closeUntil } = createValve({ clock: createHandClock(), timeSliceMs: 1 });
    const items = new Subject<[string, number]>();
    const out: [string, number][] = [];
    const left: [string, number][] = [];
    let isComplete = false;
    items
      .pipe(holdWhileClosed<[string, number]>({ valve, max: keysMax, keyOf: ([key]) => key, left: (item) => left.push(item) }))
      .subscribe({ next: (item) => out.push(item), complete: () => (isComplete = true) });
    const close = (): (() => void) => {
      let open: () => void = () => undefined;
      closeUntil(new Promise<void>((resolve) => (open = resolve)));
      return open;
    };
    return { items, out, left, close, isComplete: () => isComplete };
  };

  it("passes everything while the valve is open and keeps one value per key while it is closed", async () => {
    const { items, out, left, close } = push();
    items.next(["a", 1]);
    const open = close();
    for (let mark = 2; mark <= 1000; mark += 1) items.next([mark % 2 ? "a" : "b", mark]);
    expect(out).toEqual([["a", 1]]);
    open();
    await turn();
    expect(out.slice(1)).toEqual([
      ["b", 1000],
      ["a", 999],
    ]);
    expect(out.length + left.length).toBe(1000);
  });

  it("holds a bounded number of keys", async () => {
    const { items, out, left, close } = push(3);
    const open = close();
    for (let mark = 0; mark < 100; mark += 1) items.next([`k${mark}`, mark]);
    open();
    await turn();
    expect(out.map(([, mark]) => mark)).toEqual([97, 98, 99]);
    expect(left).toHaveLength(97);
  });

  it("ends only after it has handed over what it held", async () => {
    const { items, out, close, isComplete } = push();
    const open = close();
    items.next(["a", 1]);
    items.complete();
    expect(isComplete()).toBe(false);
    open();
    await turn();
    expect(out).toEqual([["a", 1]]);
    expect(isComplete()).toBe(true);
  });
});

it("keeps what a source that cannot wait says last of each key, and counts what gave way (E3, E6)", async () => {
  const { dispatcher, handled } = setUp({ lanes: { P0: { capacity: 2, warningDepth: 1, criticalDepth: 2 } } });
  const intake = intakeOf(dispatcher.offerExternal);
  const oddities = new Subject<NewFact>();
  attach(intake, "process", { open: () => oddities, conflateBy: ({ payload }) => (payload as { code: string }).code });
  const odd = (code: string, reason: string): NewFact => ({
    type: "anomaly.raised",
    source: "process",
    payload: { code, reason },
  });
  for (let second = 1; second <= 60; second += 1) oddities.next(odd(second % 2 === 0 ? "AN060" : "AN061", `${second} s`));
  // Two in the lane, one at the door; of the 57 others one of each code.
  expect(intake.figures().process).toMatchObject({ received: 3, conflated: 55, refused: 0, paused: true });
  drainAll(dispatcher);
  await turn();
  drainAll(dispatcher);
  expect(handled.filter((mark) => mark.startsWith("anomaly") && !mark.includes("AN062"))).toHaveLength(5);
  expect(intake.figures().process).toMatchObject({ received: 5, paused: false });
});

describe("sixty seconds at ten times what the handlers can do", () => {
  it("keeps every buffer between source and lane within its capacity, and accounts for every tick", async () => {
    // Virtual seconds: 1,000 facts per second are handled, 10,000 ticks and 10 fills per second are offered.
    const { dispatcher } = setUp({ timeSliceMs: 1 }, { report: () => undefined });
    const held = { lane: 0, door: 0, source: 0 };
    let produced = 0;
    let sourceAt = 0;
    let wake: () => void = () => undefined;
    const intake = intakeOf(dispatcher.offerExternal);
    attach(intake, "fills", {
      // What the source has and nobody took yet stays at the peer; `produced - sourceAt` is the peer's own backlog.
      open: (valve) =>
        pulled(async function* () {
          for (;;) {
            while (sourceAt === produced)
              await new Promise<void>((resolve) => {
                wake = resolve;
              });
            sourceAt += 1;
            yield [fill(sourceAt)];
          }
        }, valve),
    });
    const ticks = new Subject<NewFact>();
    attach(intake, "ticks", { open: () => ticks });
    let offeredTicks = 0;
    for (let second = 0; second < 60; second += 1) {
      for (let index = 0; index < 10_000; index += 1) {
        offeredTicks += 1;
        ticks.next(tick(`S${index % 50}`, offeredTicks));
      }
      produced += 10;
      wake();
      await turn();
      handleAtMost(dispatcher, 1000);
      const { P0, P1 } = dispatcher.lanes();
      held.lane = Math.max(held.lane, P1.depth);
      held.door = Math.max(held.door, P0.depth);
      held.source = Math.max(held.source, produced - sourceAt);
    }
    const { P0, P1 } = dispatcher.lanes();
    expect(held.lane).toBeLessThanOrEqual(10_000);
    expect(held.door).toBeLessThanOrEqual(101);
    expect(held.source).toBeLessThanOrEqual(10);
    expect(P1.accepted).toBe(600_000);
    expect(P1.handled + P1.dropped + P1.depth).toBe(600_000);
    expect(P0).toMatchObject({ accepted: 600, handled: 600, dropped: 0 });
  });
});

/** One drain handles what fits its slice; the hand clock stands still, so the slice is cut by counting. */
const handleAtMost = (dispatcher: ReturnType<typeof setUp>["dispatcher"], count: number): void => {
  let left = count;
  const stop = dispatcher.handle(
    () => true,
    () => {
      left -= 1;
      if (left === 0) dispatcher.setDegradation("CRITICAL_ONLY");
    },
    { name: "budget" },
  );
  dispatcher.setDegradation("NORMAL");
  dispatcher.drain();
  stop();
};
