/**
 * The embedded journal: SQLite in a worker thread, durable before `append` resolves.
 *
 * This side keeps the requests that wait for an answer. Whatever happens to the worker or its disk, every wait ends: with
 * an answer, or with `journal.unavailable`, and after the first such failure nothing more is accepted.
 */
import { Worker } from "node:worker_threads";
import type { Journal, JournalError, StateSnapshot } from "#core/ports.ts";
import { assert, err, ok, type Result } from "#core/result.ts";
import type { JournalAnswers, JournalBusy, JournalOpened, JournalRequest, JournalWorkerData } from "./journal.worker.ts";
import { type PackedRecords, unpack } from "./store.ts";

export interface HostJournal extends Journal {
  readonly file: string;
  /** Sentences about what opening found and dealt with: a torn tail that was cut, a snapshot that was passed over. */
  readonly notices: readonly string[];
  /** Why the session in this file is over, if it is. */
  readonly ended: string | undefined;
  /** Durably notes that the session is over, so that the next start begins a new journal. */
  markEnded(cause: string): Promise<Result<void, JournalError>>;
}

/** A disk that does not answer for so long has failed, whatever it says later. */
const answerMsMax = 30_000;
/** A backup or a curious person is done by then; the bound on memory is the recorder's. */
const heldMsMax = 300_000;
/** Opening reads and checks every record since the last snapshot, about a million per second. */
const openMsMax = 300_000;

type Request = JournalRequest extends infer R ? (R extends JournalRequest ? Omit<R, "id"> : never) : never;
interface PendingAnswer {
  since: number;
  readonly resolve: (result: Result<never, JournalError>) => void;
}

/**
 * Opens a journal file, creating it when it is absent, and checks all that recovery will need.
 *
 * @param snapshotsKept older snapshots are removed
 * @param recordsKept records that no kept snapshot needs are removed only beyond this many
 * @param deadlineMs how long any one answer may take
 * @param busyMsMax how long another process may hold the file before it counts as lost
 * @param start how the worker is started; tests pass a worker that fails
 * @returns the journal; or `journal.corrupt` with the first damaged record, or `journal.unavailable` with a sentence
 */
export const openJournal = async ({
  file,
  snapshotsKept = 2,
  recordsKept = 1_000_000,
  deadlineMs = answerMsMax,
  busyMsMax = heldMsMax,
  start = startWorker,
}: {
  readonly file: string;
  readonly snapshotsKept?: number;
  readonly recordsKept?: number;
  readonly deadlineMs?: number;
  readonly busyMsMax?: number;
  readonly start?: (data: JournalWorkerData) => Worker;
}): Promise<Result<HostJournal, JournalError>> => {
  assert(snapshotsKept >= 1 && recordsKept >= 1, "a journal keeps at least one snapshot and one record");
  const worker = start({ file, bounds: { snapshotsKept, recordsKept }, busyMsMax });
  const waiting = new Map<number, PendingAnswer>();
  let lastId = 0;
  let failure: JournalError | undefined;
  let watch: NodeJS.Timeout | undefined;
  let tellBusy: (reason: string | undefined) => void = () => undefined;
  let closing: Promise<void> | undefined;
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));

  const fail = (reason: string): void => {
    failure ??= { type: "journal.unavailable", reason: `${file}: ${reason}` };
    clearTimeout(watch);
    watch = undefined;
    const told = [...waiting.values()];
    waiting.clear();
    for (const { resolve } of told) resolve(err(failure));
  };

  /** Looks at the oldest wait only: answers come in order. */
  const keepWatch = (limitMs: number): void => {
    watch ??= setTimeout(() => {
      watch = undefined;
      const [oldest] = waiting.values();
      if (oldest === undefined) return;
      if (performance.now() - oldest.since >= limitMs) {
        fail(`the disk has not answered for ${limitMs / 1000} s`);
        void worker.terminate();
      } else keepWatch(limitMs);
    }, limitMs);
  };

  const expectAnswer = <T>(id: number, limitMs: number): Promise<Result<T, JournalError>> =>
    new Promise((resolve) => {
      waiting.set(id, { since: performance.now(), resolve: resolve as PendingAnswer["resolve"] });
      keepWatch(limitMs);
    });

  const ask = <T>(request: Request): Promise<Result<T, JournalError>> => {
    if (failure !== undefined) return Promise.resolve(err(failure));
    const id = ++lastId;
    worker.postMessage({ ...request, id });
    return expectAnswer<T>(id, deadlineMs);
  };

  worker.on("message", (answers: JournalAnswers | JournalBusy) => {
    if ("busy" in answers) {
      // The disk is well; the thread itself knows how long it may try.
      for (const wait of waiting.values()) wait.since = performance.now();
      tellBusy(answers.busy);
      return;
    }
    for (const [id, result] of answers) {
      const wait = waiting.get(id);
      waiting.delete(id);
      wait?.resolve(result as Result<never, JournalError>);
    }
    if (waiting.size === 0) {
      clearTimeout(watch);
      watch = undefined;
    }
  });
  worker.on("error", (error: Error) => fail(`the journal's thread failed: ${error.message}`));
  worker.on("exit", () => fail(closing === undefined ? "the journal's thread is gone" : "the journal is closed"));

  const opened = await expectAnswer<JournalOpened>(0, openMsMax);
  if (!opened.ok) {
    await exited;
    return opened;
  }

  let { lastSeq, ended } = opened.value;
  const journal: HostJournal = {
    file,
    notices: opened.value.notices,
    get ended() {
      return ended;
    },
    get lastSeq() {
      return lastSeq;
    },
    async append(records, { expectedSeq }) {
      const packed = {
        at: new Array<number>(records.length),
        type: new Array<string>(records.length),
        body: new Array<string>(records.length),
      };
      records.forEach(({ seq, at, type, body }, i) => {
        assert(seq === expectedSeq + i + 1, `record ${seq} was appended where ${expectedSeq + i + 1} belongs`);
        packed.at[i] = at;
        packed.type[i] = type;
        packed.body[i] = body;
      });
      const result = await ask<{ readonly lastSeq: number }>({ kind: "append", expectedSeq, ...packed });
      if (result.ok) lastSeq = result.value.lastSeq;
      return result;
    },
    async *read(afterSeq) {
      const throughSeq = lastSeq;
      const chunkAfter = (seq: number): Promise<Result<PackedRecords, JournalError>> =>
        ask({ kind: "chunk", afterSeq: seq, throughSeq });
      let seq = afterSeq;
      let next = seq < throughSeq ? chunkAfter(seq) : undefined;
      while (next !== undefined) {
        const chunk = await next;
        if (!chunk.ok) throw new Error(`the journal cannot be read: ${chunk.error.type}`, { cause: chunk.error });
        const from = seq;
        seq += chunk.value.at.length;
        // The worker reads the next chunk while this one is being used.
        next = seq < throughSeq ? chunkAfter(seq) : undefined;
        yield* unpack(from, chunk.value);
      }
    },
    onBusy: (listener) => {
      tellBusy = listener;
    },
    saveSnapshot: (snapshot) => ask({ kind: "saveSnapshot", snapshot }),
    loadSnapshot: () => ask<StateSnapshot | undefined>({ kind: "loadSnapshot" }),
    async markEnded(cause) {
      const marked = await ask<void>({ kind: "markEnded", cause });
      if (marked.ok) ended = cause;
      return marked;
    },
    close() {
      closing ??= (async () => {
        const closed = await ask({ kind: "close" });
        if (closed.ok) await exited;
        // A thread that hangs in a system call cannot be waited for.
        else void worker.terminate();
      })();
      return closing;
    },
  };
  return ok(journal);
};

const startWorker = (data: JournalWorkerData): Worker =>
  new Worker(new URL("./journal.worker.ts", import.meta.url), { workerData: data, execArgv: [], name: "journal" });
