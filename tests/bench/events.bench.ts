/**
 * Is a fill handled in time while the market floods the process and a backup runs (spec events.md, last paragraph)?
 *
 * Every system runs in its own process, under the same four loads, sent by another process over loopback sockets: one for
 * the broker, one for the market. Latency counts from the sender's monotonic stamp to the end of the handler, so an event
 * loop that does not read its sockets pays for it. A fill that was never handled is shown as unhandled.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench, BenchRow } from "./contract.ts";
import { type BackupJob, type Figures, type Load, loads, type Sent } from "./events/loads.ts";

const systemNames = ["QTS", "p-queue", "fastq", "rxjs concatMap", "xstate mailbox", "plain FIFO"];
const here = (file: string): string => join(import.meta.dirname, "events", file);
const backupMb = 512;
const cellMsMax = 40_000;

/** Lines like the archive's, with enough change in them that gzip has to work. */
const writeBackupFiles = (directory: string): void => {
  const fileMb = 128;
  for (let file = 0; file < backupMb / fileMb; file += 1) {
    const handle = openSync(join(directory, `${file}.jsonl`), "w");
    for (let mb = 0; mb < fileMb; mb += 1) {
      let lines = "";
      for (let line = mb * 7919 + file; lines.length < 2 ** 20; line = (line * 1103515245 + 12345) % 2147483648)
        lines += `{"symbol":"S${line % 50}","price":${line % 100_000},"quantity":${line % 997},"at":${1_700_000_000_000 + line}}\n`;
      writeSync(handle, lines);
    }
    closeSync(handle);
  }
};

type Answer = { readonly port?: number; readonly figures?: Figures };

const runCell = async (
  system: string,
  load: Load,
  backup: BackupJob | null,
): Promise<{ sent: Sent; figures: Figures | undefined }> => {
  const receiver = fork(here("receiver.ts"), [system, String(load.seconds), JSON.stringify(backup)]);
  const [{ port }] = (await once(receiver, "message")) as [Answer];
  const sender = fork(here("sender.ts"), [String(port), JSON.stringify(load)]);
  try {
    const [sent] = (await once(sender, "message")) as [Sent];
    const figures = await new Promise<Figures | undefined>((resolve) => {
      const giveUp = setTimeout(() => resolve(undefined), cellMsMax);
      receiver.on("message", (answer: Answer) => {
        if (answer.figures === undefined) return;
        clearTimeout(giveUp);
        resolve(answer.figures);
      });
      receiver.send({ sent });
    });
    return { sent, figures };
  } finally {
    for (const child of [sender, receiver]) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
  }
};

const shown = (ms: number): string => (ms >= 100 ? ms.toFixed(0) : ms.toFixed(2));
const percent = (share: number | undefined): string => (share === undefined ? "" : `${(share * 100).toFixed(0)} %`);
const times = (factor: number): string => `${factor >= 10 ? factor.toFixed(0) : factor.toFixed(1)}x`;

const loadRows = async (directory: string): Promise<BenchRow[]> => {
  writeBackupFiles(directory);
  const job: BackupJob = { root: directory, destination: join(directory, "backup.tar.gz") };
  const rows: BenchRow[] = [];
  for (const load of loads) {
    const table = `Load: ${load.name}, ${load.p0} fills/s, ${load.p1} ticks/s, ${load.p3} metrics/s, ${load.seconds} s; latencies in ms`;
    let qtsP99 = 0;
    for (const system of systemNames) {
      const { sent, figures } = await runCell(system, load, load.backup ? job : null);
      if (figures === undefined) {
        rows.push({ table, system, "P0 p50": "no answer" });
        continue;
      }
      const { p0Ms, p1Ms, handled } = figures;
      if (system === "QTS") qtsP99 = p0Ms.p99;
      rows.push({
        table,
        system,
        "P0 p50": shown(p0Ms.p50),
        "P0 p99": shown(p0Ms.p99),
        "P0 p99.9": shown(p0Ms.p999),
        "P0 max": shown(p0Ms.max),
        "P0 p99 / QTS": times(p0Ms.p99 / qtsP99),
        "unhandled P0": sent.p0 - handled.P0,
        ...(load.p1 === 0
          ? {}
          : {
              "P1 p50": shown(p1Ms.p50),
              "P1 p99": shown(p1Ms.p99),
              "P1 p99.9": shown(p1Ms.p999),
              "P1 max": shown(p1Ms.max),
            }),
        "handled/s": Math.round((handled.P0 + handled.P1 + handled.P3) / load.seconds),
        dropped: figures.dropped,
        "withheld at sender": sent.withheld,
        "heap max MB": Math.round(figures.heapMaxMb),
        "no CPU": percent(figures.cpuWaitShare),
        ...(load.backup ? { "backed up MB": Math.round(figures.backedUpMb) } : {}),
      });
    }
  }
  rows.push(await wholeBackupRow(job));
  return rows;
};

/** QTS under the heaviest load for as long as the whole backup takes. */
const wholeBackupRow = async (job: BackupJob): Promise<BenchRow> => {
  const heaviest = loads.at(-1) as Load;
  const seconds = 20;
  const { sent, figures } = await runCell("QTS", { ...heaviest, seconds }, job);
  const { p0Ms, handled, backedUpMb, cpuWaitShare } = figures as Figures;
  return {
    table: `QTS under the last load for ${seconds} s`,
    fills: sent.p0,
    "P0 p50": shown(p0Ms.p50),
    "P0 p99": shown(p0Ms.p99),
    "P0 p99.9": shown(p0Ms.p999),
    "P0 max": shown(p0Ms.max),
    "unhandled P0": sent.p0 - handled.P0,
    "no CPU": percent(cpuWaitShare),
    "backed up MB": Math.round(backedUpMb),
  };
};

interface Micro {
  readonly queues: { readonly [name: string]: number };
  readonly offers: { readonly [name: string]: number };
  readonly heapMb: readonly number[];
}

const microRows = async (): Promise<BenchRow[]> => {
  const child = fork(here("micro.ts"), [], { execArgv: ["--expose-gc"] });
  const [{ queues, offers, heapMb }] = (await once(child, "message")) as [Micro];
  child.kill("SIGKILL");
  const inMillions = (perSecond: number): string => (perSecond / 1e6).toFixed(1);
  return [
    ...Object.entries(queues).map(([queue, rate]) => ({ table: "Queue operations", queue, "M/s": inMillions(rate) })),
    ...Object.entries(offers).map(([path, rate]) => ({
      table: "Offer to handled, without journal",
      path,
      "M/s": inMillions(rate),
    })),
    ...heapMb.map((mb, index) => ({
      table: "Heap during 60 s' worth of P1 at 10x (6,000,000 ticks)",
      "after s": (index + 1) * 10,
      "heap MB after collection": mb.toFixed(1),
    })),
  ];
};

export const bench: Bench = {
  name: "events",
  describe: "fills among floods: QTS and five peers under four loads, sent by another process",
  async run() {
    const directory = mkdtempSync(join(tmpdir(), "qts-bench-events-"));
    try {
      return [...(await microRows()), ...(await loadRows(directory))];
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
