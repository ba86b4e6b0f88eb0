/** kill -9 cannot see a missing fsync, a power cut can: here the system calls of a real run are read, in their order. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWorkshop, type Workshop } from "../maintenance/workshop.ts";

let shop: Workshop;
beforeEach(() => {
  shop = createWorkshop();
});
afterEach(() => shop.dispose());

const canTrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;

describe("verified means durable", () => {
  it.skipIf(!canTrace)(
    "archive, folder, manifest, folder and log are on disk, in this order, before the first unlink (needs strace) (M3)",
    () => {
      shop.writeDays(12);
      const trace = join(shop.root, "trace");
      const script = join(import.meta.dirname, "../maintenance/maintain-child.ts");
      const calls = "trace=fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat";
      execFileSync("strace", [
        "-f",
        "-y",
        "-s",
        "4096",
        "-e",
        calls,
        "-o",
        trace,
        process.execPath,
        script,
        shop.data,
        shop.backup,
      ]);
      const lines = readFileSync(trace, "utf8").split("\n");
      const at = (pattern: string): number => lines.findIndex((line) => new RegExp(pattern).test(line));
      const next = (from: number, pattern: string): number =>
        lines.findIndex((line, index) => index > from && new RegExp(pattern).test(line));
      const partial = (name: string): string => `${shop.backup}/\\.partial-[0-9a-f]{16}-${name}`;

      const archiveSynced = at(`fsync\\(\\d+<${partial("backup-000001.tar.gz")}>\\)\\s+= 0`);
      const archiveNamed = next(archiveSynced, `rename.*${partial("backup-000001.tar.gz")}.*= 0`);
      const archiveNameSynced = next(archiveNamed, `fsync\\(\\d+<${shop.backup}>\\)\\s+= 0`);
      const manifestSynced = next(archiveNameSynced, `fsync\\(\\d+<${partial("backup-000001.manifest.json")}>\\)\\s+= 0`);
      const manifestNamed = next(manifestSynced, `rename.*${partial("backup-000001.manifest.json")}.*= 0`);
      const manifestNameSynced = next(manifestNamed, `fsync\\(\\d+<${shop.backup}>\\)\\s+= 0`);
      const logSynced = next(manifestNameSynced, `fsync\\(\\d+<${shop.log}>\\)\\s+= 0`);
      // Names are looked up in folders that are open, not by their path.
      const firstUnlink = at(`unlink.*"/proc/self/fd/\\d+/\\.qts-taken/09_00\\.jsonl"\\)\\s+= 0`);
      const order = [
        archiveSynced,
        archiveNamed,
        archiveNameSynced,
        manifestSynced,
        manifestNamed,
        manifestNameSynced,
        logSynced,
        firstUnlink,
      ];
      expect(order).not.toContain(-1);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      const taken = at(`rename.*"/proc/self/fd/\\d+/09_00\\.jsonl".*= 0`);
      expect(taken).toBeGreaterThan(logSynced);
      expect(taken).toBeLessThan(firstUnlink);
      expect(next(firstUnlink, `fsync\\(\\d+<${shop.data}/swing/\\d+>\\)\\s+= 0`)).toBeGreaterThan(firstUnlink);
      // The backup root itself is new: its name must be on disk too.
      expect(at(`fsync\\(\\d+<${shop.root}>\\)\\s+= 0`)).toBeLessThan(archiveSynced);
      expect(at(`fsync\\(\\d+<${shop.root}>\\)\\s+= 0`)).toBeGreaterThan(-1);
    },
  );
});
