/**
 * What does one order cost, from intent to fill, when nothing leaves before it is on the disk?
 *
 * The whole house runs: gates, lanes, journal in its thread, desk, order gate. Only the venue is not there: it answers and
 * fills at once. Each lane has one order under way, in a symbol of its own, because one undecided order per symbol and side is
 * the rule. Beside it, on the same disk: the same machine as a bare xstate actor per order with nothing durable, and with one
 * write and fsync for every fact, without groups.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { build } from "hdr-histogram-js";
import { defer, EMPTY, NEVER, Subject } from "rxjs";
import { createActor } from "xstate";
import { createHostClock } from "#adapters/host/clock.ts";
import { homePaths } from "#adapters/host/home.ts";
import { type HostJournal, openJournal } from "#adapters/host/journal/journal.ts";
import { createMemoryFeed } from "#adapters/memory/feed.ts";
import { createMemoryFiles } from "#adapters/memory/files.ts";
import { type Config, parseConfig } from "#config/config.ts";
import { OrderDesk as Desk, type OrderDesk } from "#core/orders/order-desk.ts";
import type { Broker, BrokerReport } from "#core/ports.ts";
import { createOrderMachine } from "#machines/order.machine.ts";
import type { OrderFact } from "#machines/order.rules.ts";
import { createRoot, type Root } from "#src/root.ts";
import type { Bench, BenchRow } from "./contract.ts";

const measuredMs = 3_000;
const priceMinor = 1_000_000;
const symbols = Array.from({ length: 100 }, (_, i) => `S${String(i).padStart(3, "0")}`);
const enough = 1_000_000_000_000_000;
const state = { dailyTradesMax: enough, positionsMax: 1_000, entrySignalMin: 0, newEntry: true };

const houseConfig = (): Config => {
  const parsed = parseConfig({
    instruments: symbols.map((symbol) => ({ symbol, market: "NYSE", currency: "USD", priceScale: 4, tickSize: 100, lotSize: 1 })),
    operating: { states: { AGGRESSIVE: state, BALANCED: state, DEFENSIVE: state } },
    risk: {
      orderValueMinorMax: enough,
      positionValueMinorMax: enough,
      exposureMinorMax: enough,
      dailyLossMinorMax: enough,
      ordersPerMinuteMax: enough,
      duplicateWindowMs: 0,
    },
    trading: { enabled: true },
    execution: { intervalMs: 60_000 },
  });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ key, problem }) => `${key} ${problem}`).join("; "));
  return parsed.config;
};

/** A venue without a distance: it answers in the same turn and fills in the next. */
const createInstantBroker = (): Broker => {
  const reports = new Subject<BrokerReport>();
  let last = 0;
  const nothing = async () => ({ ok: true, value: [] }) as const;
  return {
    name: "instant",
    capabilities: { clientOrderIdLookup: true, live: false },
    reports: () =>
      defer(() => {
        setImmediate(() => reports.next({ type: "connected", at: Date.now() }));
        return reports;
      }),
    submit: async ({ orderId: clientOrderId, symbol, side, quantity }) => {
      last += 1;
      const brokerOrderId = `B${last}`;
      const at = Date.now();
      const about = { brokerOrderId, clientOrderId, at };
      const fill = { fillId: `F${last}`, symbol, side, quantity, priceMinor, feeMinor: 0, leavesQuantity: 0 };
      queueMicrotask(() => {
        reports.next({ type: "accepted", ...about });
        reports.next({ type: "filled", ...about, ...fill });
      });
      return { ok: true, value: { brokerOrderId } };
    },
    cancel: async () => ({ ok: true, value: undefined }),
    replace: async () => ({ ok: true, value: undefined }),
    orders: nothing,
    executions: nothing,
    account: async () => ({ ok: true, value: { positions: [], cashMinor: 0 } }),
    close: async () => undefined,
  };
};

const openHouse = async (file: string): Promise<{ readonly root: Root; readonly journal: HostJournal }> => {
  const opened = await openJournal({ file });
  if (!opened.ok) throw new Error("the journal does not open", { cause: opened.error });
  const journal = opened.value;
  const clock = createHostClock();
  const startsAt = Date.now();
  const feed = createMemoryFeed(
    "memory",
    symbols.map((symbol) => ({ symbol, exchangeAt: startsAt, sequence: 1, priceMinor, quantity: 1 })),
  );
  const root = createRoot(houseConfig(), {
    version: "bench",
    home: homePaths("/qts"),
    session: "0001",
    epoch: 1,
    orderSeries: "1",
    clock,
    wallClock: clock,
    journal,
    markEnded: async () => ({ ok: true, value: undefined }),
    broker: createInstantBroker(),
    feed,
    startsAt,
    strategy: { name: "none", evaluate: () => [] },
    archiveFiles: createMemoryFiles(),
    pulse: (everyMs, beat) => {
      const timer = setInterval(beat, everyMs);
      return () => clearInterval(timer);
    },
    vix: EMPTY,
    oddities: NEVER,
    log: { error: () => undefined, warn: () => undefined, info: () => undefined },
  });
  return { root, journal };
};

/** One order after the other on each lane; a life ends with its fill. */
const livesPerSecond = async (
  way: string,
  concurrency: number,
  live: (orderId: string, symbol: string) => Promise<unknown>,
): Promise<BenchRow> => {
  const histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  let last = 0;
  const lane = async (symbol: string, until: number, isMeasured: boolean): Promise<void> => {
    while (performance.now() < until) {
      const startedAt = performance.now();
      last += 1;
      await live(`${concurrency}-${last}`, symbol);
      if (isMeasured) histogram.recordValue(Math.max(1, Math.round((performance.now() - startedAt) * 1_000)));
    }
  };
  const play = async (ms: number, isMeasured: boolean): Promise<number> => {
    const startedAt = performance.now();
    await Promise.all(symbols.slice(0, concurrency).map((symbol) => lane(symbol, startedAt + ms, isMeasured)));
    return performance.now() - startedAt;
  };
  await play(500, false);
  const elapsedMs = await play(measuredMs, true);
  const ms = (percentile: number): string => (histogram.getValueAtPercentile(percentile) / 1_000).toFixed(2);
  return {
    table: "Lives of orders: intended, approved, submitted, accepted, filled",
    way,
    concurrency,
    "lives/s": Math.round(histogram.totalCount / (elapsedMs / 1_000)),
    "p50 ms": ms(50),
    "p99 ms": ms(99),
  };
};

const houseRow = async (directory: string, concurrency: number): Promise<BenchRow> => {
  const { root, journal } = await openHouse(join(directory, `lives-${concurrency}.sqlite`));
  const started = await root.start();
  if (!started.ok) throw new Error(started.error);
  const lives = new Map<string, { readonly resolve: () => void; readonly reject: (why: Error) => void }>();
  const ending = (orderId: string) => {
    const life = lives.get(orderId);
    lives.delete(orderId);
    return life;
  };
  root.house.dispatcher.handle("order.filled", ({ payload }) => ending(payload.orderId)?.resolve(), { name: "bench" });
  root.house.dispatcher.handle(
    "order.denied",
    ({ payload: { orderId, code, reason } }) => ending(orderId)?.reject(new Error(`${orderId} was denied: ${code}, ${reason}`)),
    { name: "bench" },
  );
  const row = await livesPerSecond("QTS: the whole house, durable before the submit", concurrency, (orderId, symbol) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    lives.set(orderId, { resolve, reject });
    root.house.offer({ type: "order.intended", payload: termsOf(orderId, symbol), source: "bench", correlationId: orderId });
    return promise;
  });
  root.requestStop("the benchmark is over");
  await root.finished;
  await journal.close();
  return row;
};

const termsOf = (orderId: string, symbol: string) =>
  ({
    orderId,
    symbol,
    side: "buy",
    orderType: "limit",
    quantity: 1,
    limitPriceMinor: priceMinor,
    strategy: "bench",
    signal: 1,
  }) as const;

/** What the venue and we say in one life, after the intent. */
const lifeOf = (orderId: string, at: number): readonly OrderFact[] => [
  { type: "order.approved", at, orderId, epoch: 1 },
  { type: "order.submitted", at, orderId, brokerOrderId: `B${orderId}` },
  { type: "order.accepted", at, orderId, brokerOrderId: `B${orderId}` },
  { type: "order.filled", at, orderId, fillId: `F${orderId}`, quantity: 1, priceMinor, feeMinor: 0 },
];

const machine = createOrderMachine();

const bareRow = (concurrency: number): Promise<BenchRow> =>
  livesPerSecond("a bare xstate actor per order, nothing durable", concurrency, async (orderId, symbol) => {
    const at = Date.now();
    const actor = createActor(machine, { input: { ...termsOf(orderId, symbol), at } });
    actor.start();
    for (const fact of lifeOf(orderId, at)) actor.send(fact);
    actor.stop();
    // One turn, so that lanes take turns as they do when something is waited for.
    if (concurrency > 1) await new Promise((resolve) => setImmediate(resolve));
  });

const oneByOneRow = async (directory: string, concurrency: number): Promise<BenchRow> => {
  const file = await open(join(directory, `one-by-one-${concurrency}`), "a");
  let turn: Promise<unknown> = Promise.resolve();
  const append = (fact: object): Promise<unknown> => {
    turn = turn.then(async () => {
      await file.write(`${JSON.stringify(fact)}\n`);
      await file.datasync();
    });
    return turn;
  };
  const row = await livesPerSecond("the same actor, one write and fsync per fact", concurrency, async (orderId, symbol) => {
    const at = Date.now();
    const input = { ...termsOf(orderId, symbol), at };
    await append({ type: "order.intended", ...input });
    const actor = createActor(machine, { input });
    actor.start();
    for (const fact of lifeOf(orderId, at)) {
      await append(fact);
      actor.send(fact);
    }
    actor.stop();
  });
  await file.close();
  return row;
};

/** So many facts of whole lives, as the recorder writes them. */
const writeLives = async (journal: HostJournal, from: number, to: number): Promise<void> => {
  const batchMax = 1_000;
  let batch: { seq: number; at: number; type: string; body: string }[] = [];
  const flush = async (): Promise<void> => {
    const [first] = batch;
    if (first === undefined) return;
    const written = await journal.append(batch, { expectedSeq: first.seq - 1 });
    if (!written.ok) throw new Error("the journal does not append", { cause: written.error });
    batch = [];
  };
  for (let seq = from; seq < to; seq += 1) {
    const order = Math.floor(seq / 5);
    const orderId = `1-${order}`;
    const at = 1_381_152_600_000 + seq;
    const intended = { type: "order.intended", at, ...termsOf(orderId, symbols[order % symbols.length] as string) } as const;
    const { type, ...event } = ([intended, ...lifeOf(orderId, at)] as const)[seq % 5] ?? intended;
    const { at: _, ...payload } = event;
    const fact = { id: `0001-000001-${seq}`, type, at, priority: "P0", source: "bench", correlationId: orderId, payload };
    batch.push({ seq: seq + 1, at, type, body: JSON.stringify(fact) });
    if (batch.length >= batchMax) await flush();
  }
  await flush();
};

/** Opening, checking, restoring and replaying, until the house could go on. */
const recoverMs = async (file: string): Promise<{ readonly ms: number; readonly replayed: number }> => {
  const startedAt = performance.now();
  const { root, journal } = await openHouse(file);
  const recovered = await root.house.recover();
  const ms = performance.now() - startedAt;
  if (!recovered.ok) throw new Error("the house does not recover", { cause: recovered.error });
  root.house.stop();
  await journal.close();
  return { ms, replayed: recovered.value.replayed };
};

const recoveryRow = async (directory: string, records: number): Promise<BenchRow> => {
  const file = join(directory, `recovery-${records}.sqlite`);
  // As a crash finds it at worst: the next snapshot was just about to be written.
  const tail = Math.min(houseConfig().journal.snapshotEveryFacts, records);
  const first = await openHouse(file);
  await writeLives(first.journal, 0, records - tail);
  await first.journal.close();
  if (records > tail) {
    const { root, journal } = await openHouse(file);
    await root.house.recover();
    await root.house.saveSnapshot();
    root.house.stop();
    await journal.close();
  }
  const { journal } = await openHouse(file);
  await writeLives(journal, records - tail, records);
  await journal.close();
  const withSnapshot = await recoverMs(file);

  const bare = join(directory, `bare-${records}.sqlite`);
  const unsaved = await openHouse(bare);
  await writeLives(unsaved.journal, 0, records);
  await unsaved.journal.close();
  const without = await recoverMs(bare);
  for (const name of [file, bare]) rmSync(name, { force: true });
  return {
    table: "Recovery: from opening the journal to a house that can go on",
    records,
    "replayed after the snapshot": withSnapshot.replayed,
    "ms with snapshots": Math.round(withSnapshot.ms),
    "ms without any": Math.round(without.ms),
  };
};

const collectGarbage = (): void => {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
};

const memoryRow = (live: number): BenchRow => {
  const instruments = houseConfig().instruments;
  const limits = { unknownDeadlineMs: 120_000, pendingDeadlineMs: 30_000 };
  const heap = (): number => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const desk: OrderDesk = new Desk({ instruments, limits, finishedKept: 2_000, approvalsKept: 10_000 });
  const before = heap();
  for (let order = 0; order < live; order += 1) {
    const orderId = `1-${order}`;
    const at = 1_381_152_600_000 + order;
    const terms = termsOf(orderId, symbols[order % symbols.length] as string);
    desk.handle({ type: "order.intended", at, ...terms }, () => undefined);
    for (const fact of lifeOf(orderId, at).slice(0, 3)) desk.handle(fact as never, () => undefined);
  }
  const after = heap();
  const startedAt = performance.now();
  const stepped = Math.min(live, 20_000);
  for (let order = 0; order < stepped; order += 1) {
    const fact = {
      type: "order.partially.filled",
      at: 1_381_152_900_000,
      orderId: `1-${order}`,
      fillId: `P${order}`,
      quantity: 1,
    };
    desk.handle({ ...fact, priceMinor } as never, () => undefined);
  }
  const stepMs = (performance.now() - startedAt) / stepped;
  return {
    table: "Live orders in memory",
    "live orders": live,
    "kB per order": ((after - before) / live / 1_000).toFixed(2),
    "µs per fact": (stepMs * 1_000).toFixed(1),
  };
};

export const bench: Bench = {
  name: "orders",
  describe: "lives of orders through the whole house, recovery from a journal, memory per live order",
  async run() {
    const directory = mkdtempSync(join(tmpdir(), "qts-bench-orders-"));
    try {
      const rows: BenchRow[] = [];
      for (const concurrency of [1, 10, 100]) {
        rows.push(await houseRow(directory, concurrency));
        rows.push(await oneByOneRow(directory, concurrency));
        rows.push(await bareRow(concurrency));
      }
      for (const records of [10_000, 100_000, 1_000_000]) rows.push(await recoveryRow(directory, records));
      for (const live of [10_000, 100_000]) rows.push(memoryRow(live));
      return rows;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
