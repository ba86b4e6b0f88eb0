/** A paper venue with a clock to wind and a market to move, on a real ledger file that is removed afterwards. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { createSimulatedClock, type SimulatedClock } from "#adapters/memory/clock.ts";
import { createPaperBroker, type PaperBroker } from "#adapters/paper/broker.ts";
import type { PaperConfig } from "#adapters/paper/config.ts";
import { createExchangeClient } from "#adapters/paper/exchange-client.ts";
import { createExchangeServer, type ExchangeServer } from "#adapters/paper/exchange-server.ts";
import { tokenFileFor } from "#adapters/paper/exchange-token.ts";
import { noFaults } from "#adapters/paper/faults.ts";
import { createIntake } from "#core/event/intake.ts";
import type { Instrument } from "#core/instrument.ts";
import type { Broker, BrokerReport, OrderRequest, RiskApproved } from "#core/ports.ts";

export const spy: Instrument = { symbol: "SPY", market: "NYSE", currency: "USD", priceScale: 4, tickSize: 100, lotSize: 1 };
export const samsung: Instrument = {
  symbol: "005930",
  market: "KRX",
  currency: "KRW",
  priceScale: 0,
  tickSize: 1,
  lotSize: 1,
};

/** For expect.poll on what another thread or process does: a busy machine takes its time. */
export const patiently = { timeout: 20_000 };

/** Monday 2013-10-07 10:00 in New York. */
export const newYorkMorning = Date.UTC(2013, 9, 7, 14, 0, 0);

export const paperConfig = (changes: Partial<PaperConfig> = {}): PaperConfig => ({
  cashMinor: 10_000_000_000,
  latencyMs: [5, 40],
  participationShare: 0.25,
  feeRate: 0.00015,
  sellTaxRate: 0.0018,
  responseTimeoutMs: 3000,
  clientOrderIds: true,
  basePriceMinor: {},
  ...changes,
  faults: { ...noFaults, ...changes.faults },
});

const made: string[] = [];
const open: MarketFedBroker[] = [];
afterEach(async () => {
  for (const broker of open.splice(0)) await broker.close();
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

/** A new directory, removed after the test. */
export const scratch = (): string => {
  const path = mkdtempSync(join(tmpdir(), "qts-paper-"));
  made.push(path);
  return path;
};

/** What the in-process broker and the client of the exchange have in common. */
export type MarketFedBroker = Broker & Pick<PaperBroker, "onTrade" | "endOfSession">;

/** The connection is gone, for this reason. */
export interface Lost {
  readonly type: "lost";
  readonly reason: string;
  readonly comesBack: boolean;
}

export interface World {
  readonly clock: SimulatedClock;
  readonly broker: MarketFedBroker;
  /** What the venue told, and when its connection was lost. */
  readonly reports: readonly (BrokerReport | Lost)[];
  readonly ledgerPath: string;
  pass(ms: number): Promise<void>;
  /** A trade one millisecond from now. */
  trade(priceMinor: number, quantity: number, symbol?: string): Promise<void>;
  /** Submits a limit buy and lets time pass until its answer and its report are there. */
  buy(orderId: string, priceMinor: number, quantity: number): Promise<unknown>;
  sell(orderId: string, priceMinor: number, quantity: number): Promise<unknown>;
}

export const order = (fields: Partial<OrderRequest> = {}): RiskApproved<OrderRequest> =>
  ({
    orderId: "o-1",
    symbol: "SPY",
    side: "buy",
    orderType: "limit",
    quantity: 10,
    limitPriceMinor: 1_680_000,
    epoch: 1,
    ...fields,
  }) as unknown as RiskApproved<OrderRequest>;

export interface WorldOptions {
  readonly config?: PaperConfig;
  readonly instruments?: readonly Instrument[];
  readonly seed?: number;
  readonly ledgerPath?: string;
  readonly startAt?: number;
  readonly openingPositions?: Readonly<Record<string, number>>;
  /** False leaves the connecting to the test. */
  readonly connect?: boolean;
  readonly reconnectMs?: readonly [number, number];
  readonly hear?: (report: BrokerReport) => void;
}

/** The venue in this process, on its ledger, connected. */
export const createPaperWorld = async (options: WorldOptions = {}): Promise<World> => {
  const clock = createSimulatedClock({ startAt: options.startAt ?? newYorkMorning });
  const ledgerPath = options.ledgerPath ?? join(scratch(), "paper", "session-0001.jsonl");
  const opened = await createPaperBroker({ ...venueOptions(options), clock, ledgerPath });
  if (!opened.ok) throw new Error(opened.error.reason);
  return worldAround(opened.value, clock, ledgerPath, options);
};

export const venueOptions = (options: WorldOptions) => ({
  config: options.config ?? paperConfig(),
  instruments: options.instruments ?? [spy],
  hours: "regular" as const,
  seed: options.seed ?? 7,
  ...(options.openingPositions === undefined ? {} : { openingPositions: options.openingPositions }),
});

/** Closed after the test. */
export const worldAround = async (
  broker: MarketFedBroker,
  clock: SimulatedClock,
  ledgerPath: string,
  options: WorldOptions,
): Promise<World> => {
  const instruments = options.instruments ?? [spy];
  open.push(broker);
  const reports: (BrokerReport | Lost)[] = [];
  const intake = createIntake({
    config: { timeSliceMs: 1, reconnectMs: options.reconnectMs ?? [1_000, 15_000], heldMax: 1000 },
    clock,
    // The longest wait each time, so that tests know it.
    random: () => 1 - Number.EPSILON,
    offer: () => "accepted",
  });
  if (options.connect !== false) {
    intake.inlet("broker").attach<BrokerReport>({
      open: broker.reports,
      take: (report) => {
        reports.push(report);
        options.hear?.(report);
      },
      lost: (reason, waitMs) => reports.push({ type: "lost", reason, comesBack: waitMs !== undefined }),
    });
    // Whoever connects first hears that it is.
    for (let turn = 0; turn < 1_000 && reports.length === 0; turn += 1) {
      await clock.released();
      await clock.advanceTo(clock.now());
    }
  }
  let sequence = clock.now() - newYorkMorning;
  const pass = async (ms: number): Promise<void> => {
    await clock.advanceTo(clock.now() + ms);
    await clock.released();
  };
  const submit = async (request: RiskApproved<OrderRequest>): Promise<unknown> => {
    const answer = broker.submit(request);
    await pass(200);
    return answer;
  };
  return {
    clock,
    broker,
    reports,
    ledgerPath,
    pass,
    trade: async (priceMinor, quantity, symbol = instruments[0]?.symbol ?? "") => {
      await pass(1);
      sequence += 1;
      broker.onTrade({ symbol, priceMinor, quantity, at: clock.now(), sequence });
      await clock.released();
    },
    buy: (orderId, limitPriceMinor, quantity) =>
      submit(order({ orderId, limitPriceMinor, quantity, symbol: instruments[0]?.symbol ?? "" })),
    sell: (orderId, limitPriceMinor, quantity) =>
      submit(order({ orderId, side: "sell", limitPriceMinor, quantity, symbol: instruments[0]?.symbol ?? "" })),
  };
};

const servers: ExchangeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** Closed after the test, after every client. */
export const startExchange = async (options: WorldOptions & { readonly ledgerPath: string }): Promise<ExchangeServer> => {
  const { ledgerPath } = options;
  const clock = createSimulatedClock({ startAt: 0 });
  const started = await createExchangeServer({ ...venueOptions(options), ledgerPath, clock, port: 0 });
  if (!started.ok) throw new Error(started.error.reason);
  servers.push(started.value);
  return started.value;
};

/** The same venue behind a socket, with a clock of its own. */
export const createExchangeWorld = async (options: WorldOptions = {}): Promise<World> => {
  const ledgerPath = options.ledgerPath ?? join(scratch(), "exchange", "session-0001.jsonl");
  const { url } = await startExchange({ ...options, ledgerPath });
  const clock = createSimulatedClock({ startAt: options.startAt ?? newYorkMorning });
  const client = createExchangeClient({
    url,
    tokenFile: tokenFileFor(ledgerPath),
    clock,
    config: options.config ?? paperConfig(),
  });
  return worldAround(client, clock, ledgerPath, options);
};

/** Both ways to the venue, for what must be the same on both. */
export const waysToTheVenue = [
  { way: "inside the process", createWorld: createPaperWorld },
  { way: "in its own process", createWorld: createExchangeWorld },
] as const;
