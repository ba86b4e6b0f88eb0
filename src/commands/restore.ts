/** `qts restore`: files back from a backup, to a new place unless told otherwise. */
import { resolve } from "node:path";
import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { createBackupThread } from "#adapters/host/backup/thread.ts";
import { printable } from "#core/printable.ts";
import { restoreBackup } from "#ops/maintenance/backup/restore.ts";
import { type Command, exitCodes, readOptions, required, UsageError } from "./command.ts";
import { stopSignal } from "./stop-signal.ts";

const help = `qts restore: bring files back from a backup, the newest version of each, every byte verified.

Usage: qts restore --backup DIR [options]

Options:
  --backup DIR   the folder that \`qts maintain\` or a session wrote its backups to
  --to DIR       where the files go; made when it does not exist (default: ./restored)
  --source DIR   only what was backed up from this folder (default: everything; when several folders share the backup, each
                 goes to a folder of its own below --to)
  --glob GLOB    only what matches; may be given several times (default: everything)
  --force        replace files that are there already
  --json         the result as one JSON document on standard output
  --help         this page

What is damaged or in the way costs nothing else: the rest is restored, and what could not be is named.

The archives are plain tar.gz: \`tar -tzf\`, \`tar -xzf\` and \`tar --compare\` work on them too.

Exit codes: 0 restored, 1 failed (not everything could be restored), 2 usage, 4 refused (nothing written: files are in the way,
nothing matches).
`;

const options = {
  backup: { type: "string" },
  to: { type: "string" },
  source: { type: "string" },
  glob: { type: "string", multiple: true },
  force: { type: "boolean" },
  json: { type: "boolean" },
} as const;

export const command: Command = {
  name: "restore",
  summary: "bring files back from a backup, verified",
  help,
  run: async (args, io) => {
    const { values } = readOptions("restore", args, options);
    if (values.glob?.some((glob) => glob.trim() === ""))
      throw new UsageError("--glob is empty and matches nothing; `qts restore --help` shows how it is called.");
    const worker = createBackupThread({ signal: stopSignal(io), stepsBehind: false });
    io.onOutputLost?.(() => {});
    try {
      const restored = await restoreBackup(createMaintenanceFiles(), worker, {
        backupRoot: resolve(io.cwd, required("restore", "backup", values.backup)),
        to: resolve(io.cwd, values.to ?? "restored"),
        globs: values.glob ?? [],
        overwrite: values.force ?? false,
        ...(values.source === undefined ? {} : { source: resolve(io.cwd, values.source) }),
      });
      if (!restored.ok) {
        const { type, reason } = restored.error;
        if (values.json) io.out(`${JSON.stringify({ outcome: type, reason }, null, 2)}\n`);
        io.err(`${printable(`qts restore: ${type}: ${reason}`)}\n`);
        return type === "refused" ? exitCodes.refused : exitCodes.failed;
      }
      const { to, files, unavailable, notes } = restored.value;
      const isWhole = unavailable.length + notes.length === 0;
      if (values.json) io.out(`${JSON.stringify({ outcome: isWhole ? "done" : "failed", ...restored.value }, null, 2)}\n`);
      else {
        for (const { path, archive } of files) io.out(`${printable(`restored  ${path} from ${archive}`)}\n`);
        io.out(`${printable(`${files.length} files restored and verified in ${to}.`)}\n`);
      }
      for (const { path, reason } of unavailable) io.err(`${printable(`qts restore: not restored: ${path}: ${reason}`)}\n`);
      for (const text of notes) io.err(`${printable(`qts restore: ${text}`)}\n`);
      return isWhole ? exitCodes.ok : exitCodes.failed;
    } finally {
      await worker.close();
    }
  },
};
