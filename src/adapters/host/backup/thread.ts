/** The BackupWorker port on a worker thread. Started at the first request; one that makes no progress is given up. */
import { Worker } from "node:worker_threads";
import { err, type Result } from "#core/result.ts";
import type { BackupWorker, HostError, WorkProgress } from "#ops/ports.ts";
import { isHung, type Turn, turnOf } from "../idle-thread.ts";
import type { BackupAnswer, BackupRequest, BackupThreadSettings, BackupWork } from "./backup.worker.ts";

interface Pending {
  readonly settle: (result: Result<unknown, HostError>) => void;
  readonly onProgress: ((progress: WorkProgress) => void) | undefined;
  watchdog: NodeJS.Timeout;
}

const stopped = "the backup was stopped";
/** A thread inside a hung system call ends when the call does; nobody waits for that. */
const endMsMax = 5_000;
const endOrTimeout = async (ended: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([ended, new Promise((resolve) => (timer = setTimeout(resolve, endMsMax)))]);
  clearTimeout(timer);
};

export const createBackupThread = ({
  stallMsMax = 60_000,
  stepsBehind = true,
  signal,
}: {
  /** Real milliseconds without progress, after which work counts as hung: a dead network disk, say, but not a busy machine. */
  readonly stallMsMax?: number;
  /** It runs only when nobody else wants the processor. */
  readonly stepsBehind?: boolean;
  /** Once it is aborted, work under way is given up and no other is begun. */
  readonly signal?: AbortSignal;
} = {}): BackupWorker => {
  const pending = new Map<number, Pending>();
  let thread: Worker | undefined;
  let threadNumber: string | undefined;
  let lastId = 0;

  /** @param untilEnded waits for the end of the thread before anybody hears of it; by default nobody waits */
  const giveUp = async (reason: string, untilEnded?: (ended: Promise<unknown>) => Promise<void>): Promise<void> => {
    const dead = thread;
    thread = undefined;
    threadNumber = undefined;
    const given = [...pending.values()];
    pending.clear();
    for (const { watchdog } of given) clearTimeout(watchdog);
    const ended = dead?.terminate();
    if (ended !== undefined) await untilEnded?.(ended);
    for (const { settle } of given) settle(err({ type: "failed", reason }));
  };

  const watch = (): NodeJS.Timeout => {
    let before: Turn | undefined;
    const timer = setTimeout(() => {
      const now = turnOf(threadNumber);
      if (isHung(before, now, stallMsMax)) void giveUp(`no progress for ${stallMsMax / 1000} s`);
      else {
        before = now;
        timer.refresh();
      }
    }, stallMsMax);
    return timer;
  };

  const start = (): Worker => {
    // Memory is bounded by the sizes of pieces and of the list of files; the limit turns a mistake in that into an error.
    const started = new Worker(new URL("./backup.worker.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 512 },
      workerData: { stepsBehind } satisfies BackupThreadSettings,
    });
    started.on("message", (answer: BackupAnswer) => {
      if (answer.type === "started") {
        if (thread === started) threadNumber = answer.thread;
        return;
      }
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
      if (thread === started) void giveUp(`the backup thread stopped: ${error instanceof Error ? error.message : String(error)}`);
    });
    started.on("exit", () => {
      if (thread === started) void giveUp("the backup thread ended");
    });
    return started;
  };

  const ask = <T>(work: BackupWork, onProgress?: (progress: WorkProgress) => void): Promise<Result<T, HostError>> =>
    new Promise((settle) => {
      if (signal?.aborted) {
        settle(err({ type: "failed", reason: stopped }));
        return;
      }
      thread ??= start();
      thread.ref();
      lastId += 1;
      pending.set(lastId, { settle: settle as Pending["settle"], onProgress, watchdog: watch() });
      thread.postMessage({ id: lastId, ...work } satisfies BackupRequest);
    });

  const close = (): Promise<void> => giveUp(stopped, endOrTimeout);
  signal?.addEventListener("abort", () => void close(), { once: true });

  return {
    survey: (request) => ask({ kind: "survey", request }),
    archive: (request, onProgress) => ask({ kind: "archive", request }, onProgress),
    readBack: (request, onProgress) => ask({ kind: "readBack", request }, onProgress),
    inspect: (request) => ask({ kind: "inspect", request }),
    newestRecords: (request) => ask({ kind: "newestRecords", request }),
    remove: (request) => ask({ kind: "remove", request }),
    extract: (request, onProgress) => ask({ kind: "extract", request }, onProgress),
    // What it was writing can be removed only once it writes no more.
    close,
  };
};
