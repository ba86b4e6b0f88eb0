/**
 * The thread that owns the journal's file. A commit waits for the disk, and the event loop of the house must not.
 *
 * Group commit: while one transaction is being synced, requests pile up in the port; all appends among them become the next
 * transaction, so one fsync serves everyone who was waiting.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { JournalError, StateSnapshot } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import { busyReason, journalErrorOf } from "./errors.ts";
import { describeFailure } from "./sqlite.errors.ts";
import { type Append, type JournalBounds, type JournalStore, openStore } from "./store.ts";
import { inspectWal } from "./wal.ts";

export interface JournalWorkerData {
  readonly file: string;
  readonly bounds: JournalBounds;
  /** How long somebody else may hold the file before it counts as lost. */
  readonly busyMsMax: number;
}

export type JournalRequest = { readonly id: number } & (
  | ({ readonly kind: "append" } & Append)
  | { readonly kind: "chunk"; readonly afterSeq: number; readonly throughSeq: number }
  | { readonly kind: "saveSnapshot"; readonly snapshot: StateSnapshot }
  | { readonly kind: "loadSnapshot" }
  | { readonly kind: "markEnded"; readonly cause: string }
  | { readonly kind: "close" }
);
type AppendRequest = Extract<JournalRequest, { readonly kind: "append" }>;
/** Answers of one commit, as pairs of id and result. The first message of all has id 0 and tells how opening went. */
export type JournalAnswers = readonly (readonly [id: number, result: Result<unknown, JournalError>])[];
/** Somebody else holds the file and the requests wait; undefined: it can be written again. */
export interface JournalBusy {
  readonly busy: string | undefined;
}
export interface JournalOpened {
  readonly lastSeq: number;
  readonly ended: string | undefined;
  readonly notices: readonly string[];
}

const { file, bounds, busyMsMax } = workerData as JournalWorkerData;
/** One try of a write; between two tries whoever waits is told. */
const tryMs = 1000;
const port = parentPort as MessagePort;
/** After a failed write nobody knows what reached the disk: nothing more is written until the file is opened again. */
let failure: JournalError | undefined;

/** Opens the file and proves that it can be written and that recovery can read all it needs. */
const open = (): Result<{ readonly store: JournalStore; readonly opened: JournalOpened }, JournalError> => {
  let store: JournalStore | undefined;
  try {
    const notices: string[] = [];
    const wal = inspectWal(`${file}-wal`);
    if (wal.type === "damaged")
      return err({ type: "journal.corrupt", seq: 0, reason: `the log ${file}-wal is damaged: ${wal.reason}` });
    if (wal.type === "torn")
      notices.push(
        `the last write of ${file} was not finished and has been cut (${wal.framesCut} pages); nobody was told that it was durable`,
      );
    // A start waits longer for whoever holds the file: nobody trades meanwhile.
    store = openStore(file, { bounds });
    const refused = problemOf(store, notices);
    if (refused !== undefined) {
      store.abandon();
      return err(refused);
    }
    store.setMeta("opened", `${Number(store.meta("opened") ?? 0) + 1}`);
    store.setBusyMs(tryMs);
    return ok({ store, opened: { lastSeq: store.lastSeq, ended: store.meta("ended"), notices } });
  } catch (error) {
    store?.abandon();
    return err(journalErrorOf(error, file));
  }
};

const problemOf = (store: JournalStore, notices: string[]): JournalError | undefined => {
  const closed = Number(store.meta("closed") ?? 0);
  if (closed > store.lastSeq)
    return {
      type: "journal.corrupt",
      seq: store.lastSeq + 1,
      reason: `the journal was closed at record ${closed} and now ends at ${store.lastSeq}`,
    };
  const loaded = store.loadSnapshot();
  if (!loaded.ok) return loaded.error;
  for (const seq of loaded.value.damaged) notices.push(`the snapshot at record ${seq} of ${file} is damaged and is not used`);
  let seq = loaded.value.snapshot?.seq ?? 0;
  while (seq < store.lastSeq) {
    const chunk = store.chunk(seq, store.lastSeq);
    if (!chunk.ok) return chunk.error;
    seq += chunk.value.at.length;
  }
  return undefined;
};

const serve = (store: JournalStore): void => {
  let pruning: NodeJS.Immediate | undefined;

  const attempt = <T>(work: () => Result<T, JournalError>): Result<T, JournalError> => {
    if (failure !== undefined) return err(failure);
    const startedMs = performance.now();
    let isBusy = false;
    for (;;) {
      try {
        const result = work();
        if (isBusy) port.postMessage({ busy: undefined } satisfies JournalBusy);
        return result;
      } catch (error) {
        // A transaction that could not begin has written nothing: it may be tried again.
        isBusy = describeFailure(error, file).isBusy;
        if (isBusy && performance.now() - startedMs < busyMsMax) {
          port.postMessage({ busy: busyReason(file) } satisfies JournalBusy);
          continue;
        }
        failure = journalErrorOf(error, file);
        return err(failure);
      }
    }
  };

  const pruneSlice = (): void => {
    pruning = undefined;
    const more = attempt(() => ok(store.prune()));
    if (more.ok && more.value) startPruning();
  };
  /** One slice per turn, so that requests that arrived meanwhile go first. */
  const startPruning = (): void => {
    pruning ??= setImmediate(pruneSlice);
  };

  const answer = (request: Exclude<JournalRequest, AppendRequest>): Result<unknown, JournalError> => {
    switch (request.kind) {
      case "chunk":
        return store.chunk(request.afterSeq, request.throughSeq);
      case "saveSnapshot":
        startPruning();
        return attempt(() => store.saveSnapshot(request.snapshot));
      case "loadSnapshot":
        return attempt(() => {
          const loaded = store.loadSnapshot();
          return loaded.ok ? ok(loaded.value.snapshot) : loaded;
        });
      case "markEnded":
        return attempt(() => ok(store.setMeta("ended", request.cause)));
      case "close":
        return close();
      default:
        return request satisfies never;
    }
  };

  const close = (): Result<void, JournalError> => {
    clearImmediate(pruning);
    if (failure === undefined) return attempt(() => ok(store.close()));
    store.abandon();
    return ok(undefined);
  };

  const tell = (answers: JournalAnswers): void => port.postMessage(answers);

  const commit = (group: readonly AppendRequest[]): void => {
    if (group.length === 0) return;
    const results = attempt(() => ok(store.append(group)));
    tell(group.map(({ id }, n) => [id, results.ok ? (results.value[n] as Result<unknown, JournalError>) : results]));
  };

  port.on("message", (first: JournalRequest) => {
    const round: JournalRequest[] = [first];
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) round.push(next.message);
    let group: AppendRequest[] = [];
    for (const request of round) {
      if (request.kind === "append") {
        group.push(request);
        continue;
      }
      // Requests are answered in their order: what was appended before a question is part of the answer.
      commit(group);
      group = [];
      tell([[request.id, answer(request)]]);
      if (request.kind === "close") port.close();
    }
    commit(group);
  });
};

const started = open();
port.postMessage([[0, started.ok ? ok(started.value.opened) : started]] satisfies JournalAnswers);
if (started.ok) serve(started.value.store);
else port.close();
