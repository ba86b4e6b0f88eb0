/** A data folder, a backup folder and a clock that stands where a test puts it. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { createBackupThread } from "#adapters/host/backup/thread.ts";
import type { RunReport } from "#ops/maintenance/coordinator.ts";
import { cleanupLogPath } from "#ops/maintenance/log.ts";
import { createMaintenanceEntries, type EntryOptions } from "#ops/maintenance/one-run.ts";
import type { DataRetentionPolicy, FileRetentionPolicy } from "#ops/maintenance/retention/policy.ts";

export const dayMs = 86_400_000;
/** 2013-10-20 21:00 in Seoul. */
export const evening = Date.UTC(2013, 9, 20, 12);

export const keepSevenDays: FileRetentionPolicy = { type: "file", days: 7, globs: ["**"], filesKeptMin: 1 };
export const byCategory: DataRetentionPolicy = {
  type: "data",
  rawSnapshotDays: 7,
  patternRecordDays: 30,
  decisionSnapshotDays: "never",
  filesKeptMin: 1,
};

/** `20131020` for the evening, and the days before it. */
export const dayName = (daysBefore: number): string =>
  new Date(evening + 9 * 3_600_000 - daysBefore * dayMs).toISOString().slice(0, 10).replaceAll("-", "");

export const createWorkshop = () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "qts-maintenance-")));
  const data = join(root, "data");
  const backup = join(root, "backup");
  mkdirSync(data);
  const threads: ReturnType<typeof createBackupThread>[] = [];

  const write = (path: string, text: string | Buffer = `{"of":${JSON.stringify(path)}}\n`): void => {
    mkdirSync(dirname(join(data, path)), { recursive: true });
    writeFileSync(join(data, path), text);
    // In the past, so that a later change is a later time on any file system.
    utimesSync(join(data, path), 1_381_000_000, 1_381_000_000);
  };

  const host = (options: Partial<EntryOptions> = {}): EntryOptions => {
    const worker = options.worker ?? createBackupThread({ stepsBehind: false });
    threads.push(worker);
    return {
      files: createMaintenanceFiles(),
      clock: { now: () => evening, monotonicMs: () => performance.now(), hold: (work) => work },
      deleteShareMax: 1,
      ...options,
      worker,
    };
  };

  return {
    root,
    data,
    backup,
    log: cleanupLogPath(backup),
    write,
    host,
    /** One file a day and stream, `days` days back from the evening; the oldest is the last. */
    writeDays: (days: number, stream = "swing"): string[] =>
      Array.from({ length: days }, (_, daysBefore) => {
        const path = `${stream}/${dayName(daysBefore)}/09_00.jsonl`;
        write(path, `{"stream":"${stream}","daysBefore":"${String(daysBefore).padStart(4)}"}\n`.repeat(20));
        return path;
      }),
    run: (options: Partial<EntryOptions> = {}, policy: FileRetentionPolicy = keepSevenDays): Promise<RunReport> =>
      createMaintenanceEntries(host(options)).runMaintenance(data, backup, policy, options.includeGlobs),
    /** Paths under a folder, sorted. */
    list: (folder: string): string[] =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
        .sort(),
    logLines: (): { decision: string; path: string; reason: string; sha256?: string; manifest?: string }[] =>
      readFileSync(cleanupLogPath(backup), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    dispose: async (): Promise<void> => {
      for (const thread of threads) await thread.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
};

export type Workshop = ReturnType<typeof createWorkshop>;

export const sha256Of = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** Content by path. */
export const contentOf = (workshop: Workshop, folder: string): Record<string, string> =>
  Object.fromEntries(workshop.list(folder).map((path) => [path, sha256Of(join(folder, path))]));

export const gnuTar = (...args: string[]): string =>
  execFileSync("tar", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** A port that calls `before` and `after` around each of its methods. */
export const watched = <T extends object>(
  port: T,
  hooks: {
    readonly before?: (method: keyof T, args: readonly unknown[]) => void | Promise<void>;
    readonly after?: (method: keyof T, args: readonly unknown[]) => void | Promise<void>;
  },
): T =>
  new Proxy(port, {
    get: (target, method) => {
      const original = target[method as keyof T];
      if (typeof original !== "function") return original;
      return (...args: unknown[]) => {
        // Methods that answer at once are not steps.
        if (method === "matchesGlob" || method === "sha256" || method === "close") return original.apply(target, args);
        return (async () => {
          await hooks.before?.(method as keyof T, args);
          const result = await original.apply(target, args);
          await hooks.after?.(method as keyof T, args);
          return result;
        })();
      };
    },
  });
