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
import { type BackupJob, type Figures, type Load, loads, overload, type Ports, type Sent, type Task } from "./events/loads.ts";

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

type Answer = { readonly ports?: Ports; readonly figures?: Figures };

const runCell = async (
  system: string,
  load: Load,
  backup: BackupJob | null,
  watchesMemory = false,
): Promise<{ sent: Sent; figures: Figures | undefined }> => {
  const directory = mkdtempSync(join(tmpdir(), "qts-bench-events-cell-"));
  const task: Task = { system, seconds: load.seconds, backup, directory, watchesMemory };
  const receiver = fork(here("receiver.ts"), [JSON.stringify(task)], { execArgv: watchesMemory ? ["--expose-gc"] : [] });
  const [{ ports }] = (await once(receiver, "message")) as [Answer];
  const sender = fork(here("sender.ts"), [JSON.stringify(ports), JSON.stringify(load)]);
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
    rmSync(directory, { recursive: true, force: true });
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
      const { p0Ms, p1Ms, p3Ms, handled } = figures;
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
              ...latencies("P1", handled.P1, p1Ms),
            }),
        ...(load.p3 === 0
          ? {}
          : {
              "P3 handled": handled.P3,
              ...latencies("P3", handled.P3, p3Ms),
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
  for (const load of [...loads, { ...(loads.at(-1) as Load), seconds: 20 }]) rows.push(await wholeHouseRow(load, job));
  return rows;
};

const latencies = (lane: string, handled: number, { p50, p99, p999, max }: Figures["p1Ms"]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries({ p50, p99, "p99.9": p999, max }).map(([name, ms]) => [`${lane} ${name}`, handled === 0 ? "none" : shown(ms)]),
  );

/** With everything that the running house does besides: archive and journal on disk, order desk, posture. */
const wholeHouseRow = async (load: Load, job: BackupJob): Promise<BenchRow> => {
  const { sent, figures } = await runCell("QTS, whole house", load, load.backup ? job : null);
  const table = "The whole house under the same loads; latencies in ms";
  const about = { table, load: load.name, s: load.seconds };
  if (figures === undefined) return { ...about, "P0 p50": "no answer" };
  const { p0Ms, durableMs, p1Ms, handled, persisted = 0, cpuWaitShare, backedUpMb, heapMaxMb } = figures;
  return {
    ...about,
    "P0 p50": shown(p0Ms.p50),
    "P0 p99": shown(p0Ms.p99),
    "P0 p99.9": shown(p0Ms.p999),
    "P0 max": shown(p0Ms.max),
    "on disk p50": shown(durableMs.p50),
    "on disk p99": shown(durableMs.p99),
    "unhandled P0": sent.p0 - handled.P0,
    "P1 p99": load.p1 === 0 ? "" : shown(p1Ms.p99),
    "handled/s": Math.round((handled.P0 + handled.P1 + handled.P3) / load.seconds),
    "ticks archived": persisted,
    "ticks sent": sent.p1,
    "withheld at sender": sent.withheld,
    "heap max MB": Math.round(heapMaxMb),
    "no CPU": percent(cpuWaitShare),
    "backed up MB": load.backup ? Math.round(backedUpMb) : "",
  };
};

/** Memory of the process while ten times too much is sent to it for a minute. */
const overloadRows = async (): Promise<BenchRow[]> => {
  const { sent, figures } = await runCell("QTS", overload, null, true);
  const { memory, handled, dropped, p0Ms } = figures as Figures;
  const table = `Memory of QTS while another process sends ten times what it can handle, ${overload.seconds} s`;
  return [
    ...memory.map(({ seconds, heapMb, externalMb, rssMb }) => ({
      table,
      "after s": seconds,
      "heap MB after collection": heapMb.toFixed(1),
      "external MB": externalMb.toFixed(1),
      "RSS MB": rssMb.toFixed(0),
    })),
    {
      table: "What became of it",
      "ticks sent": sent.p1,
      "withheld at sender": sent.withheld,
      "ticks handled": handled.P1,
      dropped,
      fills: sent.p0,
      "unhandled P0": sent.p0 - handled.P0,
      "P0 p99 ms": shown(p0Ms.p99),
    },
  ];
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
}

const microRows = async (): Promise<BenchRow[]> => {
  const child = fork(here("micro.ts"));
  const [{ queues, offers }] = (await once(child, "message")) as [Micro];
  child.kill("SIGKILL");
  const inMillions = (perSecond: number): string => (perSecond / 1e6).toFixed(1);
  return [
    ...Object.entries(queues).map(([queue, rate]) => ({ table: "Queue operations", queue, "M/s": inMillions(rate) })),
    ...Object.entries(offers).map(([path, rate]) => ({
      table: "Offer to handled, without journal",
      path,
      "M/s": inMillions(rate),
    })),
  ];
};

export const bench: Bench = {
  name: "events",
  describe: "fills among floods: QTS and five peers under four loads, sent by another process",
  async run() {
    const directory = mkdtempSync(join(tmpdir(), "qts-bench-events-"));
    try {
      return [...(await microRows()), ...(await loadRows(directory)), ...(await overloadRows())];
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
