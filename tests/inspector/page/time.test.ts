/** What the view of time shows, without a browser. */
import { describe, expect, it } from "vitest";
import type { ChangeLine, MachineLine } from "#core/runtime/inspection.ts";
import {
  differences,
  doneBy,
  entriesOf,
  matches,
  neighbour,
  playWaitMs,
  recordOfMove,
  statesAt,
  tracksOf,
} from "../../../inspector/page/time.ts";

const noon = Date.UTC(2026, 0, 5, 12);
const change = (number: number, over: Partial<ChangeLine> = {}): ChangeLine => ({
  number,
  seq: number * 10,
  at: noon + number * 1000,
  fact: "timer.due",
  lane: "P0",
  actor: "safety",
  orderId: null,
  from: "NORMAL",
  to: "NORMAL",
  effects: [],
  refusal: null,
  says: null,
  ...over,
});
const machine = (name: string, state: unknown): MachineLine =>
  ({ name, under: null, state, since: null, restarts: 0, broken: null }) as MachineLine;
const machines = [machine("safety", "LOCKDOWN"), machine("feed", "live")];
const lockdown = [
  change(1, { to: "WARNING" }),
  change(2, { actor: "feed", from: "stale", to: "live" }),
  change(3, { from: "WARNING", to: "LOCKDOWN" }),
];

describe("the view of time", () => {
  it("has a track of states for each machine that moved, without gaps between them (I8)", () => {
    const [safety, feed] = tracksOf(lockdown, machines, noon + 5000);
    expect(safety?.stretches.map(({ state, fromAt, untilAt }) => [state, fromAt - noon, untilAt - noon])).toEqual([
      ["WARNING", 1000, 3000],
      ["LOCKDOWN", 3000, 5000],
    ]);
    expect(feed?.stretches.map(({ state }) => state)).toEqual(["stale", "live"]);
    expect(tracksOf([change(1)], machines, noon + 5000)).toEqual([]);
  });

  it("knows the state of every machine at a record, also before its first change and without any (I8)", () => {
    expect(statesAt(lockdown, machines, 5)).toEqual({ safety: "NORMAL", feed: "stale" });
    expect(statesAt(lockdown, machines, 20)).toEqual({ safety: "WARNING", feed: "live" });
    expect(statesAt([], machines, 20)).toEqual({ safety: "LOCKDOWN", feed: "live" });
  });

  it("folds what repeats itself, also when two things take turns, and counts it (I8)", () => {
    const cycles = Array.from({ length: 10 }, (_, index) =>
      index % 2 === 0 ? change(index) : change(index, { actor: "execution", fact: "cycle.completed" }),
    );
    const entries = entriesOf([...cycles, change(10, { to: "WARNING" })]);
    expect(entries.map((entry) => (entry.type === "change" ? [entry.change.fact, entry.times] : entry.ms))).toEqual([
      ["timer.due", 5],
      ["cycle.completed", 5],
      ["timer.due", 1],
    ]);
  });

  it("cuts quiet stretches and says how long they were (I8)", () => {
    const entries = entriesOf([change(1), change(2, { at: noon + 3_600_000, to: "WARNING" })]);
    expect(entries[1]).toMatchObject({ type: "quiet", ms: 3_599_000 });
  });

  it("filters by actor, fact, lane, order and state, all words together (I8)", () => {
    const order = change(1, { actor: "orders", orderId: "mx3-1", fact: "order.filled", from: "accepted", to: "filled" });
    for (const words of ["", "orders", "FILLED p0", "mx3-1 accepted"]) expect(matches(order, { words }), words).toBe(true);
    for (const words of ["safety", "filled p1"]) expect(matches(order, { words }), words).toBe(false);
  });

  it("steps to the next and the previous change that is shown, and stops at the ends (I8)", () => {
    const entries = entriesOf(lockdown);
    expect(neighbour(entries, 10, 1)?.seq).toBe(20);
    expect(neighbour(entries, 10, -1)).toBeUndefined();
    expect(neighbour(entries, 30, 1)).toBeUndefined();
    expect(neighbour(entries, 99, -1)?.seq).toBe(30);
  });

  it("names the machines that two records show in different states", () => {
    expect(differences(lockdown, machines, 20, 30)).toEqual([{ actor: "safety", before: "WARNING", after: "LOCKDOWN" }]);
    expect(differences(lockdown, machines, 30, 30)).toEqual([]);
  });

  it("shows all that one record did, and by which record a machine came to where it is", () => {
    const both = [...lockdown, change(4, { seq: 30, actor: "execution", from: "running", to: "suspended" }), change(5)];
    expect(doneBy(both, 30).map(({ actor }) => actor)).toEqual(["safety", "execution"]);
    expect(recordOfMove(both, "safety")).toBe(30);
    expect(recordOfMove(both, "archive")).toBeUndefined();
  });

  it("plays as the market went, so many times as fast, and waits for no quiet stretch", () => {
    const [a, b] = [change(1), change(5)];
    expect(playWaitMs(a, b, 4)).toBe(1000);
    expect(playWaitMs(a, change(5000), 1)).toBe(1500);
    expect(playWaitMs(undefined, b, 1)).toBe(0);
  });
});
