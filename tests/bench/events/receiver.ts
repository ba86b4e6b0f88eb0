/** One system under one load, in a process of its own; prints nothing, answers its parent with figures. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { build, type Histogram } from "hdr-histogram-js";
import { createBackupThread } from "#adapters/host/backup/thread.ts";
import { createWholeHouse } from "./house.ts";
import { type BackupJob, type Figures, handlerCostMs, nowMicros, type Sent, type Task } from "./loads.ts";
import { type Frame, type System, systems } from "./systems.ts";

const { system: systemName, seconds, backup, directory, watchesMemory } = JSON.parse(process.argv[2] as string) as Task;
const windowMs = seconds * 1000;
const graceMs = 6000;

const histogram = (): Histogram => build({ numberOfSignificantValueDigits: 3, highestTrackableValue: 2 ** 36 });
const latency = { P0: histogram(), durable: histogram(), P1: histogram(), P3: histogram() };
const handled = { P0: 0, P1: 0, P3: 0 };
let heapMaxBytes = 0;
let backedUpBytes = 0;
let firstAtMs = Number.POSITIVE_INFINITY;
let wanted = Number.POSITIVE_INFINITY;

const burn = (ms: number): void => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};

const handle = ({ lane, sentAt }: Frame): void => {
  const priority = lane === 0 ? "P0" : lane === 1 ? "P1" : "P3";
  burn(handlerCostMs[priority]);
  // Ticks and metrics count while the load lasts; a backlog worked off later is not throughput. Fills count to the last one.
  if (priority !== "P0" && performance.now() - firstAtMs > windowMs) return;
  handled[priority] += 1;
  latency[priority].recordValue(Math.max(nowMicros() - sentAt, 1));
  if (handled.P0 >= wanted) answer();
};

const frameOf = (line: string): Frame => {
  const [lane, key, mark, sentAt] = line.split(",") as [string, string, string, string];
  return lane === "0"
    ? { lane: 0, key, mark: Number(key), sentAt: Number(mark) }
    : { lane: lane === "1" ? 1 : 3, key, mark: Number(mark), sentAt: Number(sentAt) };
};

/** One by one, as they are asked for: who takes them decides how long it parses. */
function* parsed(lines: readonly string[]): Generator<Frame> {
  for (const line of lines) yield frameOf(line);
}

async function* framesOf(socket: Socket): AsyncGenerator<Iterable<Frame>> {
  let rest = "";
  for await (const chunk of socket) {
    const lines = (rest + (chunk as Buffer).toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    if (firstAtMs === Number.POSITIVE_INFINITY) begin();
    yield parsed(lines);
  }
}

const durable = (sentAt: number): void => latency.durable.recordValue(Math.max(nowMicros() - sentAt, 1));
const wholeHouse = systemName === "QTS, whole house" ? await createWholeHouse(handle, directory, durable) : undefined;
const system: System = wholeHouse ?? (systems[systemName] as (typeof systems)[string])(handle);

const listen = async (name: "broker" | "market"): Promise<number> => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    system.attach(name, () => framesOf(socket));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};

/** The nightly backup as it is: list, archive, read back and hash, in its own thread. */
const runBackup = async ({ root, destination }: BackupJob): Promise<void> => {
  const thread = createBackupThread();
  const listed = await thread.survey({ root, globs: ["*.jsonl"] });
  if (!listed.ok) throw new Error(listed.error.reason);
  const { files } = listed.value;
  const archived = await thread.archive({ root, files, destination, gzipLevel: 6 }, ({ bytes }) => {
    backedUpBytes = bytes;
  });
  if (!archived.ok) throw new Error(archived.error.reason);
  await thread.readBack(destination);
  await thread.close();
};
if (backup !== null) void runBackup(backup);

const memory: Figures["memory"][number][] = [];
const remember = (): void => {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const mb = (bytes: number): number => bytes / 2 ** 20;
  const now = Math.round((performance.now() - firstAtMs) / 1000);
  memory.push({ seconds: now, heapMb: mb(heapUsed), externalMb: mb(external), rssMb: mb(rss) });
};

const begin = (): void => {
  firstAtMs = performance.now();
  cpuWaitAtFirst = cpuWaitMs();
  if (watchesMemory) setInterval(() => performance.now() - firstAtMs <= windowMs + 500 && remember(), windowMs / 10).unref();
};

setInterval(() => {
  heapMaxBytes = Math.max(heapMaxBytes, process.memoryUsage().heapUsed);
}, 50).unref();

const msOf = (values: Histogram) => {
  const at = (share: number): number => values.getValueAtPercentile(share) / 1000;
  return values.totalCount === 0
    ? { p50: 0, p99: 0, p999: 0, max: 0 }
    : { p50: at(50), p99: at(99), p999: at(99.9), max: values.maxValue / 1000 };
};

/** Milliseconds that the main thread stood in the kernel's run queue. */
const cpuWaitMs = (): number | undefined => {
  try {
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return undefined;
  }
};
let cpuWaitAtFirst: number | undefined;

let answered = false;
const answer = (): void => {
  if (answered) return;
  answered = true;
  const waitedMs = cpuWaitMs();
  const figures: Figures = {
    handled,
    p0Ms: msOf(latency.P0),
    durableMs: msOf(latency.durable),
    p1Ms: msOf(latency.P1),
    p3Ms: msOf(latency.P3),
    dropped: system.dropped(),
    persisted: wholeHouse?.persisted(),
    memory,
    heapMaxMb: Math.max(heapMaxBytes, process.memoryUsage().heapUsed) / 2 ** 20,
    backedUpMb: backedUpBytes / 2 ** 20,
    cpuWaitShare:
      waitedMs === undefined || cpuWaitAtFirst === undefined
        ? undefined
        : (waitedMs - cpuWaitAtFirst) / (performance.now() - firstAtMs),
  };
  process.send?.({ figures });
};

process.on("message", ({ sent }: { readonly sent: Sent }) => {
  // The load is over: fills have until the grace ends to be handled to the last one.
  wanted = sent.p0;
  if (handled.P0 >= wanted) answer();
  else setTimeout(answer, graceMs);
});

process.send?.({ ports: { broker: await listen("broker"), market: await listen("market") } });
