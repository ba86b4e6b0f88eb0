/** kill -9 at every step boundary of a real process, then run again: the same end, and at no moment a file without a home. */
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { createBackupThread } from "#adapters/host/backup/thread.ts";
import { createRandom } from "#core/random.ts";
import { restoreBackup } from "#ops/maintenance/backup/restore.ts";
import { catalogFor, readShelf } from "#ops/maintenance/backup/shelf.ts";
import { cleanupLogPath } from "#ops/maintenance/log.ts";
import { createMaintenanceEntries } from "#ops/maintenance/one-run.ts";
import type { BackupWorker } from "#ops/ports.ts";
import { spawnMortal } from "../../mortal.ts";
import { contentOf, createWorkshop, keepSevenDays, type Workshop } from "../maintenance/workshop.ts";

let shop: Workshop;
let worker: BackupWorker;
beforeEach(() => {
  shop = createWorkshop();
  worker = createBackupThread({ stepsBehind: false });
});
afterEach(async () => {
  await worker.close();
  await shop.dispose();
});

const child = (
  data: string,
  backup: string,
  killAt?: number,
  killAfterMs?: number,
): Promise<{ readonly signal: string | null; readonly output: string }> =>
  new Promise((resolve) => {
    const script = join(import.meta.dirname, "../maintenance/maintain-child.ts");
    const started = spawnMortal(process.execPath, [script, data, backup, `${killAt ?? ""}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    started.stdout.on("data", (piece: Buffer) => {
      output += piece;
    });
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => started.kill("SIGKILL"), killAfterMs);
    started.on("exit", (_, signal) => {
      clearTimeout(timer);
      resolve({ signal, output });
    });
  });

/** Every file is at its source, or in a verified backup with the same content. */
const expectNothingLost = async (data: string, backup: string, before: Readonly<Record<string, string>>): Promise<void> => {
  const left = contentOf(shop, data);
  const missing = Object.keys(before).filter((path) => left[path] === undefined);
  if (missing.length === 0) return;
  const shelf = await readShelf(createMaintenanceFiles(), backup);
  if (!shelf.ok) throw new Error(shelf.error.reason);
  const catalog = catalogFor(shelf.value, data);
  for (const path of missing) expect(catalog.get(path)?.[0]?.sha256).toBe(before[path]);
  expect(
    missing.every((path) =>
      readFileSync(join(backup, "ops/logs/maintenance/cleanup.log"), "utf8").includes(`"deleted","path":"${path}"`),
    ),
  ).toBe(true);
};

const expectSameEnd = async (
  data: string,
  backup: string,
  before: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, string>>,
) => {
  expect(contentOf(shop, data)).toEqual(expected);
  expect(shop.list(backup).filter((name) => /partial|lock/.test(name))).toEqual([]);
  const to = `${backup}-restored`;
  const restored = await restoreBackup(createMaintenanceFiles(), worker, { backupRoot: backup, to, globs: [], overwrite: false });
  expect(restored).toMatchObject({ ok: true, value: { unavailable: [] } });
  expect(contentOf(shop, to)).toEqual(before);
};

const prepare = async () => {
  shop.writeDays(10, "swing");
  shop.writeDays(10, "scalp");
  const before = contentOf(shop, shop.data);
  const whole = join(shop.root, "whole");
  cpSync(shop.data, whole, { recursive: true, preserveTimestamps: true });
  const { output } = await child(whole, join(shop.root, "whole-backup"));
  const { cutPoints, outcome, deleted } = JSON.parse(output) as { cutPoints: number; outcome: string; deleted: unknown[] };
  expect(outcome).toBe("done");
  expect(deleted.length).toBeGreaterThan(2);
  return { before, cutPoints, expected: contentOf(shop, whole) };
};

describe("a run killed with SIGKILL", () => {
  it("at each of its step boundaries loses nothing, and the next run ends as if nothing had happened (M9)", async () => {
    const { before, cutPoints, expected } = await prepare();
    expect(cutPoints).toBeGreaterThan(15);
    const points = Array.from({ length: cutPoints }, (_, index) => index + 1);
    const probe = async (point: number): Promise<void> => {
      const data = join(shop.root, `data-${point}`);
      const backup = join(shop.root, `backup-${point}`);
      cpSync(shop.data, data, { recursive: true, preserveTimestamps: true });
      const { signal } = await child(data, backup, point);
      expect([point, signal]).toEqual([point, "SIGKILL"]);
      if (existsSync(backup)) await expectNothingLost(data, backup, before);
      else expect(contentOf(shop, data)).toEqual(before);
      // In this process, which saves the start of another; the next test starts each run anew.
      const { runMaintenance } = createMaintenanceEntries(
        shop.host({ worker, deleteShareMax: 0.4, logPath: cleanupLogPath(backup) }),
      );
      expect(await runMaintenance(data, backup, keepSevenDays)).toMatchObject({ outcome: "done" });
      await expectSameEnd(data, backup, before, expected);
    };
    for (let start = 0; start < points.length; start += 2) await Promise.all(points.slice(start, start + 2).map(probe));
  });

  it("at random moments, again and again on the same folders, loses nothing and comes to the same end (M9)", async () => {
    const { before, expected } = await prepare();
    const seed = Number(process.env.SEED ?? 20131020);
    const random = createRandom(seed);
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await child(shop.data, shop.backup, undefined, 100 + random() * 250);
      if (existsSync(shop.backup))
        await expectNothingLost(shop.data, shop.backup, before).catch((error: unknown) =>
          Promise.reject(new Error(`SEED=${seed} attempt ${attempt}: ${error}`)),
        );
    }
    expect(JSON.parse((await child(shop.data, shop.backup)).output)).toMatchObject({ outcome: "done" });
    await expectSameEnd(shop.data, shop.backup, before, expected);
  });
});
