/** `qts restore`: files back from a backup, to a new place unless told otherwise. */
import { resolve } from "node:path";
import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { createBackupThread } from "#adapters/host/backup/thread.ts";
import { restoreBackup } from "#ops/maintenance/backup/restore.ts";
import { type Command, exitCodes, readOptions, required } from "./command.ts";

const help = `qts restore: bring files back from a backup, the newest version of each, every byte verified.

Usage: qts restore --backup DIR [options]

Options:
  --backup DIR   the folder that \`qts maintain\` or a session wrote its backups to
  --to DIR       where the files go; made when it does not exist (default: ./restored)
  --glob GLOB    only what matches; may be given several times (default: everything)
  --force        replace files that are there already
  --json         the result as one JSON document on standard output
  --help         this page

The archives are plain tar.gz: \`tar -tzf\`, \`tar -xzf\` and \`tar --compare\` work on them too.

Exit codes: 0 restored, 1 failed (an archive is damaged), 2 usage, 4 refused (nothing written: files are in the way,
nothing matches).
`;

const options = {
  backup: { type: "string" },
  to: { type: "string" },
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
    const worker = createBackupThread();
    const stop = (): void => void worker.close();
    io.signal?.addEventListener("abort", stop, { once: true });
    io.onOutputLost?.(() => {});
    try {
      const restored = await restoreBackup(createMaintenanceFiles(), worker, {
        backupRoot: resolve(io.cwd, required("restore", "backup", values.backup)),
        to: resolve(io.cwd, values.to ?? "restored"),
        globs: values.glob ?? [],
        overwrite: values.force ?? false,
      });
      if (!restored.ok) {
        const { type, reason } = restored.error;
        if (values.json) io.out(`${JSON.stringify({ outcome: type, reason }, null, 2)}\n`);
        io.err(`qts restore: ${type}: ${reason}\n`);
        return type === "refused" ? exitCodes.refused : exitCodes.failed;
      }
      const { to, files, unavailable } = restored.value;
      if (values.json)
        io.out(`${JSON.stringify({ outcome: unavailable.length > 0 ? "failed" : "done", to, files, unavailable }, null, 2)}\n`);
      else {
        for (const { path, archive } of files) io.out(`restored  ${path} from ${archive}\n`);
        io.out(`${files.length} files restored and verified in ${to}.\n`);
      }
      for (const { path, reason } of unavailable) io.err(`qts restore: not restored: ${path}: ${reason}\n`);
      return unavailable.length > 0 ? exitCodes.failed : exitCodes.ok;
    } finally {
      io.signal?.removeEventListener("abort", stop);
      await worker.close();
    }
  },
};
