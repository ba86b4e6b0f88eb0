/**
 * What does "durable before the answer" cost? The journal's group commit, beside the same store on the main thread, a file
 * of our own written in groups with one fdatasync each, and that file with one fdatasync for every event.
 *
 * `loop max` is the longest the event loop stood still, sampled every millisecond: what everything else in the process
 * waits for. All run in this process on the same disk, one after the other. Nothing is answered before it is on the disk.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { build } from "hdr-histogram-js";
import { openJournal } from "#adapters/host/journal/journal.ts";
import { type JournalStore, openStore } from "#adapters/host/journal/store.ts";
import type { Bench, BenchRow } from "./contract.ts";

/** Appends record `seq` and resolves when it is durable. */
type Append = (seq: number) => Promise<unknown>;

const body = JSON.stringify({
  id: "01JABCDEFGH",
  type: "order.filled",
  priority: "P0",
  source: "paper",
  payload: { orderId: "o-000001", symbol: "SPY", quantity: 100, priceMinor: 1_680_000, fillId: "f-000001" },
});
const measuredMs = 2000;

const measure = async (store: string, concurrency: number, append: Append): Promise<BenchRow> => {
  const histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  let seq = 0;
  const lane = async (until: number, isMeasured: boolean): Promise<void> => {
    while (performance.now() < until) {
      const startedAt = performance.now();
      await append(++seq);
      if (isMeasured) histogram.recordValue(Math.max(1, Math.round((performance.now() - startedAt) * 1000)));
    }
  };
  const runLanes = async (ms: number, isMeasured: boolean): Promise<number> => {
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: concurrency }, () => lane(startedAt + ms, isMeasured)));
    return performance.now() - startedAt;
  };
  await runLanes(300, false);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const elapsedMs = await runLanes(measuredMs, true);
  loop.disable();
  const ms = (percentile: number): string => (histogram.getValueAtPercentile(percentile) / 1000).toFixed(2);
  return {
    table: "Durable appends, by how many wait at once",
    store,
    concurrency,
    "appends/s": Math.round(histogram.totalCount / (elapsedMs / 1000)),
    "p50 ms": ms(50),
    "p99 ms": ms(99),
    "max ms": (histogram.maxValue / 1000).toFixed(2),
    "loop p99 ms": (loop.percentile(99) / 1e6).toFixed(1),
    "loop max ms": (loop.max / 1e6).toFixed(1),
  };
};

/** The same store without a thread: everything that was appended in one turn of the loop is one transaction. */
const onMainThread = (store: JournalStore): Append => {
  let waiting: { readonly seq: number; readonly resolve: () => void }[] = [];
  const commit = (): void => {
    const group = waiting;
    waiting = [];
    store.append(group.map(({ seq }) => ({ expectedSeq: seq - 1, at: [seq], type: ["order.filled"], body: [body] })));
    for (const { resolve } of group) resolve();
  };
  return (seq) =>
    new Promise<void>((resolve) => {
      if (waiting.push({ seq, resolve }) === 1) setImmediate(commit);
    });
};

const line = (seq: number): string => `${seq} ${body}\n`;

/** All lines that wait become one write and one fdatasync. */
const grouped = (file: FileHandle): Append => {
  let waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  let isBusy = false;
  const flush = async (): Promise<void> => {
    isBusy = true;
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      await file.write(group.map(({ text }) => text).join(""));
      await file.datasync();
      for (const { resolve } of group) resolve();
    }
    isBusy = false;
  };
  return (seq) =>
    new Promise<void>((resolve) => {
      waiting.push({ text: line(seq), resolve });
      if (!isBusy) void flush();
    });
};

/** Every line waits its turn for a write and an fdatasync of its own. */
const oneByOne = (file: FileHandle): Append => {
  let turn: Promise<unknown> = Promise.resolve();
  return (seq) => {
    turn = turn.then(async () => {
      await file.write(line(seq));
      await file.datasync();
    });
    return turn;
  };
};

const journalRow = async (directory: string, concurrency: number): Promise<BenchRow> => {
  const opened = await openJournal({ file: join(directory, `${concurrency}.sqlite`) });
  if (!opened.ok) throw new Error("the journal does not open", { cause: opened.error });
  const journal = opened.value;
  const row = await measure("QTS journal (SQLite, group commit)", concurrency, (seq) =>
    journal.append([{ seq, at: 1_381_152_600_000 + seq, type: "order.filled", body }], { expectedSeq: seq - 1 }),
  );
  await journal.close();
  return row;
};

const mainThreadRow = async (directory: string, concurrency: number): Promise<BenchRow> => {
  const store = openStore(join(directory, `main-${concurrency}.sqlite`));
  const row = await measure("the same store on the main thread", concurrency, onMainThread(store));
  store.close();
  return row;
};

const fileRow = async (
  directory: string,
  store: string,
  concurrency: number,
  how: (file: FileHandle) => Append,
): Promise<BenchRow> => {
  const file = await open(join(directory, `${store}-${concurrency}`.replaceAll(/\W/g, "-")), "a");
  const row = await measure(store, concurrency, how(file));
  await file.close();
  return row;
};

const bulkRow = async (directory: string): Promise<BenchRow> => {
  const opened = await openJournal({ file: join(directory, "bulk.sqlite") });
  if (!opened.ok) throw new Error("the journal does not open", { cause: opened.error });
  const journal = opened.value;
  const count = 500_000;
  const batch = 1000;
  const writtenAt = performance.now();
  for (let from = 0; from < count; from += batch)
    await journal.append(
      Array.from({ length: batch }, (_, i) => ({ seq: from + i + 1, at: 1_381_152_600_000, type: "order.filled", body })),
      { expectedSeq: from },
    );
  const readAt = performance.now();
  let read = 0;
  for await (const { seq } of journal.read(0)) read += seq > 0 ? 1 : 0;
  const doneAt = performance.now();
  await journal.close();
  return {
    table: `Recovery: ${count} facts`,
    "written/s, batches of 1000": Math.round(count / ((readAt - writtenAt) / 1000)),
    "read and checked/s": Math.round(read / ((doneAt - readAt) / 1000)),
  };
};

export const bench: Bench = {
  name: "journal",
  describe: "appends that are on the disk before they are answered, beside a file of our own with and without group commit",
  async run() {
    const directory = mkdtempSync(join(tmpdir(), "qts-bench-journal-"));
    try {
      const rows: BenchRow[] = [];
      for (const concurrency of [1, 10, 100]) {
        rows.push(await journalRow(directory, concurrency));
        rows.push(await mainThreadRow(directory, concurrency));
        rows.push(await fileRow(directory, "raw file, fdatasync per group", concurrency, grouped));
        rows.push(await fileRow(directory, "raw file, fdatasync per event", concurrency, oneByOne));
      }
      rows.push(await bulkRow(directory));
      return rows;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
