/** The hands of the machine, asked by somebody who asks wrongly: late, twice, or about a run nobody knows. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { NewFact } from "#core/event/catalog.ts";
import { catalog } from "#core/event/catalog.ts";
import { payloadProblem } from "#core/event/payload.ts";
import { createMaintenance } from "#ops/maintenance/coordinator.ts";
import { createWorkshop, keepSevenDays, type Workshop } from "./workshop.ts";

let shop: Workshop;
beforeEach(() => {
  shop = createWorkshop();
  shop.writeDays(12);
});
afterEach(() => shop.dispose());

const createHands = () => {
  const facts: NewFact[] = [];
  const maintenance = createMaintenance({
    ...shop.host(),
    dataRoot: shop.data,
    backupRoot: shop.backup,
    policy: keepSevenDays,
    logPath: shop.log,
    offer: (fact) => void facts.push(fact),
  });
  return { facts, maintenance, ask: maintenance.handlers };
};
const manifestSha256 = "0".repeat(64);

describe("the hands of maintenance", () => {
  it("offer one fact per effect, each as the catalogue wants it, under the run's id", async () => {
    const { facts, ask, maintenance } = createHands();
    await ask["maintenance.plan"]({ type: "maintenance.plan", runId: "r" });
    await ask["backup.run"]({ type: "backup.run", runId: "r" });
    await ask["backup.verify"]({ type: "backup.verify", runId: "r" });
    const verified = facts.at(-1) as Extract<NewFact, { type: "maintenance.backup.verified" }>;
    const sha256 = verified.payload.manifestSha256;
    await ask["retention.scan"]({ type: "retention.scan", runId: "r", manifestSha256: sha256 });
    await ask["cleanup.run"]({ type: "cleanup.run", runId: "r", manifestSha256: sha256 });
    expect(facts.map(({ type }) => type)).toEqual([
      "maintenance.planned",
      "maintenance.backup.completed",
      "maintenance.backup.verified",
      "maintenance.scanned",
      "maintenance.cleaned",
    ]);
    for (const { type, payload, correlationId } of facts) {
      expect(payloadProblem(catalog[type].payload, payload)).toBeUndefined();
      expect(correlationId).toBe("r");
    }
    expect(maintenance.report()).toMatchObject({ outcome: "done", runId: "r" });
  });

  it("fail a step of a run that this process does not know, and leave the run that it knows alone", async () => {
    const { facts, ask, maintenance } = createHands();
    await ask["cleanup.run"]({ type: "cleanup.run", runId: "lost", manifestSha256 });
    expect(facts.at(-1)).toMatchObject({
      type: "maintenance.failed",
      payload: { runId: "lost", reason: "this process does not know the run" },
    });
    await ask["maintenance.plan"]({ type: "maintenance.plan", runId: "known" });
    await ask["backup.run"]({ type: "backup.run", runId: "lost" });
    await ask["backup.run"]({ type: "backup.run", runId: "known" });
    expect(facts.at(-1)?.type).toBe("maintenance.backup.completed");
    expect(maintenance.report()).toMatchObject({ runId: "known", outcome: "running" });
    expect(shop.list(shop.data)).toHaveLength(12);
  });

  it("fail scan and cleanup that name another manifest than the one that was proven", async () => {
    for (const step of ["scan", "cleanup"] as const) {
      const { facts, ask } = createHands();
      await ask["maintenance.plan"]({ type: "maintenance.plan", runId: "r" });
      await ask["backup.run"]({ type: "backup.run", runId: "r" });
      await ask["backup.verify"]({ type: "backup.verify", runId: "r" });
      if (step === "scan") await ask["retention.scan"]({ type: "retention.scan", runId: "r", manifestSha256 });
      else await ask["cleanup.run"]({ type: "cleanup.run", runId: "r", manifestSha256 });
      expect(facts.at(-1)).toMatchObject({ type: "maintenance.failed", payload: { step } });
      expect(shop.list(shop.data)).toHaveLength(12);
    }
  });

  it("refuse a second step while one is under way", async () => {
    const { facts, ask } = createHands();
    const first = ask["maintenance.plan"]({ type: "maintenance.plan", runId: "one" });
    await ask["maintenance.plan"]({ type: "maintenance.plan", runId: "two" });
    await first;
    expect(facts.map(({ type, payload }) => [type, (payload as { runId: string }).runId])).toEqual([
      ["maintenance.failed", "two"],
      ["maintenance.planned", "one"],
    ]);
  });

  it("give up a run that the machine has forgotten when a new one begins, with its lock", async () => {
    const { facts, ask } = createHands();
    await ask["maintenance.plan"]({ type: "maintenance.plan", runId: "one" });
    await ask["maintenance.plan"]({ type: "maintenance.plan", runId: "two" });
    expect(facts.map(({ type }) => type)).toEqual(["maintenance.planned", "maintenance.planned"]);
  });
});
