import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import { type FeedEffect, type FeedEvent, type FeedInput, feedMachine } from "#machines/feed.machine.ts";
import { reconnectDelayMs } from "#machines/feed.rules.ts";

const reconnect = { firstMs: 1000, capMs: 15_000, attemptsMax: 0, connectMsMax: 10_000 };
const input: FeedInput = { feed: "replay", silenceMsMax: 20_000, reconnect };
const feed = "replay";

const start = (given: Partial<FeedInput> = {}) => {
  const actor = createActor(feedMachine, { input: { ...input, ...given } });
  let effects: FeedEffect[] = [];
  for (const type of ["feed.connect", "feed.stop", "feed.measure", "feed.await", "timer.set", "timer.clear"] as const)
    actor.on(type, (effect) => effects.push(effect));
  for (const type of ["safety.report", "alert.warning", "alert.critical", "alert.resolved"] as const)
    actor.on(type, (effect) => effects.push(effect));
  actor.start();
  return {
    state: () => actor.getSnapshot().value,
    /** Sends one fact and returns what it caused. */
    tell: (event: FeedEvent): FeedEffect[] => {
      effects = [];
      actor.send(event);
      return effects;
    },
  };
};

const connected = (given: Partial<FeedInput> = {}) => {
  const machine = start(given);
  machine.tell({ type: "feed.connect.requested", at: 0, cause: "start" });
  machine.tell({ type: "feed.connected", at: 100, feed });
  return machine;
};
const stale = (given: Partial<FeedInput> = {}) => {
  const machine = connected(given);
  machine.tell({ type: "feed.went.stale", at: 20_100, feed, silentMs: 20_000 });
  return machine;
};
const types = (effects: readonly FeedEffect[]): string[] => effects.map(({ type }) => type);

describe("a feed that delivers", () => {
  it("connects when it is asked to, and not before", () => {
    const machine = start();
    expect(machine.state()).toBe("idle");
    expect(machine.tell({ type: "feed.connect.requested", at: 0, cause: "start" })).toEqual([
      { type: "feed.connect", feed },
      { type: "timer.set", id: "feed.retry", at: 10_000 },
    ]);
    expect(machine.state()).toBe("connecting");
    expect(machine.tell({ type: "feed.connected", at: 100, feed })).toEqual([
      { type: "timer.clear", id: "feed.retry" },
      { type: "timer.set", id: "feed.silence", at: 20_100 },
    ]);
    expect(machine.state()).toBe("live");
  });

  it("has its data's age looked at when the silence deadline is due, and the next deadline belongs to the newest data", () => {
    const machine = connected();
    expect(machine.tell({ type: "timer.due", at: 20_100, id: "feed.silence", dueAt: 20_100 })).toEqual([
      { type: "feed.measure", feed, silenceMsMax: 20_000 },
    ]);
    expect(machine.tell({ type: "feed.heard", at: 20_101, feed, silentMs: 5000, marketOpen: true })).toEqual([
      { type: "timer.set", id: "feed.silence", at: 35_101 },
    ]);
    expect(machine.state()).toBe("live");
  });

  it("is not called silent while its market is closed, however old its data is", () => {
    const machine = connected();
    expect(machine.tell({ type: "feed.heard", at: 30_000, feed, silentMs: 5_036_000, marketOpen: false })).toEqual([
      { type: "timer.set", id: "feed.silence", at: 50_000 },
    ]);
    expect(machine.state()).toBe("live");
  });

  it("ends when a recorded source has no more data", () => {
    const machine = connected();
    machine.tell({ type: "feed.ended", at: 500, feed, ticks: 10 });
    expect(machine.state()).toBe("ended");
  });
});

describe("a feed that is silent in session", () => {
  it("is reported once as AN010, with an alert, and waits for the next data", () => {
    const machine = connected();
    const reason = "replay has delivered nothing for 20000 ms";
    const effects = machine.tell({ type: "feed.went.stale", at: 20_100, feed, silentMs: 20_000 });
    expect(effects).toContainEqual({ type: "safety.report", kind: "anomaly", code: "AN010", reason });
    expect(effects).toContainEqual({ type: "alert.warning", code: "AN010", text: reason });
    expect(effects).toContainEqual({ type: "feed.await", feed });
    expect(machine.state()).toBe("stale");
    expect(types(machine.tell({ type: "feed.went.stale", at: 40_100, feed, silentMs: 40_000 }))).toEqual(["timer.set"]);
  });

  it("is live again with the next data, and the alert is resolved", () => {
    const machine = stale();
    const effects = machine.tell({ type: "feed.recovered", at: 21_000, feed, silentMs: 20_900 });
    expect(types(effects)).toContain("alert.resolved");
    expect(machine.state()).toBe("live");
  });

  it("is excused when the market closes", () => {
    const machine = stale();
    expect(types(machine.tell({ type: "feed.heard", at: 40_000, feed, silentMs: 40_000, marketOpen: false }))).toContain(
      "alert.resolved",
    );
    expect(machine.state()).toBe("live");
  });

  it("gets a new connection when it stays silent: a socket can be dead without knowing it", () => {
    const machine = stale();
    const effects = machine.tell({ type: "timer.due", at: 40_100, id: "feed.retry", dueAt: 40_100 });
    expect(types(effects)).toEqual(["feed.stop", "timer.clear", "timer.set"]);
    expect(machine.state()).toBe("reconnecting");
  });
});

describe("a feed whose connection is gone", () => {
  it("is reported and tried again after a wait", () => {
    const machine = connected();
    const effects = machine.tell({ type: "feed.disconnected", at: 5000, feed, reason: "reset" });
    expect(effects).toContainEqual({
      type: "safety.report",
      kind: "anomaly",
      code: "AN010",
      reason: "replay is disconnected: reset",
    });
    expect(machine.state()).toBe("reconnecting");
    const retry = effects.find((effect) => effect.type === "timer.set");
    expect(retry).toMatchObject({ id: "feed.retry" });
    const at = (retry as { at: number }).at;
    expect(at).toBeGreaterThan(5000);
    expect(at).toBeLessThanOrEqual(6000);
    expect(types(machine.tell({ type: "timer.due", at, id: "feed.retry", dueAt: at }))).toEqual(["feed.connect", "timer.set"]);
    expect(machine.state()).toBe("connecting");
  });

  it("counts as well again only when data arrives, not when the connection answers", () => {
    const machine = connected();
    machine.tell({ type: "feed.disconnected", at: 5000, feed, reason: "reset" });
    machine.tell({ type: "timer.due", at: 6000, id: "feed.retry", dueAt: 6000 });
    const effects = machine.tell({ type: "feed.connected", at: 6100, feed });
    expect(machine.state()).toBe("stale");
    expect(types(effects)).not.toContain("alert.resolved");
    expect(types(machine.tell({ type: "feed.recovered", at: 6200, feed, silentMs: 100 }))).toContain("alert.resolved");
    expect(machine.state()).toBe("live");
  });

  it("is told to safety and to people once, however often the connection fails", () => {
    const machine = connected();
    let reports = 0;
    for (let round = 0, at = 5000; round < 10; round++, at += 60_000) {
      const effects = machine.tell({ type: "feed.disconnected", at, feed, reason: "refused" });
      reports += effects.filter(({ type }) => type === "safety.report" || type === "alert.warning").length;
      machine.tell({ type: "timer.due", at: at + 30_000, id: "feed.retry", dueAt: at + 30_000 });
    }
    expect(reports).toBe(2);
    expect(machine.state()).toBe("connecting");
  });

  it("that does not answer in time has failed", () => {
    const machine = start();
    machine.tell({ type: "feed.connect.requested", at: 0, cause: "start" });
    const effects = machine.tell({ type: "timer.due", at: 10_000, id: "feed.retry", dueAt: 10_000 });
    expect(types(effects)).toContain("feed.stop");
    expect(machine.state()).toBe("reconnecting");
  });

  it("is given up after the configured number of tries, and a person can ask again", () => {
    const machine = start({ reconnect: { ...reconnect, attemptsMax: 2 } });
    machine.tell({ type: "feed.connect.requested", at: 0, cause: "start" });
    let effects: FeedEffect[] = [];
    for (let at = 1000; machine.state() !== "failed"; at += 60_000) {
      expect(at).toBeLessThan(600_000);
      effects = machine.tell({ type: "feed.disconnected", at, feed, reason: "refused" });
      machine.tell({ type: "timer.due", at: at + 30_000, id: "feed.retry", dueAt: at + 30_000 });
    }
    expect(types(effects)).toContain("alert.critical");
    machine.tell({ type: "feed.connect.requested", at: 1_000_000, cause: "operator" });
    expect(machine.state()).toBe("connecting");
  });
});

it("forgets its connection when a session starts again: it died with the process before", () => {
  const machine = stale();
  machine.tell({ type: "session.started", at: 50_000, session: "s", epoch: 2, recovered: true });
  expect(machine.state()).toBe("idle");
});

it("stops on request from every state, and no timer brings it back", () => {
  for (const machine of [start(), connected(), stale()]) {
    expect(types(machine.tell({ type: "feed.stop.requested", at: 60_000, cause: "end" }))).toEqual([
      "feed.stop",
      "timer.clear",
      "timer.clear",
    ]);
    machine.tell({ type: "timer.due", at: 70_000, id: "feed.retry", dueAt: 70_000 });
    machine.tell({ type: "timer.due", at: 70_000, id: "feed.silence", dueAt: 70_000 });
    expect(machine.state()).toBe("stopped");
  }
});

it("waits anything between nothing and the doubled, capped wait, the same for the same moment", () => {
  fc.assert(
    fc.property(fc.nat({ max: 100 }), fc.maxSafeInteger().map(Math.abs), (attempt, at) => {
      const delay = reconnectDelayMs(reconnect, attempt, at);
      expect(delay).toBeGreaterThanOrEqual(1);
      expect(delay).toBeLessThanOrEqual(Math.min(15_000, 1000 * 2 ** attempt));
      expect(reconnectDelayMs(reconnect, attempt, at)).toBe(delay);
    }),
  );
  const spread = new Set(Array.from({ length: 200 }, (_, at) => Math.floor(reconnectDelayMs(reconnect, 4, 1e12 + at) / 1500)));
  expect(spread.size).toBe(10);
});
