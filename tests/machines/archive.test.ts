import { describe, expect, it, test } from "vitest";
import { createActor } from "xstate";
import { type ArchiveEffect, type ArchiveEvent, type ArchiveInput, archiveMachine } from "#machines/archive.machine.ts";
import { diskLevel } from "#machines/archive.rules.ts";

const input: ArchiveInput = {
  reopenMs: 1000,
  persistedShareMin: 0.9999,
  disk: { warningFreeShare: 0.2, criticalFreeShare: 0.1 },
};

const start = () => {
  const actor = createActor(archiveMachine, { input });
  let effects: ArchiveEffect[] = [];
  for (const type of ["archive.open", "archive.close", "timer.set", "timer.clear"] as const)
    actor.on(type, (effect) => effects.push(effect));
  for (const type of ["safety.report", "alert.warning", "alert.critical", "alert.resolved"] as const)
    actor.on(type, (effect) => effects.push(effect));
  actor.start();
  return {
    state: () => actor.getSnapshot().value,
    tell: (event: ArchiveEvent): ArchiveEffect[] => {
      effects = [];
      actor.send(event);
      return effects;
    },
  };
};
const started = { type: "session.started", at: 0, session: "s", epoch: 1, recovered: false } as const;
const opened = { type: "archive.opened", at: 1, directory: "/home/qts", recoveredBytes: 0 } as const;
const failed = {
  type: "archive.write.failed",
  at: 2,
  path: "scalp/x",
  code: "ENOSPC",
  reason: "disk full",
  bufferedRows: 7,
} as const;
const resumed = { type: "archive.write.resumed", at: 3, path: "scalp/x", replayedRows: 7, lostRows: 0 } as const;

const writing = () => {
  const machine = start();
  machine.tell(started);
  machine.tell(opened);
  return machine;
};

describe("opening", () => {
  it("begins with the session, also with one that goes on after a crash", () => {
    const machine = start();
    expect(machine.tell(started)).toEqual([{ type: "archive.open" }]);
    machine.tell(opened);
    expect(machine.state()).toBe("writing");
    expect(machine.tell({ ...started, recovered: true, epoch: 2 })).toEqual([{ type: "archive.open" }]);
    expect(machine.state()).toBe("opening");
  });

  it("that fails is told and tried again until it works", () => {
    const machine = start();
    machine.tell(started);
    const effects = machine.tell({ ...failed, at: 5 });
    const text = "scalp/x: ENOSPC, disk full; 7 rows wait in memory";
    expect(effects).toEqual([
      { type: "safety.report", kind: "anomaly", code: "AN070", reason: text },
      { type: "alert.critical", code: "AN070", text },
      { type: "timer.set", id: "archive.reopen", at: 1005 },
    ]);
    expect(machine.tell({ type: "timer.due", at: 1005, id: "archive.reopen", dueAt: 1005 })).toEqual([
      { type: "archive.open" },
      { type: "timer.set", id: "archive.reopen", at: 2005 },
    ]);
    expect(machine.tell(opened)).toEqual([
      { type: "timer.clear", id: "archive.reopen" },
      { type: "alert.resolved", code: "AN070", text: "the archive writes again" },
    ]);
    expect(machine.state()).toBe("writing");
  });
});

describe("writing", () => {
  it("is degraded by a failure and well again when rows go out", () => {
    const machine = writing();
    expect(machine.tell(failed).map(({ type }) => type)).toEqual(["safety.report", "alert.critical"]);
    expect(machine.state()).toBe("degraded");
    expect(machine.tell(failed)).toEqual([]);
    expect(machine.tell({ ...resumed, lostRows: 3 })).toEqual([
      { type: "alert.resolved", code: "AN070", text: "the archive writes again; 7 rows were kept, 3 lost" },
    ]);
    expect(machine.state()).toBe("writing");
  });

  it("ends when it is asked to, also while degraded", () => {
    for (const before of [[], [failed]] as const) {
      const machine = writing();
      for (const event of before) machine.tell(event);
      expect(machine.tell({ type: "archive.close.requested", at: 9, cause: "end" })).toEqual([{ type: "archive.close" }]);
      machine.tell({ type: "archive.closed", at: 10, persisted: 5 });
      expect(machine.state()).toBe("closed");
    }
  });
});

describe("received against persisted, the first number of the health page", () => {
  const sample = (minute: number, received: number, lost: number, refused = 0, pending = 0): ArchiveEvent => ({
    type: "archive.measured",
    at: minute * 60_000,
    received,
    persisted: received - lost - refused - pending,
    refused,
    errored: lost,
    pending,
  });
  const codes = (effects: readonly ArchiveEffect[]): string[] =>
    effects.map((effect) => `${effect.type} ${"code" in effect ? effect.code : ""}`);

  it("raises AN071 once when less than 99.99 % of the last five minutes is on disk, and resolves it when the window is clean", () => {
    const machine = writing();
    const told: string[][] = [];
    for (let minute = 1; minute <= 12; minute++)
      told.push(codes(machine.tell(sample(minute, minute * 10_000, minute >= 3 ? 20 : 0))));
    expect(told[2]).toEqual(["safety.report AN071", "alert.critical AN071"]);
    expect(told.slice(3, 7).flat()).toEqual([]);
    expect(told.slice(7).flat()).toEqual(["alert.resolved AN071"]);
  });

  it("stands exactly at 99.99 %: one row of ten thousand may be lost", () => {
    expect(writing().tell(sample(1, 10_000, 1))).toEqual([]);
    expect(codes(writing().tell(sample(1, 10_000, 2)))).toContain("alert.critical AN071");
  });

  it("does not count what was refused for a reason, or still waits for its write", () => {
    expect(writing().tell(sample(1, 10_000, 0, 4000, 3000))).toEqual([]);
  });

  it("sees rows that vanish without an error, as 99.9 % of them did in the origin's incident", () => {
    const effects = writing().tell({
      type: "archive.measured",
      at: 60_000,
      received: 97_329,
      persisted: 116,
      refused: 0,
      errored: 0,
      pending: 0,
    });
    expect(effects).toContainEqual({
      type: "alert.critical",
      code: "AN071",
      text: "97213 of 97329 rows received were not persisted",
    });
  });

  it("begins again with a new run's counters", () => {
    const machine = writing();
    machine.tell(sample(1, 10_000, 20));
    machine.tell(started);
    expect(machine.tell(sample(2, 100, 0))).toEqual([]);
  });
});

describe("the disk", () => {
  const free = (freeShare: number): ArchiveEvent => ({
    type: "disk.measured",
    at: 1,
    freeShare,
    freeBytes: 1000,
    hoursUntilFull: 12.34,
  });

  it("warns at 20 %, is critical at 10 %, and says when it will be full", () => {
    const machine = writing();
    expect(machine.tell(free(0.2))).toEqual([]);
    expect(machine.tell(free(0.199))).toContainEqual({
      type: "alert.warning",
      code: "AN081",
      text: "19.9 % of the disk is free (1000 bytes), full in about 12.3 h",
    });
    expect(machine.tell(free(0.15))).toEqual([]);
    expect(machine.tell(free(0.09)).map(({ type }) => type)).toEqual(["safety.report", "alert.critical"]);
    expect(machine.tell(free(0.5)).map(({ type }) => type)).toEqual(["alert.resolved"]);
  });

  test.each([
    { current: "ok", free: 0.2, level: "ok" },
    { current: "ok", free: 0.19, level: "warning" },
    { current: "warning", free: 0.21, level: "warning" },
    { current: "warning", free: 0.221, level: "ok" },
    { current: "warning", free: 0.1, level: "warning" },
    { current: "warning", free: 0.09, level: "critical" },
    { current: "critical", free: 0.105, level: "critical" },
    { current: "critical", free: 0.111, level: "warning" },
    { current: "critical", free: 0.5, level: "ok" },
  ] as const)("at $free free it is $level after $current: an alert does not flap around its mark", ({ current, free, level }) => {
    expect(diskLevel(current, free, input.disk)).toBe(level);
  });
});
