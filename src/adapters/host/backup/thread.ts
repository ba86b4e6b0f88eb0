/** The BackupWorker port on a worker thread. Started at the first request; one that makes no progress is given up. */
import { Worker } from "node:worker_threads";
import { err, type Result } from "#core/result.ts";
import type { BackupWorker, HostError, WorkProgress } from "#ops/ports.ts";
import type { BackupAnswer, BackupRequest, BackupWork } from "./backup.worker.ts";

interface Pending {
  readonly settle: (result: Result<unknown, HostError>) => void;
  readonly onProgress: ((progress: WorkProgress) => void) | undefined;
  watchdog: NodeJS.Timeout;
}

/** @param stallMsMax real milliseconds without progress, after which work counts as hung (a dead network disk, say) */
export const createBackupThread = ({ stallMsMax = 60_000 }: { readonly stallMsMax?: number } = {}): BackupWorker => {
  const pending = new Map<number, Pending>();
  let thread: Worker | undefined;
  let lastId = 0;

  const giveUp = (reason: string): void => {
    const dead = thread;
    thread = undefined;
    for (const { settle, watchdog } of pending.values()) {
      clearTimeout(watchdog);
      settle(err({ type: "failed", reason }));
    }
    pending.clear();
    // Not awaited: a thread inside a hung system call ends when the call does.
    void dead?.terminate();
  };

  const watch = (): NodeJS.Timeout => setTimeout(() => giveUp(`no progress for ${stallMsMax / 1000} s`), stallMsMax);

  const start = (): Worker => {
    // Memory is bounded by the sizes of pieces and of the list of files; the limit turns a mistake in that into an error.
    const started = new Worker(new URL("./backup.worker.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    started.on("message", (answer: BackupAnswer) => {
      // The thread works in order: an answer for one request is progress for all that wait behind it.
      for (const waiting of pending.values()) {
        clearTimeout(waiting.watchdog);
        waiting.watchdog = watch();
      }
      const asked = pending.get(answer.id);
      if (asked === undefined) return;
      if (answer.type === "progress") asked.onProgress?.({ files: answer.files, bytes: answer.bytes });
      else {
        clearTimeout(asked.watchdog);
        pending.delete(answer.id);
        if (pending.size === 0) started.unref();
        asked.settle(answer.result as Result<unknown, HostError>);
      }
    });
    started.on("error", (error) => {
      if (thread === started) giveUp(`the backup thread stopped: ${error instanceof Error ? error.message : String(error)}`);
    });
    started.on("exit", () => {
      if (thread === started) giveUp("the backup thread ended");
    });
    return started;
  };

  const ask = <T>(work: BackupWork, onProgress?: (progress: WorkProgress) => void): Promise<Result<T, HostError>> =>
    new Promise((settle) => {
      thread ??= start();
      thread.ref();
      lastId += 1;
      pending.set(lastId, { settle: settle as Pending["settle"], onProgress, watchdog: watch() });
      thread.postMessage({ id: lastId, ...work } satisfies BackupRequest);
    });

  return {
    survey: (request) => ask({ kind: "survey", request }),
    archive: (request, onProgress) => ask({ kind: "archive", request }, onProgress),
    readBack: (request, onProgress) => ask({ kind: "readBack", request }, onProgress),
    inspect: (request) => ask({ kind: "inspect", request }),
    newestRecords: (request) => ask({ kind: "newestRecords", request }),
    remove: (request) => ask({ kind: "remove", request }),
    extract: (request, onProgress) => ask({ kind: "extract", request }, onProgress),
    close: async () => giveUp("the backup was stopped"),
  };
};
