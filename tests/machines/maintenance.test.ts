/** The maintenance chart alone: what follows what, and the one way to deletion. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createActor, type SnapshotFrom } from "xstate";
import { type MaintenanceEffect, type MaintenanceEvent, maintenanceMachine } from "#machines/maintenance.machine.ts";

const run = (runId: string) => {
  const at = 1_381_152_600_000;
  const hash = "a".repeat(64);
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

const play = (events: readonly MaintenanceEvent[], snapshot?: SnapshotFrom<typeof maintenanceMachine>) => {
  const actor = createActor(maintenanceMachine, snapshot === undefined ? {} : { snapshot });
  const effects: MaintenanceEffect[] = [];
  actor.on("*", (effect) => void effects.push(effect));
  actor.start();
  for (const event of events) actor.send(event);
  return { effects, types: effects.map(({ type }) => type), snapshot: actor.getSnapshot() };
};

const one = run("run-1");
const whole = [one.requested, one.planned, one.backedUp, one.verified, one.scanned, one.cleaned];

describe("the maintenance machine", () => {
  it("goes plan, backup, verify, scan, cleanup, and ends in done with the figures of the run", () => {
    const { types, snapshot } = play(whole);
    expect(types).toEqual(["maintenance.plan", "backup.run", "backup.verify", "retention.scan", "cleanup.run"]);
    expect(snapshot.value).toBe("done");
    expect(snapshot.context.figures).toEqual({ backedUp: 3, verified: 3, deleted: 1, kept: 2 });
  });

  it.each(["requested", "planned", "backedUp", "verified", "scanned"] as const)(
    "fails visibly when a step fails after %s, and asks for no deletion after that",
    (last) => {
      const upTo = whole.slice(0, whole.indexOf(one[last]) + 1);
      const { types, snapshot } = play([...upTo, { ...one.failed, step: "somewhere" }, one.verified, one.scanned]);
      expect(snapshot.value).toBe("failed");
      expect(types.slice(-2)).toEqual(["alert.warning", "safety.report"]);
      expect(types.filter((type) => type === "cleanup.run")).toHaveLength(last === "scanned" ? 1 : 0);
    },
  );

  it("ends a run that a restart interrupted as failed, and starts anew when asked", () => {
    for (let count = 1; count < whole.length; count += 1) {
      const before = play(whole.slice(0, count));
      const persisted = JSON.parse(JSON.stringify(before.snapshot)) as SnapshotFrom<typeof maintenanceMachine>;
      const restarted = play([one.restarted], persisted);
      expect(restarted.snapshot.value).toBe("failed");
      expect(restarted.snapshot.context.failure?.step).toBe("interrupted");
      expect(restarted.types).toEqual(["alert.warning", "safety.report"]);
      const again = play([one.restarted, run("run-2").requested], persisted);
      expect(again.types.at(-1)).toBe("maintenance.plan");
    }
  });

  it("takes no notice of a start of the house when nothing is under way", () => {
    expect(play([one.restarted]).snapshot.value).toBe("idle");
    expect(play([...whole, one.restarted]).snapshot.value).toBe("done");
  });

  it("is done at once when there is nothing to back up", () => {
    const { types, snapshot } = play([one.requested, one.plannedNothing]);
    expect(snapshot.value).toBe("done");
    expect(types).toEqual(["maintenance.plan"]);
  });

  it("takes a failed delete for a warning, not for a failed run", () => {
    const { effects, snapshot } = play([...whole.slice(0, -1), one.cleanedPartly]);
    expect(snapshot.value).toBe("done");
    expect(effects.at(-1)).toMatchObject({ type: "alert.warning", code: "AN082" });
  });

  it("says that the trouble is over when a run succeeds after one that failed", () => {
    const two = run("run-2");
    const { types } = play([
      one.requested,
      one.failed,
      two.requested,
      two.planned,
      two.backedUp,
      two.verified,
      two.scanned,
      two.cleaned,
    ]);
    expect(types.filter((type) => type === "alert.resolved")).toHaveLength(1);
    expect(play(whole).types).not.toContain("alert.resolved");
  });

  it("covers a second request by the run under way", () => {
    const { types, snapshot } = play([one.requested, run("run-2").requested]);
    expect(types).toEqual(["maintenance.plan"]);
    expect(snapshot.context.runId).toBe("run-1");
  });

  it("takes no notice, in any state, of a fact that belongs to another run", () => {
    const { requested: _, restarted: __, ...ofAnother } = run("run-2");
    for (let count = 0; count <= whole.length; count += 1) {
      const before = play(whole.slice(0, count));
      for (const event of Object.values(ofAnother)) {
        const after = play([...whole.slice(0, count), event]);
        expect([after.snapshot.value, after.snapshot.context, after.types]).toEqual([
          before.snapshot.value,
          before.snapshot.context,
          before.types,
        ]);
      }
    }
  });

  it("forgets the proof of an earlier run when a new one begins", () => {
    const { snapshot } = play([...whole, run("run-2").requested]);
    expect(snapshot.context).toMatchObject({ runId: "run-2", manifestSha256: null, figures: { verified: 0 } });
  });

  it("never asks for a deletion without a verified backup of the same run, whatever facts arrive in whatever order", () => {
    const everyEvent = ["run-1", "run-2"].flatMap((runId) => Object.values(run(runId)));
    fc.assert(
      fc.property(fc.array(fc.constantFrom<MaintenanceEvent>(...everyEvent), { maxLength: 40 }), (events) => {
        const actor = createActor(maintenanceMachine);
        let begun: string | undefined;
        let provenRun: string | undefined;
        actor.on("*", (effect) => {
          if (effect.type === "maintenance.plan") begun = effect.runId;
          if (effect.type === "maintenance.plan") provenRun = undefined;
          if (effect.type === "cleanup.run") expect([effect.runId, begun]).toEqual([provenRun, provenRun]);
        });
        actor.start();
        for (const event of events) {
          const isVerifying = actor.getSnapshot().matches({ working: "verifying" });
          if (isVerifying && event.type === "maintenance.backup.verified" && event.runId === begun) provenRun = event.runId;
          actor.send(event);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
