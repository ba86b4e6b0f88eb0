/**
 * The whole house under the loads of the events benchmark: inlets, pipeline, archive on disk, lanes, journal on disk, order desk,
 * safety and posture. Only the venue is not there: every order is accepted, and the sender says what is filled.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EMPTY, NEVER, Observable, type Subscriber } from "rxjs";
import { createArchiveFiles, realPulse } from "#adapters/host/archive-files.ts";
import { createHostClock } from "#adapters/host/clock.ts";
import { homePaths } from "#adapters/host/home.ts";
import { openJournal } from "#adapters/host/journal/journal.ts";
import { type Config, parseConfig } from "#config/config.ts";
import { pulled } from "#core/event/valve.ts";
import type { Broker, BrokerReport, Valve } from "#core/ports.ts";
import type { Feed, RawTick } from "#market/ports.ts";
import { createRoot } from "#src/root.ts";
import { nowMicros, symbols } from "./loads.ts";
import type { Frame, Frames, Handle, System } from "./systems.ts";

const priceMinor = 10_000;
const enough = 1_000_000_000_000;
const lotsPerOrder = 1_000_000;

const houseConfig = (): Config => {
  const state = { dailyTradesMax: enough, positionsMax: 1_000, entrySignalMin: 0, newEntry: true };
  const parsed = parseConfig({
    // A market that never closes.
    instruments: symbols.map((symbol) => ({
      symbol,
      market: "BINANCE",
      currency: "USD",
      priceScale: 2,
      tickSize: 1,
      lotSize: 1,
    })),
    operating: { states: { AGGRESSIVE: state, BALANCED: state, DEFENSIVE: state } },
    risk: {
      orderValueMinorMax: enough * 100,
      positionValueMinorMax: enough * 100,
      exposureMinorMax: enough * 100,
      dailyLossMinorMax: enough,
      ordersPerMinuteMax: 1_000,
      duplicateWindowMs: 0,
    },
  });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ key, problem }) => `${key} ${problem}`).join("; "));
  return parsed.config;
};

/** One connection of a source, kept until a socket is there to speak through it. */
interface Line<T> {
  readonly subscriber: Subscriber<T>;
  readonly valve: Valve;
}

const createLine = <T>() => {
  const opened = Promise.withResolvers<Line<T>>();
  return {
    open: (valve: Valve): Observable<T> => new Observable((subscriber) => opened.resolve({ subscriber, valve })),
    opened: opened.promise,
    /** From now on the frames of this socket, each as what `read` makes of it. */
    speak: async (frames: () => Frames, read: (frame: Frame) => T | undefined): Promise<void> => {
      const { subscriber, valve } = await opened.promise;
      async function* groups(): AsyncGenerator<Iterable<T>> {
        for await (const group of frames())
          yield (function* () {
            for (const frame of group) {
              const item = read(frame);
              if (item !== undefined) yield item;
            }
          })();
      }
      pulled(groups, valve).subscribe(subscriber);
    },
  };
};

const orderOf = (symbol: string): string => `o-${symbol}`;

const createBroker = (open: (valve: Valve) => Observable<BrokerReport>, tell: (report: BrokerReport) => void): Broker => ({
  name: "socket",
  capabilities: { clientOrderIdLookup: true, live: false },
  reports: open,
  submit: async ({ orderId }) => {
    const brokerOrderId = `B-${orderId}`;
    setImmediate(() => tell({ type: "accepted", brokerOrderId, clientOrderId: orderId, at: Date.now() }));
    return { ok: true, value: { brokerOrderId } };
  },
  cancel: async () => ({ ok: true, value: undefined }),
  replace: async () => ({ ok: true, value: undefined }),
  orders: async () => ({ ok: true, value: [] }),
  executions: async () => ({ ok: true, value: [] }),
  account: async () => ({ ok: true, value: { positions: [], cashMinor: enough } }),
  close: async () => undefined,
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * @param directory where journal and archive are written
 * @param durable told of each fill once it is on the disk, with the sender's stamp
 */
export const createWholeHouse = async (
  handle: Handle,
  directory: string,
  durable: (sentAt: number) => void,
): Promise<System & { readonly persisted: () => number }> => {
  const home = homePaths(directory);
  for (const path of [home.journal, home.archive]) mkdirSync(path, { recursive: true });
  const journal = await openJournal({ file: join(home.journal, "session-0001.sqlite") });
  if (!journal.ok) throw new Error("the journal does not open", { cause: journal.error });
  const reports = createLine<BrokerReport>();
  const ticks = createLine<RawTick>();
  const tell = (report: BrokerReport): void => void reports.opened.then(({ subscriber }) => subscriber.next(report));
  const feed: Feed = {
    name: "socket",
    open: ({ valve }) => ({ ticks: ticks.open(valve), progress: () => null, stop: async () => undefined }),
  };
  const clock = createHostClock();
  const root = createRoot(houseConfig(), {
    version: "bench",
    home,
    session: "0001",
    epoch: 1,
    orderSeries: "1",
    clock,
    wallClock: clock,
    journal: journal.value,
    markEnded: async () => ({ ok: true, value: undefined }),
    broker: createBroker(reports.open, tell),
    feed,
    startsAt: clock.now(),
    strategy: {
      name: "burner",
      onTrade: ({ symbol, at }) => handle({ lane: 1, key: symbol, mark: 0, sentAt: nowMicros() - (Date.now() - at) * 1000 }),
      evaluate: () => [],
    },
    archiveFiles: createArchiveFiles(),
    pulse: realPulse,
    vix: EMPTY,
    oddities: NEVER,
    log: { error: () => undefined, warn: () => undefined, info: () => undefined },
  });
  void reports.opened.then(() => setImmediate(() => tell({ type: "connected", at: clock.now() })));
  const started = await root.start();
  if (!started.ok) throw new Error(started.error);

  const { dispatcher, recorder } = root.house;
  dispatcher.handle(
    "order.partially.filled",
    ({ payload: { fillId } }) => {
      const sentAt = Number(fillId.slice(fillId.indexOf(".") + 1));
      handle({ lane: 0, key: fillId, mark: 1, sentAt });
      void recorder.whenDurable(recorder.seq()).then(() => durable(sentAt));
    },
    { name: "ledger" },
  );
  dispatcher.handle(
    "metric.recorded",
    ({ payload }) => handle({ lane: 3, key: payload.metric, mark: 0, sentAt: payload.value }),
    {
      name: "meter",
    },
  );

  // One order for each symbol, which the sender fills lot by lot.
  const sequences = new Map<string, number>();
  const tickOf = (symbol: string, at: number): RawTick => {
    const sequence = (sequences.get(symbol) ?? 0) + 1;
    sequences.set(symbol, sequence);
    return { symbol, exchangeAt: at, sequence, priceMinor, quantity: 1 };
  };
  const { subscriber: market } = await ticks.opened;
  for (const symbol of symbols) market.next(tickOf(symbol, clock.now()));
  for (const symbol of symbols)
    root.house.offer({
      type: "order.intended",
      payload: {
        orderId: orderOf(symbol),
        symbol,
        side: "buy",
        orderType: "limit",
        quantity: lotsPerOrder,
        limitPriceMinor: priceMinor,
        strategy: "operator",
      },
      source: "bench",
    });
  while (root.status().orders.open < symbols.length) {
    const { denied } = root.status().orders;
    if (denied > 0) throw new Error(`${denied} orders were denied`);
    await turn();
  }

  const fillOf = ({ key, sentAt }: Frame): BrokerReport => {
    const symbol = symbols[Number(key) % symbols.length] as string;
    const orderId = orderOf(symbol);
    return {
      type: "filled",
      fillId: `${key}.${sentAt}`,
      brokerOrderId: `B-${orderId}`,
      clientOrderId: orderId,
      symbol,
      side: "buy",
      quantity: 1,
      priceMinor,
      feeMinor: 0,
      leavesQuantity: lotsPerOrder,
      at: Date.now(),
    };
  };
  const tradeOf = ({ lane, key, sentAt }: Frame): RawTick | undefined => {
    if (lane === 1) return tickOf(key, Math.round(Date.now() - (nowMicros() - sentAt) / 1000));
    dispatcher.offerExternal({ type: "metric.recorded", source: "meter", payload: { metric: key, value: sentAt } });
    return undefined;
  };
  return {
    attach: (name, frames) => void (name === "broker" ? reports.speak(frames, fillOf) : ticks.speak(frames, tradeOf)),
    dropped: () =>
      Object.values(dispatcher.lanes()).reduce((sum, { dropped, collapsed, sampled }) => sum + dropped + collapsed + sampled, 0),
    persisted: () => root.status().archive.persisted,
  };
};
