/** What the archive machine promises, sentence by sentence: can it write, does it keep what it receives, is there room. */
import assert from "node:assert/strict";
import type { ArchiveEffect, ArchiveEvent, ArchiveInput, archiveMachine } from "#machines/archive.machine.ts";
import { drive, type Scenario } from "./drive.ts";

type Machine = typeof archiveMachine;

export const input: ArchiveInput = {
  reopenMs: 1000,
  persistedShareMin: 0.9999,
  disk: { warningFreeShare: 0.2, criticalFreeShare: 0.1 },
};

const begin = (machine: Machine) => drive<ArchiveEvent, ArchiveEffect>(machine, input);
type Archive = ReturnType<typeof begin>;

const started: ArchiveEvent = { type: "session.started", at: 0, session: "s", epoch: 1, recovered: false };
const opened: ArchiveEvent = { type: "archive.opened", at: 1, directory: "/home/qts", recoveredBytes: 0 };
const failed = (at: number): ArchiveEvent => ({
  type: "archive.write.failed",
  at,
  path: "scalp/x",
  code: "ENOSPC",
  reason: "disk full",
  bufferedRows: 7,
});
const resumed = (lostRows: number): ArchiveEvent => ({
  type: "archive.write.resumed",
  at: 3,
  path: "scalp/x",
  replayedRows: 7,
  lostRows,
});
const due = (id: string, at: number): ArchiveEvent => ({ type: "timer.due", at, id, dueAt: at });
const endRequested: ArchiveEvent = { type: "archive.close.requested", at: 9, cause: "end" };
const closed: ArchiveEvent = { type: "archive.closed", at: 10, persisted: 5 };

const after = (machine: Machine, ...events: readonly ArchiveEvent[]): Archive => {
  const archive = begin(machine);
  for (const event of events) archive.send(event);
  return archive;
};
const idle = (machine: Machine) => after(machine);
const opening = (machine: Machine) => after(machine, started);
const blocked = (machine: Machine) => after(machine, started, failed(5));
const writing = (machine: Machine) => after(machine, started, opened);
const degraded = (machine: Machine) => after(machine, started, opened, failed(5));
const closing = (machine: Machine) => after(machine, started, opened, endRequested);
const shut = (machine: Machine) => after(machine, started, opened, endRequested, closed);
const everyState = [idle, opening, blocked, writing, degraded, closing, shut];

const open: ArchiveEffect = { type: "archive.open" };
const close: ArchiveEffect = { type: "archive.close" };
const reopenAt = (at: number): ArchiveEffect => ({ type: "timer.set", id: "archive.reopen", at });
const clearReopen: ArchiveEffect = { type: "timer.clear", id: "archive.reopen" };
const text = "scalp/x: ENOSPC, disk full; 7 rows wait in memory";
const failure: readonly ArchiveEffect[] = [
  { type: "safety.report", kind: "anomaly", code: "AN070", reason: text },
  { type: "alert.critical", code: "AN070", text },
];
const resolved = (what: string): ArchiveEffect => ({ type: "alert.resolved", code: "AN070", text: what });
/** The undamaged machine takes no notice of these in this state. */
const assertIgnored = (archive: Archive, ...events: readonly ArchiveEvent[]): void => {
  const before = archive.value();
  for (const event of events) assert.deepEqual([archive.send(event), archive.value()], [[], before]);
};

const opens: readonly Scenario<Machine>[] = [
  {
    name: "opens with the session, from every state, also with a session that goes on after a crash",
    run: (machine) => {
      for (const state of everyState) {
        const archive = state(machine);
        const effects = archive.send({ ...started, recovered: true, epoch: 2 } as ArchiveEvent);
        assert.deepEqual([effects.at(-1), archive.value()], [open, "opening"]);
        archive.send(opened);
        assert.equal(archive.value(), "writing");
      }
    },
  },
  {
    name: "does nothing before the session starts",
    run: (machine) => {
      assertIgnored(idle(machine), opened, failed(1), resumed(0), endRequested, closed, due("archive.reopen", 1));
    },
  },
  {
    name: "an opening that fails is told and tried again until it works",
    run: (machine) => {
      const archive = opening(machine);
      assert.deepEqual(archive.send(failed(5)), [...failure, reopenAt(1005)]);
      assert.equal(archive.value(), "blocked");
      assert.deepEqual(archive.send(due("archive.reopen", 1005)), [open, reopenAt(2005)]);
      assertIgnored(archive, failed(1006), due("feed.retry", 1500));
      assert.deepEqual(archive.send(opened), [clearReopen, resolved("the archive writes again")]);
      assert.equal(archive.value(), "writing");
    },
  },
];

const writes: readonly Scenario<Machine>[] = [
  {
    name: "is degraded by a failure and well again when rows go out",
    run: (machine) => {
      const archive = writing(machine);
      assert.deepEqual([archive.send(failed(2)), archive.value()], [failure, "degraded"]);
      assertIgnored(archive, failed(3));
      assert.deepEqual(archive.send(resumed(3)), [resolved("the archive writes again; 7 rows were kept, 3 lost")]);
      assert.equal(archive.value(), "writing");
      assertIgnored(archive, resumed(0), opened, closed, due("archive.reopen", 4));
    },
  },
  {
    name: "ends when it is asked to, from every state in which a session has begun, and gives the reopening up",
    run: (machine) => {
      for (const state of [opening, blocked, writing, degraded]) {
        const archive = state(machine);
        assert.deepEqual(archive.send(endRequested), state === blocked ? [clearReopen, close] : [close]);
        assert.equal(archive.value(), "closing");
        archive.send(closed);
        assert.equal(archive.value(), "closed");
      }
    },
  },
  {
    name: "tells a failure of the last writes, and is closed only when it says so",
    run: (machine) => {
      const archive = closing(machine);
      assert.deepEqual([archive.send(failed(9)), archive.value()], [failure, "closing"]);
      assertIgnored(archive, resumed(0), opened, endRequested);
    },
  },
  {
    name: "stays closed until the next session",
    run: (machine) => {
      assertIgnored(shut(machine), opened, failed(11), resumed(0), endRequested, closed, due("archive.reopen", 12));
    },
  },
  {
    name: "comes back from disk where it was",
    run: (machine) => {
      for (const state of everyState) {
        const archive = state(machine);
        const before = archive.value();
        archive.restart();
        assert.deepEqual([archive.value(), archive.begun()], [before, []]);
      }
    },
  },
];

const sample = (minute: number, received: number, lost: number, refused = 0, pending = 0, repeated = 0): ArchiveEvent => ({
  type: "archive.measured",
  at: minute * 60_000,
  received,
  persisted: received - lost - refused - pending,
  refused,
  repeated,
  errored: lost,
  pending,
});
const codes = (effects: readonly ArchiveEffect[]): string[] =>
  effects.map((effect) => `${effect.type} ${"code" in effect ? effect.code : ""}`);

const keeps: readonly Scenario<Machine>[] = [
  {
    name: "raises AN071 when less than 99.99 % of the last five minutes is on disk, alerts once, and resolves it when the window is clean (A2)",
    run: (machine) => {
      const archive = writing(machine);
      const told: string[][] = [];
      for (let minute = 1; minute <= 12; minute++)
        told.push(codes(archive.send(sample(minute, minute * 10_000, minute >= 3 ? 20 : 0))));
      assert.deepEqual(told[2], ["safety.report AN071", "alert.critical AN071"]);
      assert.deepEqual(
        told.slice(3, 7),
        Array.from({ length: 4 }, () => ["safety.report AN071"]),
      );
      assert.deepEqual(told.slice(7).flat(), ["alert.resolved AN071"]);
    },
  },
  {
    name: "stands exactly at 99.99 %: one row of ten thousand may be lost",
    run: (machine) => {
      assert.deepEqual(writing(machine).send(sample(1, 10_000, 1)), []);
      assert.ok(codes(writing(machine).send(sample(1, 10_000, 2))).includes("alert.critical AN071"));
    },
  },
  {
    name: "tells safety at every measurement that it still cannot write, and people only once (A2)",
    run: (machine) => {
      for (const state of [blocked, degraded]) {
        const archive = state(machine);
        for (let minute = 1; minute <= 3; minute++)
          assert.deepEqual(archive.send(sample(minute, minute, 0)), failure.slice(0, 1));
        assert.deepEqual(codes(archive.send(sample(4, 10_000, 20))), [
          "safety.report AN071",
          "alert.critical AN071",
          "safety.report AN070",
        ]);
      }
      assert.deepEqual(writing(machine).send(sample(1, 1, 0)), []);
    },
  },
  {
    name: "does not count what is there already, or still waits for its write",
    run: (machine) => {
      assert.deepEqual(writing(machine).send(sample(1, 10_000, 0, 4000, 3000, 4000)), []);
    },
  },
  {
    name: "warns with AN072 above 0.1 % of refused rows in five minutes, is critical above 1 %, and resolves it when the window is clean (A2)",
    run: (machine) => {
      const archive = writing(machine);
      const told: string[][] = [];
      for (let minute = 1; minute <= 12; minute++) {
        const refused = minute < 3 ? 0 : minute < 4 ? 40 : 1_000;
        told.push(codes(archive.send(sample(minute, minute * 10_000, 0, refused))));
      }
      assert.deepEqual(told.slice(0, 4), [
        [],
        [],
        ["safety.report AN072", "alert.warning AN072"],
        ["safety.report AN072", "alert.critical AN072"],
      ]);
      assert.deepEqual(
        told.slice(4, 8),
        Array.from({ length: 4 }, () => ["safety.report AN072"]),
      );
      assert.deepEqual(told.slice(8).flat(), ["alert.resolved AN072"]);
    },
  },
  {
    name: "stands at 0.1 % and at 1 % of refused rows, and forgives a few of few",
    run: (machine) => {
      assert.deepEqual(codes(writing(machine).send(sample(1, 100_000, 0, 100))), []);
      assert.deepEqual(codes(writing(machine).send(sample(1, 100_000, 0, 1000))), ["safety.report AN072", "alert.warning AN072"]);
      assert.deepEqual(codes(writing(machine).send(sample(1, 100, 0, 9))), []);
      assert.deepEqual(codes(writing(machine).send(sample(1, 100, 0, 10))), ["safety.report AN072", "alert.critical AN072"]);
    },
  },
  {
    name: "a source of which every row is refused is never a quiet one",
    run: (machine) => {
      const reason = "2 of 2 rows received were refused";
      for (const state of everyState)
        assert.deepEqual(
          state(machine)
            .send(sample(1, 2, 0, 2))
            .slice(0, 2),
          [
            { type: "safety.report", kind: "anomaly", code: "AN072", reason },
            { type: "alert.critical", code: "AN072", text: reason },
          ],
        );
      assert.deepEqual(codes(writing(machine).send(sample(1, 2, 0, 0))), []);
    },
  },
  {
    name: "sees rows that vanish without an error, as 99.9 % of them did in the origin's incident (A2)",
    run: (machine) => {
      const vanished = { received: 97_329, persisted: 116, refused: 0, repeated: 0, errored: 0, pending: 0 };
      const reason = "97213 of 97329 rows received were not persisted";
      for (const state of everyState) {
        assert.deepEqual(
          state(machine)
            .send({ type: "archive.measured", at: 60_000, ...vanished })
            .slice(0, 2),
          [
            { type: "safety.report", kind: "anomaly", code: "AN071", reason },
            { type: "alert.critical", code: "AN071", text: reason },
          ],
        );
      }
    },
  },
  {
    name: "begins again with a new session: the losses of the one before are neither counted nor resolved",
    run: (machine) => {
      const archive = writing(machine);
      archive.send(sample(1, 10_000, 20));
      archive.send(started);
      assert.deepEqual(archive.send(sample(2, 10_000, 0)), []);
      assert.deepEqual(codes(archive.send(sample(3, 20_000, 20))), ["safety.report AN071", "alert.critical AN071"]);
    },
  },
  {
    name: "counts from the beginning of the session, not from what an earlier one had received (A2, A10)",
    run: (machine) => {
      const archive = writing(machine);
      for (let minute = 1; minute <= 6; minute++) archive.send(sample(minute, minute * 10_000, 0));
      archive.send(started);
      const reason = "20 of 70000 rows received were not persisted";
      assert.deepEqual(archive.send(sample(7, 70_000, 20)).at(-1), { type: "alert.critical", code: "AN071", text: reason });
    },
  },
];

const free = (freeShare: number, hoursUntilFull?: number): ArchiveEvent => ({
  type: "disk.measured",
  at: 1,
  freeShare,
  freeBytes: 1000,
  ...(hoursUntilFull === undefined ? {} : { hoursUntilFull }),
});

const hasRoom: readonly Scenario<Machine>[] = [
  {
    name: "warns at 20 %, is critical at 10 %, says when it will be full, tells safety as long as it is critical, and says when there is room again (A2, A10)",
    run: (machine) => {
      for (const state of everyState) {
        const archive = state(machine);
        assert.deepEqual(archive.send(free(0.2)), []);
        const low = "19.9 % of the disk is free (1000 bytes), full in about 12.3 h";
        assert.deepEqual(archive.send(free(0.199, 12.34)), [
          { type: "safety.report", kind: "anomaly", code: "AN081", reason: low },
          { type: "alert.warning", code: "AN081", text: low },
        ]);
        assert.deepEqual(archive.send(free(0.15)), []);
        const lower = "9.0 % of the disk is free (1000 bytes)";
        assert.deepEqual(archive.send(free(0.09)), [
          { type: "safety.report", kind: "anomaly", code: "AN081", reason: lower },
          { type: "alert.critical", code: "AN081", text: lower },
        ]);
        const lowest = "8.0 % of the disk is free (1000 bytes)";
        assert.deepEqual(archive.send(free(0.08)), [{ type: "safety.report", kind: "anomaly", code: "AN081", reason: lowest }]);
        assert.deepEqual(archive.send(free(0.5)), [
          { type: "alert.resolved", code: "AN081", text: "50.0 % of the disk is free (1000 bytes)" },
        ]);
      }
    },
  },
];

export const archiveScenarios: readonly Scenario<Machine>[] = [...opens, ...writes, ...keeps, ...hasRoom];
