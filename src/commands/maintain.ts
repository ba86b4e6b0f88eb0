/** `qts maintain`: one maintenance run on any two folders, without the worker process. */
import { resolve } from "node:path";
import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { createBackupThread } from "#adapters/host/backup/thread.ts";
import { createHostClock } from "#adapters/host/clock.ts";
import { printable } from "#core/printable.ts";
import { emptyReport, type RunReport } from "#ops/maintenance/coordinator.ts";
import { cleanupLogPath } from "#ops/maintenance/log.ts";
import { createMaintenanceEntries, type EntryOptions } from "#ops/maintenance/one-run.ts";
import { previewRun } from "#ops/maintenance/preview.ts";
import { type RetentionPolicy, seoul } from "#ops/maintenance/retention/policy.ts";
import { type Command, exitCodes, readOptions, required, UsageError } from "./command.ts";
import { qtsVersion } from "./command-line.ts";
import { stopSignal } from "./stop-signal.ts";
import { readTimeZone } from "./time-zone.ts";

const help = `qts maintain: back up, verify, and only then delete what is older than you keep.

Usage: qts maintain --data DIR --backup DIR (--days N | --policy data) [options]

Each file is backed up into a tar.gz that is read back from disk before anything is deleted. A file goes only when the
backup holds exactly its present content. Prints what was done, or would be done, and why, file by file.

Options:
  --data DIR           the folder to look after
  --backup DIR         where archives and manifests go; not inside --data
  --days N             keep files for so many days after their newest record
  --policy file|data   file (default): by age. data: by category of the folder (scalp, swing: raw, --days, default 7;
                       patterns: 30; decisions, system and unknown: for ever)
  --include GLOB       back up only what matches, and so delete only that; may be given several times (default: everything)
  --share X            at most this share of files and of bytes is deleted in a day (default 0.25)
  --keep N             of each stream the newest N files always stay (default 1)
  --trust-clock        delete although the last run was more than 26 h ago or the clock went back
  --time-zone ZONE     of the days and hours in the names (Asia/Seoul)
  --gzip-level N       1 (fast, default) to 9 (small)
  --log FILE           the log of decisions (default: BACKUP/ops/logs/maintenance/cleanup.log)
  --dry-run            say what would be done and write nothing
  --json               the report as one JSON document on standard output
  --help               this page

Age is told by the name of a file (20131007, 20131007/10_00.jsonl) and by the newest record in it, never by its
modification time, and counted from the newest data. The newest file of a stream always stays.

Exit codes: 0 done, 1 failed (nothing was deleted that was not verified), 2 usage, 4 refused (nothing was touched).
`;

const options = {
  data: { type: "string" },
  backup: { type: "string" },
  days: { type: "string" },
  policy: { type: "string" },
  include: { type: "string", multiple: true },
  share: { type: "string" },
  keep: { type: "string" },
  "trust-clock": { type: "boolean" },
  "time-zone": { type: "string" },
  "gzip-level": { type: "string" },
  log: { type: "string" },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
} as const;

const numberOf = (
  option: string,
  text: string | undefined,
  fallback: number,
  isRight: (value: number) => boolean,
  wants: string,
): number => {
  if (text === undefined) return fallback;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (isRight(value)) return value;
  throw new UsageError(`--${option} is "${text}" and must be ${wants}; \`qts maintain --help\` explains it.`);
};

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

interface PolicyOptions {
  readonly policy?: string;
  readonly days?: string;
  readonly keep?: string;
  readonly "time-zone"?: string;
}

const policyOf = (values: PolicyOptions): RetentionPolicy => {
  const timeZone = readTimeZone(values["time-zone"] ?? seoul);
  const days = (fallback: number): number => numberOf("days", values.days, fallback, isWhole, "a whole number of days");
  const filesKeptMin = numberOf("keep", values.keep, 1, isWhole, "a whole number of files");
  switch (values.policy ?? "file") {
    case "file":
      required("maintain", "days", values.days);
      return { type: "file", days: days(0), globs: ["**"], filesKeptMin, timeZone };
    case "data":
      return {
        type: "data",
        rawSnapshotDays: days(7),
        patternRecordDays: 30,
        decisionSnapshotDays: "never",
        filesKeptMin,
        timeZone,
      };
    default:
      throw new UsageError(`--policy is "${values.policy}" and must be file or data.`);
  }
};

const sized = (bytes: number): string =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6
      ? `${(bytes / 1e6).toFixed(1)} MB`
      : bytes >= 1e3
        ? `${(bytes / 1e3).toFixed(1)} kB`
        : `${bytes} B`;

const sentences = (report: RunReport, isDryRun: boolean): string => {
  const would = isDryRun ? "would be " : "";
  const lines = [
    ...report.backedUp.map(({ path, size }) => `${would}backed up  ${path} (${sized(size)})`),
    ...report.skipped.map(({ path, reason }) => `skipped  ${path}: ${reason}`),
    ...report.deleted.map(({ path, reason }) => `${would}deleted  ${path}: ${reason}`),
    ...report.failedDeletes.map(({ path, reason }) => `not deleted  ${path}: ${reason}`),
    ...report.kept.map(({ path, reason }) => `kept  ${path}: ${reason}`),
    ...report.notes.map((text) => `note  ${text}`),
  ];
  const nothing =
    report.backedUp.length + report.unchanged === 0 && report.unmatched > 0
      ? [`nothing is in the backup: --include matches none of ${report.unmatched} files`]
      : [];
  const bytes = report.backedUp.reduce((sum, { size }) => sum + size, 0);
  const place = report.archivePath === undefined ? "" : ` in ${report.archivePath}`;
  const figures = `${report.backedUp.length} files (${sized(bytes)}) ${would}backed up${place}, ${report.unchanged} held already, ${report.deleted.length} ${would}deleted, ${report.kept.length} kept`;
  const failures = report.failedDeletes.length > 0 ? `, ${report.failedDeletes.length} could not be deleted` : "";
  return `${[...lines, ...nothing, `${figures}${failures}.`].map(printable).join("\n")}\n`;
};

const exitCodeOf = (report: RunReport): number =>
  report.outcome === "done" ? exitCodes.ok : report.outcome === "refused" ? exitCodes.refused : exitCodes.failed;

const refusal = (runId: string, type: "refused" | "failed", step: string, reason: string): RunReport => ({
  ...emptyReport(runId),
  outcome: type,
  failure: { step, reason },
});

export const command: Command = {
  name: "maintain",
  summary: "back up a folder, verify the backup, delete what has expired",
  help,
  run: async (args, io) => {
    const { values } = readOptions("maintain", args, options);
    const dataRoot = resolve(io.cwd, required("maintain", "data", values.data));
    const backupRoot = resolve(io.cwd, required("maintain", "backup", values.backup));
    const policy = policyOf(values);
    const isDryRun = values["dry-run"] ?? false;
    const worker = createBackupThread({ signal: stopSignal(io), stepsBehind: false });
    io.onOutputLost?.(() => {});
    const host: EntryOptions = {
      files: createMaintenanceFiles(),
      worker,
      clock: createHostClock(),
      tool: `qts ${qtsVersion()}`,
      logPath: values.log === undefined ? cleanupLogPath(backupRoot) : resolve(io.cwd, values.log),
      gzipLevel: numberOf("gzip-level", values["gzip-level"], 1, (level) => isWhole(level) && level >= 1 && level <= 9, "1 to 9"),
      deleteShareMax: numberOf(
        "share",
        values.share,
        0.25,
        (share) => share >= 0 && share <= 1,
        "a share between 0 and 1, like 0.25",
      ),
      isClockTrusted: values["trust-clock"] ?? false,
    };
    const includeGlobs = values.include ?? ["**"];
    if (includeGlobs.some((glob) => glob.trim() === ""))
      throw new UsageError("--include is empty and matches nothing; `qts maintain --help` shows how it is called.");
    try {
      let report: RunReport;
      if (isDryRun) {
        const preview = await previewRun({ ...host, dataRoot, backupRoot, policy, includeGlobs });
        report = preview.ok ? preview.value : refusal("dry-run", preview.error.type, "plan", preview.error.reason);
      } else {
        const { runMaintenance, runMaintenanceAutomation } = createMaintenanceEntries({ ...host, includeGlobs });
        report =
          policy.type === "file"
            ? await runMaintenance(dataRoot, backupRoot, policy, includeGlobs)
            : await runMaintenanceAutomation(dataRoot, backupRoot, policy);
      }
      if (values.json) io.out(`${JSON.stringify({ dryRun: isDryRun, ...report }, null, 2)}\n`);
      else if (report.outcome === "done" || report.backedUp.length + report.deleted.length > 0)
        io.out(sentences(report, isDryRun));
      if (report.failure !== undefined)
        io.err(`${printable(`qts maintain: ${report.outcome} at ${report.failure.step}: ${report.failure.reason}`)}\n`);
      return exitCodeOf(report);
    } finally {
      await worker.close();
    }
  },
};
