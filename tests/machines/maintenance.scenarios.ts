/** What the maintenance chart promises, sentence by sentence: what follows what, and the one way to deletion (spec M1). */
import assert from "node:assert/strict";
import type {
  MaintenanceContext,
  MaintenanceEffect,
  MaintenanceEvent,
  maintenanceMachine,
} from "#machines/maintenance.machine.ts";
import { drive, type Scenario } from "./drive.ts";

type Machine = typeof maintenanceMachine;

const hash = "a".repeat(64);
export const factsOfRun = (runId: string) => {
  const at = 1_381_152_600_000;
  return {
    requested: { type: "maintenance.run.requested", at, runId, cause: "test" },
    planned: { type: "maintenance.planned", at, runId, files: 3, bytes: 30 },
    plannedNothing: { type: "maintenance.planned", at, runId, files: 0, bytes: 0 },
    backedUp: { type: "maintenance.backup.completed", at, runId, archivePath: "/b/1.tar.gz", files: 3, bytes: 30 },
    verified: { type: "maintenance.backup.verified", at, runId, manifestPath: "/b/1.json", manifestSha256: hash, files: 3 },
    scanned: { type: "maintenance.scanned", at, runId, expired: 1, kept: 2 },
    cleaned: { type: "maintenance.cleaned", at, runId, deleted: 1, kept: 2, failed: 0 },
    cleanedPartly: { type: "maintenance.cleaned", at, runId, deleted: 0, kept: 2, failed: 1 },
    failed: { type: "maintenance.failed", at, runId, step: "backup", reason: "disk full" },
    restarted: { type: "session.started", at, session: "s", epoch: 2, recovered: true },
  } as const satisfies Record<string, MaintenanceEvent>;
};

const one = factsOfRun("run-1");
const two = factsOfRun("run-2");
const whole = [one.requested, one.planned, one.backedUp, one.verified, one.scanned, one.cleaned];
const wholeOfTwo = [two.requested, two.planned, two.backedUp, two.verified, two.scanned, two.cleaned];
const steps = ["planning", "backingUp", "verifying", "scanning", "cleaningUp"].map((working) => ({ working }));

const play = (machine: Machine, events: readonly (MaintenanceEvent | "restart")[]) => {
  const maintenance = drive<MaintenanceEvent, MaintenanceEffect>(machine, undefined);
  const effects: MaintenanceEffect[] = [];
  const values: unknown[] = [];
  for (const event of events) {
    if (event === "restart") maintenance.restart();
    else effects.push(...maintenance.send(event));
    values.push(maintenance.snapshot().value);
  }
  const context: MaintenanceContext = maintenance.context();
  return { effects, types: effects.map(({ type }) => type), values, value: maintenance.snapshot().value, context };
};
const failureOf = (step: string, reason: string): readonly MaintenanceEffect[] => [
  { type: "alert.warning", code: "AN080", text: `maintenance run run-1 failed at ${step}: ${reason}` },
  { type: "safety.report", kind: "anomaly", code: "AN080", reason: `${step}: ${reason}` },
];

export const maintenanceScenarios: readonly Scenario<Machine>[] = [
  {
    name: "goes plan, backup, verify, scan, cleanup, and ends in done with the figures of the run",
    run: (machine) => {
      const { effects, values, context } = play(machine, whole);
      assert.deepEqual(effects, [
        { type: "maintenance.plan", runId: "run-1" },
        { type: "backup.run", runId: "run-1" },
        { type: "backup.verify", runId: "run-1", archivePath: "/b/1.tar.gz" },
        { type: "retention.scan", runId: "run-1", manifestSha256: hash },
        { type: "cleanup.run", runId: "run-1", manifestSha256: hash },
      ]);
      assert.deepEqual(values, [...steps, "done"]);
      assert.deepEqual(context, {
        runId: "run-1",
        manifestSha256: hash,
        failure: null,
        figures: { backedUp: 3, verified: 3, deleted: 1, kept: 2 },
        alerted: false,
      });
    },
  },
  {
    name: "verifies without an archive when nothing was new",
    run: (machine) => {
      const { archivePath: _, ...nothingNew } = one.backedUp;
      const { effects } = play(machine, [one.requested, one.planned, nothingNew]);
      assert.deepEqual(effects.at(-1), { type: "backup.verify", runId: "run-1" });
    },
  },
  ...(["requested", "planned", "backedUp", "verified", "scanned"] as const).map((last) => ({
    name: `fails visibly when a step fails after ${last}, and asks for no deletion after that`,
    run: (machine: Machine) => {
      const upTo = whole.slice(0, whole.indexOf(one[last]) + 1);
      const { effects, types, value, context } = play(machine, [
        ...upTo,
        { ...one.failed, step: "somewhere" },
        one.verified,
        one.scanned,
      ]);
      assert.equal(value, "failed");
      assert.deepEqual(effects.slice(-2), failureOf("somewhere", "disk full"));
      assert.deepEqual([context.failure, context.alerted], [{ step: "somewhere", reason: "disk full" }, true]);
      assert.equal(types.filter((type) => type === "cleanup.run").length, last === "scanned" ? 1 : 0);
    },
  })),
  {
    name: "ends a run that a restart interrupted as failed, and starts anew when asked (M1)",
    run: (machine) => {
      for (let count = 1; count < whole.length; count += 1) {
        const before = play(machine, whole.slice(0, count)).effects.length;
        const { value, context, effects } = play(machine, [...whole.slice(0, count), "restart", one.restarted]);
        assert.equal(value, "failed");
        assert.equal(context.failure?.step, "interrupted");
        assert.deepEqual(effects.slice(before), failureOf("interrupted", "the process ended in the middle of the run"));
        const again = play(machine, [...whole.slice(0, count), "restart", one.restarted, two.requested]);
        assert.deepEqual(again.effects.at(-1), { type: "maintenance.plan", runId: "run-2" });
      }
    },
  },
  {
    name: "takes no notice of a start of the house when nothing is under way",
    run: (machine) => {
      assert.equal(play(machine, [one.restarted]).value, "idle");
      assert.equal(play(machine, [...whole, one.restarted]).value, "done");
      assert.equal(play(machine, [one.requested, one.failed, one.restarted]).types.length, 3);
    },
  },
  {
    name: "is done at once when there is nothing to back up",
    run: (machine) => {
      const { types, value } = play(machine, [one.requested, one.plannedNothing]);
      assert.deepEqual([value, types], ["done", ["maintenance.plan"]]);
    },
  },
  {
    name: "takes a failed delete for a warning, not for a failed run",
    run: (machine) => {
      const { effects, value, context } = play(machine, [...whole.slice(0, -1), one.cleanedPartly]);
      assert.equal(value, "done");
      assert.deepEqual(effects.slice(5), [
        { type: "alert.warning", code: "AN082", text: "1 expired files could not be deleted" },
      ]);
      assert.deepEqual(context.figures, { backedUp: 3, verified: 3, deleted: 0, kept: 2 });
    },
  },
  {
    name: "says once that the trouble is over when a run succeeds after one that failed",
    run: (machine) => {
      const { effects, types, context } = play(machine, [one.requested, one.failed, ...wholeOfTwo]);
      assert.deepEqual(effects.at(-1), { type: "alert.resolved", code: "AN080", text: "maintenance run run-2 is done" });
      assert.deepEqual([context.alerted, context.failure], [false, null]);
      const three = factsOfRun("run-3");
      const next = play(machine, [one.requested, one.failed, ...wholeOfTwo, three.requested, three.plannedNothing]);
      assert.deepEqual(next.types, [...types, "maintenance.plan"]);
      assert.ok(!play(machine, whole).types.includes("alert.resolved"));
    },
  },
  {
    name: "covers a second request by the run under way",
    run: (machine) => {
      for (let count = 1; count < whole.length; count += 1) {
        const before = play(machine, whole.slice(0, count));
        const after = play(machine, [...whole.slice(0, count), two.requested]);
        assert.deepEqual([after.value, after.context, after.types], [before.value, before.context, before.types]);
      }
    },
  },
  {
    name: "takes no notice, in any state, of a fact that belongs to another run",
    run: (machine) => {
      const { requested: _, restarted: __, ...ofAnother } = two;
      for (let count = 0; count <= whole.length; count += 1) {
        const before = play(machine, whole.slice(0, count));
        for (const event of Object.values(ofAnother)) {
          const after = play(machine, [...whole.slice(0, count), event]);
          assert.deepEqual([after.value, after.context, after.types], [before.value, before.context, before.types]);
        }
      }
    },
  },
  {
    name: "forgets the proof, the figures and the failure of an earlier run when a new one begins",
    run: (machine) => {
      const fresh = {
        runId: "run-2",
        manifestSha256: null,
        failure: null,
        figures: { backedUp: 0, verified: 0, deleted: 0, kept: 0 },
        alerted: false,
      };
      assert.deepEqual(play(machine, [...whole, two.requested]).context, fresh);
      const afterFailure = play(machine, [...whole.slice(0, 4), one.failed, two.requested]);
      assert.deepEqual(afterFailure.context, { ...fresh, alerted: true });
    },
  },
];
