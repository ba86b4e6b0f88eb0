/** What the page says, without a browser. */
import { describe, expect, it } from "vitest";
import type { Sight } from "#core/runtime/inspection.ts";
import type { OpsSight } from "#core/runtime/ops-sight.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import { createSamples } from "#core/runtime/samples.ts";
import { activeStates, duration, money, share, stateText } from "../../../inspector/page/format.ts";
import { troublesOf } from "../../../inspector/page/troubles.ts";
import { changedSince, nextVisits } from "../../../inspector/page/visits.ts";
import { exampleStatus } from "../../adapters/host/page/example-status.ts";

const calm = () =>
  exampleStatus({
    deadLetters: [],
    restarts: {},
    losses: { alerts: 0, effectsWithheld: 0, signals: 0, deadLettersForgotten: 0, logLines: 0 },
    loopDelayMs: { p99: 1, max: 2 },
    machines: { feed: "live" },
  });
const sightWith = (over: Partial<Sight>): Sight =>
  ({
    seq: 1,
    at: 0,
    status: calm(),
    why: null,
    health: [],
    evaluatedAt: null,
    machines: [],
    orders: [],
    ordersLeftOut: 0,
    deadlines: [],
    ...over,
  }) as Sight;
const sentences = (status = calm(), sight?: Sight): string[] => troublesOf(status, sight).map(({ sentence }) => sentence);

describe("what is out of its limit", () => {
  it("comes first as a sentence, alarms before warnings", () => {
    const status = { ...calm(), restarts: { feed: 1 }, journal: { lastSeq: 1, pending: 0, failure: "the disk is full" } };
    const found = troublesOf(status, undefined).filter(({ sentence }) => /journal|restarted/.test(sentence));
    expect(found).toEqual([
      { level: "alarm", sentence: "The journal takes nothing any more: the disk is full." },
      { level: "watch", sentence: "feed was restarted 1 time lately." },
    ]);
  });

  it("names a lane that loses facts, and one that is held and will", () => {
    const { lanes } = calm();
    const clean = Object.fromEntries(
      Object.entries(lanes).map(([name, lane]) => [name, { ...lane, dropped: 0, deadLettered: 0, depth: 0, paused: false }]),
    ) as unknown as typeof lanes;
    expect(sentences({ ...calm(), lanes: clean })).toEqual([]);
    const losing = { ...clean, P1: { ...clean.P1, dropped: 8166, paused: true } };
    expect(troublesOf({ ...calm(), lanes: losing }, undefined)).toEqual([
      { level: "alarm", sentence: "Lane P1 has dropped 8,166 facts of this run; safety holds it." },
    ]);
    const filling = { ...clean, P1: { ...clean.P1, depth: 6000, capacity: 10_000, paused: true } };
    expect(sentences({ ...calm(), lanes: filling })).toEqual([
      "Safety holds lane P1, and 6,000 of 10,000 places are taken: it will drop facts.",
    ]);
  });

  it("names orders that nobody knows of, checks, and machines that stopped, with where to look", () => {
    const sight = sightWith({
      health: [{ name: "disk", state: "critical", reason: "1 % is free", since: 0, checkedAt: 0, elapsedMs: 1 }],
      machines: [{ name: "feed", under: "supervisor", state: "live", since: null, restarts: 0, broken: "Error: x" }],
    });
    const status = { ...calm(), orders: { ...calm().orders, unknown: 2 } };
    const found = troublesOf(status, sight);
    expect(found).toContainEqual({ level: "alarm", sentence: "Check disk: 1 % is free." });
    expect(found).toContainEqual({
      level: "alarm",
      sentence: "The machine feed has stopped: Error: x.",
      link: "#/machines/feed",
    });
    expect(found).toContainEqual(
      expect.objectContaining({ sentence: "It is not known of 2 orders whether the venue has them.", link: "#/orders" }),
    );
  });
});

describe("what of ops is out of its limit", () => {
  const dayMs = 86_400_000;
  const well: OpsSight = {
    at: 10 * dayMs,
    run: null,
    lastVerified: { at: 9 * dayMs, runId: "r", files: 1 },
    schedule: [],
    alerts: { recent: [], open: [], channels: {} },
    gaps: { counts: { critical: 0, major: 3, minor: 9 }, recent: [] },
    hours: createSamples().series(dayMs, 0, 24),
  };
  const quiet = (): HouseStatus => {
    const { lanes } = calm();
    const clean = Object.entries(lanes).map(([name, lane]) => [name, { ...lane, dropped: 0, deadLettered: 0, depth: 0 }]);
    return { ...calm(), lanes: Object.fromEntries(clean) };
  };
  const said = (over: Partial<OpsSight>) => troublesOf(quiet(), undefined, { ...well, ...over }).map(({ sentence }) => sentence);

  it("is nothing while backups come, no row is missing for long and no alert is open", () => {
    expect(said({})).toEqual([]);
    expect(said({ lastVerified: null })).toEqual([]);
    expect(troublesOf(quiet(), undefined, null)).toEqual([]);
  });

  it("is told first, gaps as an alarm, each with the way to where it can be seen (I5)", () => {
    const run = { runId: "r2", outcome: "failed", failure: { step: "backup", reason: "the disk is full" } } as OpsSight["run"];
    const found = troublesOf(quiet(), undefined, {
      ...well,
      run,
      at: 13 * dayMs,
      alerts: { ...well.alerts, open: ["AN080"] },
      gaps: { counts: { critical: 2, major: 0, minor: 0 }, recent: [] },
    });
    expect(found).toEqual([
      { level: "alarm", sentence: "2 critical gaps in the archive of this run.", link: "#/ops" },
      { level: "watch", sentence: "Run r2 failed: backup: the disk is full.", link: "#/ops" },
      { level: "watch", sentence: "No backup has been read back for 4 d 0 h.", link: "#/ops" },
      { level: "watch", sentence: "Alerts that are not resolved: AN080.", link: "#/ops" },
    ]);
  });
});

describe("what has changed since somebody last looked", () => {
  const minuteMs = 60_000;

  it("is nothing on a first visit, nor while one keeps looking", () => {
    const first = nextVisits(undefined, calm(), 0);
    expect(changedSince(first?.before, calm(), 10)).toBeUndefined();
    const still = nextVisits(first, calm(), 10_000);
    expect(still?.before).toBeUndefined();
    expect(still?.latest.seenAt).toBe(10_000);
  });

  it("is told in sentences after a minute away, and goes on being told through reloads", () => {
    const before = { ...calm(), safety: "NORMAL", positions: { SPY: 100 }, trading: { open: true, why: "reconciled" } };
    const after = { ...before, safety: "LOCKDOWN", positions: {}, trading: { open: false, why: "safety is LOCKDOWN" } };
    const back = nextVisits(nextVisits(undefined, before, 0), after, 9 * minuteMs);
    const reloaded = nextVisits(back, after, 9 * minuteMs + 30_000);
    const found = changedSince(reloaded?.before, after, 9 * minuteMs + 30_000);
    expect(found?.agoText).toBe("9 min 30 s");
    expect(found?.sentences).toEqual([
      "Safety was NORMAL and is LOCKDOWN.",
      "Trading was open and is closed.",
      "SPY: 100 lots, now 0.",
    ]);
  });

  it("compares no orders of different sessions", () => {
    const before = nextVisits(undefined, { ...calm(), session: "0001" }, 0)?.latest;
    const status = { ...calm(), session: "0002", pnlMinor: calm().pnlMinor + 500 };
    expect(changedSince(before, status, minuteMs)?.sentences).toEqual(["Another session: 0002, it was 0001."]);
  });

  it("is not measured while a journal is replayed", () => {
    expect(nextVisits(undefined, { ...calm(), recovering: { fact: 1, of: 2 } }, 0)).toBeUndefined();
  });
});

describe("numbers and states as people read them", () => {
  it.each([
    [0, "0 s"],
    [59_999, "59 s"],
    [60_000, "1 min 0 s"],
    [3_600_000, "1 h 0 min"],
    [90_000_000, "1 d 1 h"],
    [-5, "0 s"],
  ])("%d ms are %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it("a share is never rounded up to everything", () => {
    expect(share(99_999, 100_000)).toBe("99.99 %");
    expect(share(0, 0)).toBe("–");
  });

  it("money has its sign and its currency", () => {
    expect(money(-16_706, { currency: "USD", priceScale: 2 })).toBe("-167.06 USD");
    expect(money(5000, { currency: "KRW", priceScale: 0 })).toBe("+5,000 KRW");
  });

  it("a state is named with those around it", () => {
    expect(activeStates({ on: { light: "dim", heat: { cold: "low" } } })).toEqual([
      "on",
      "on.light",
      "on.light.dim",
      "on.heat",
      "on.heat.cold",
      "on.heat.cold.low",
    ]);
    expect(stateText({ opening: "venue" })).toBe("opening.venue");
    expect(stateText(null)).toBe("–");
  });
});
