/** Where streams end: one check at the door, pause when P0 is full, reconnect with full jitter, nothing unbounded. */
import { concat, NEVER, type Observable, of, Subject, throwError } from "rxjs";
import { describe, expect, it } from "vitest";
import type { NewFact } from "#core/event/catalog.ts";
import { backoffMs, conflateWhileClosed, createIntake, type IntakeOptions, type Source } from "#core/event/intake.ts";
import { createValve, pulled } from "#core/event/valve.ts";
import { createRandom } from "#core/random.ts";
import { err, ok } from "#core/result.ts";
import { createHandClock, drainAll, eventsConfig, fill, setUp, tick, turn } from "./setup.ts";

const asIs = { read: (raw: NewFact) => ok(raw) };

const intakeOf = (offer: IntakeOptions["offer"], more: Partial<IntakeOptions> = {}) =>
  createIntake({ config: eventsConfig().intake, clock: createHandClock(), random: createRandom(1), offer, ...more });

describe("a pulled source", () => {
  it("is asked for its next item only while P0 has room, so nothing piles up between source and lane", async () => {
    const { dispatcher, handled } = setUp();
    let asked = 0;
    const source: Source<NewFact> = {
      name: "endless fills",
      ...asIs,
      open: (valve) =>
        pulled(async function* () {
          for (;;) {
            asked += 1;
            yield [fill(asked)];
          }
        }, valve),
    };
    const detach = intakeOf(dispatcher.offerExternal).attach(source);
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

  it("stops in the middle of a group that one read brought, and goes on there in order", async () => {
    const { dispatcher, handled } = setUp({ lanes: { P0: { capacity: 4, warningDepth: 3, criticalDepth: 4 } } });
    const groups = [
      [1, 2, 3],
      [4, 5, 6, 7, 8, 9],
    ];
    const intake = intakeOf(dispatcher.offerExternal);
    intake.attach<NewFact>({
      name: "chunks",
      ends: true,
      ...asIs,
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
        return undefined;
      },
      { clock },
    );
    const read = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    intake.attach<NewFact>({
      name: "market",
      ends: true,
      ...asIs,
      open: (valve) =>
        pulled(async function* () {
          yield Array.from({ length: 1000 }, (_, mark) => tick("A", mark));
        }, valve),
    });
    intake.attach<NewFact>({
      name: "broker",
      ends: true,
      ...asIs,
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
    const intake = intakeOf(() => undefined);
    const detach = intake.attach<NewFact>({
      name: "s",
      ...asIs,
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
    expect(intake.figures()).toEqual({});
  });
});

describe("the check at the door", () => {
  it("refuses what it does not understand with a reason, counts it, and goes on", () => {
    const offered: NewFact[] = [];
    const refused: string[] = [];
    const intake = intakeOf((newFact) => void offered.push(newFact), {
      refused: (source, reason) => refused.push(`${source}: ${reason}`),
    });
    intake.attach<number>({
      name: "wire",
      open: () => concat(of(1, -1, 0, 2), NEVER),
      read: (raw) => (raw < 0 ? err("a negative frame") : ok(raw === 0 ? undefined : tick("A", raw))),
    });
    expect(offered).toHaveLength(2);
    expect(refused).toEqual(["wire: a negative frame"]);
    expect(intake.figures().wire).toEqual({ received: 4, refused: 1, reconnects: 0, paused: false });
  });
});

describe("reconnecting", () => {
  it("waits between nothing and the doubled, capped wait, replayable from its seed", () => {
    const waits = (seed: number): number[] => {
      const random = createRandom(seed);
      return Array.from({ length: 12 }, (_, index) => backoffMs(index + 1, [1000, 15_000], random));
    };
    expect(waits(3)).toEqual(waits(3));
    expect(waits(3)).not.toEqual(waits(4));
    expect(Array.from({ length: 6 }, (_, index) => backoffMs(index + 1, [1000, 15_000], () => 1))).toEqual([
      1000, 2000, 4000, 8000, 15_000, 15_000,
    ]);
    expect(backoffMs(5, [1000, 15_000], () => 0)).toBe(0);
    expect(backoffMs(5000, [1000, 15_000], () => 1)).toBe(15_000);
  });

  it("opens a source again after it failed or ended, and starts counting anew once it delivers", () => {
    const clock = createHandClock();
    const lost: [string, number][] = [];
    let opened = 0;
    const openings: (() => Observable<NewFact>)[] = [
      () => throwError(() => new Error("refused")),
      () => throwError(() => new Error("refused")),
      () => of(tick("A", 1)),
      () => throwError(() => new Error("refused")),
      () => concat(of(tick("A", 2)), NEVER),
    ];
    const offered: NewFact[] = [];
    const intake = intakeOf((newFact) => void offered.push(newFact), {
      clock,
      random: () => 1,
      lost: (_, reason, waitMs) => lost.push([reason, waitMs]),
    });
    intake.attach<NewFact>({
      name: "feed",
      ...asIs,
      open: () => {
        opened += 1;
        return (openings[opened - 1] as () => Observable<NewFact>)();
      },
    });
    clock.wind(60_000);
    expect(lost).toEqual([
      ["refused", 1000],
      ["refused", 2000],
      ["the source ended", 1000],
      ["refused", 2000],
    ]);
    expect(opened).toBe(5);
    expect(offered).toHaveLength(2);
    expect(intake.figures().feed?.reconnects).toBe(4);
  });

  it("lets a replay end", () => {
    const lost: string[] = [];
    const intake = intakeOf(() => undefined, { lost: (_, reason) => lost.push(reason) });
    intake.attach<NewFact>({ name: "day", ends: true, ...asIs, open: () => of(tick("A", 1)) });
    expect(lost).toEqual([]);
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
      .pipe(
        conflateWhileClosed(
          ([key]) => key,
          valve,
          keysMax,
          (item) => left.push(item),
        ),
      )
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

describe("sixty seconds at ten times what the handlers can do", () => {
  it("keeps every buffer between source and lane within its capacity, and accounts for every tick", async () => {
    // Virtual seconds: 1,000 facts per second are handled, 10,000 ticks and 10 fills per second are offered.
    const { dispatcher } = setUp({ timeSliceMs: 1 }, { report: () => undefined });
    const held = { lane: 0, door: 0, source: 0 };
    let produced = 0;
    let sourceAt = 0;
    let wake: () => void = () => undefined;
    const intake = intakeOf(dispatcher.offerExternal);
    intake.attach<NewFact>({
      name: "fills",
      ...asIs,
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
    intake.attach<NewFact>({ name: "ticks", ...asIs, open: () => ticks });
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
