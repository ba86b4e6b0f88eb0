/** The thread that does the heavy part of a backup, beside the thread that trades. One request at a time, in order. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { ok } from "#core/result.ts";
import type { BackupWorker } from "#ops/ports.ts";
import { ownThread, runWhenIdle } from "../idle-thread.ts";
import { archive, readBack, type Tick } from "./archive.ts";
import { extract } from "./extract.ts";
import { survey } from "./survey.ts";
import { remove } from "./take-away.ts";
import { inspect, newestRecordsIn } from "./tree.ts";

/** What may be asked: the port's methods with their request. */
export type BackupWork = {
  [K in Exclude<keyof BackupWorker, "close">]: { readonly kind: K; readonly request: Parameters<BackupWorker[K]>[0] };
}[Exclude<keyof BackupWorker, "close">];
export type BackupRequest = BackupWork & { readonly id: number };
export type BackupAnswer =
  | { readonly type: "started"; readonly thread: string | undefined }
  | { readonly id: number; readonly type: "progress"; readonly bytes: number; readonly files: number }
  | { readonly id: number; readonly type: "result"; readonly result: unknown };

const port = parentPort as MessagePort;
/** What the thread is started with. */
export interface BackupThreadSettings {
  readonly stepsBehind: boolean;
}
// Compression is a whole processor's work, and no fill may wait for it.
if ((workerData as BackupThreadSettings).stepsBehind) runWhenIdle();
port.postMessage({ type: "started", thread: ownThread() } satisfies BackupAnswer);
/** Progress is told once in so many bytes, or files: often, because a thread that steps behind all others may be slow and well. */
const bytesPerReport = 1 << 20;
const filesPerReport = 256;

const perform = async (id: number, work: BackupWork): Promise<unknown> => {
  let bytes = 0;
  let files = 0;
  let toldBytes = 0;
  let toldFiles = 0;
  const tick: Tick = (moreBytes, moreFiles) => {
    bytes += moreBytes;
    files += moreFiles;
    if (bytes - toldBytes < bytesPerReport && files - toldFiles < filesPerReport) return;
    toldBytes = bytes;
    toldFiles = files;
    port.postMessage({ id, type: "progress", bytes, files } satisfies BackupAnswer);
  };
  switch (work.kind) {
    case "survey":
      return survey(work.request, () => tick(0, 1));
    case "archive":
      return archive(work.request, tick);
    case "readBack":
      return readBack(work.request, tick);
    case "inspect": {
      const { root, paths } = work.request;
      return ok(inspect(root, paths, () => tick(1 << 20, 0)));
    }
    case "newestRecords": {
      const { root, paths } = work.request;
      return ok(newestRecordsIn(root, paths, () => tick(0, 1)));
    }
    case "remove":
      return ok(remove(work.request, () => tick(1 << 20, 0)));
    case "extract":
      return extract(work.request, tick);
    default:
      return work satisfies never;
  }
};

let last: Promise<void> = Promise.resolve();
port.on("message", ({ id, ...work }: BackupRequest) => {
  last = last.then(async () => {
    const result = await perform(id, work as BackupWork);
    port.postMessage({ id, type: "result", result } satisfies BackupAnswer);
  });
});
