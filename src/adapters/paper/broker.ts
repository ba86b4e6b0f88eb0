/**
 * The paper broker inside this process: the exchange and its line, behind the Broker port.
 *
 * Never real money. Its ledger is a venue's own book, kept where the house's journal cannot reach it.
 */
import { Subject } from "rxjs";
import type { Instrument } from "#core/instrument.ts";
import type { Broker, BrokerReport, Clock, QueryError, SubmitError } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import { createExchange, type PaperConfig } from "./exchange.ts";
import { openLedger } from "./ledger.ts";
import type { LedgerError } from "./ledger-record.ts";
import { type ChangeReply, createLine, type SubmitReply } from "./line.ts";
import type { MarketTrade } from "./matching.ts";
import { type Answered, createRequests } from "./requests.ts";

export interface PaperBroker extends Broker {
  /** Every trade of the market passes here, in its order. Costs nothing while no order of the symbol is open. */
  onTrade(trade: MarketTrade): void;
  /** The venue closes: open orders expire, and everything on its way arrives before this resolves. */
  endOfSession(): Promise<void>;
  /** Bytes of an interrupted write that were cut off the ledger when it was opened. */
  readonly tornBytes: number;
}

export interface PaperBrokerOptions {
  readonly config: PaperConfig;
  readonly instruments: readonly Instrument[];
  readonly hours: "regular" | "all";
  readonly clock: Clock;
  readonly seed: number;
  /** The ledger's file; begun when it does not exist, continued when it does. */
  readonly ledgerPath: string;
  readonly openingPositions?: Readonly<Record<string, number>>;
}

/** A submit, cancel or replace whose answer did not come may have happened (spec O5). */
export const outcomeOf = <T>(answered: Answered<Result<T, SubmitError>>): Result<T, SubmitError> =>
  answered.type === "answer" ? answered.value : err({ type: "outcome.unknown", reason: answered.reason });

export const answerOf = <T>(answered: Answered<T>): Result<T, QueryError> =>
  answered.type === "answer" ? ok(answered.value) : err({ type: "broker.unavailable", reason: answered.reason });

export const notConnected: SubmitError = {
  type: "not.sent",
  code: "broker.disconnected",
  reason: "the paper exchange is not connected",
};
const unavailable: QueryError = { type: "broker.unavailable", reason: "the paper exchange is not connected" };

/**
 * Opens the ledger and the venue on it. The broker is connected by `connect`.
 *
 * @returns the broker, or why the ledger cannot be used; an existing ledger brings back orders, fills, cash, positions
 * and how far the market had been matched
 */
export const createPaperBroker = async (options: PaperBrokerOptions): Promise<Result<PaperBroker, LedgerError>> => {
  const { config, clock, seed } = options;
  const opened = await openLedger({ path: options.ledgerPath, hold: (work) => clock.hold(work) });
  if (!opened.ok) return opened;
  const { ledger, history, tornBytes } = opened.value;
  const reports = new Subject<BrokerReport>();
  const requests = createRequests({ clock, timeoutMs: config.responseTimeoutMs });
  let state: "new" | "connected" | "waiting" | "closed" = "new";
  let backoffMs = config.reconnectBackoffMs[0];
  let stopReconnect: () => void = () => undefined;

  const exchange = createExchange({
    ...options,
    ledger,
    history,
    now: () => clock.now(),
    report: (report, n) => line.report(report, n),
  });

  const connected = (): void => {
    state = "connected";
    reports.next({ type: "connected", at: clock.now() });
  };

  const drop = (reason: string): void => {
    if (state !== "connected") return;
    state = "waiting";
    line.cut();
    requests.failAll(reason);
    reports.next({ type: "disconnected", reason, at: clock.now() });
    // A venue that cannot record stays away until somebody has looked at its disk.
    if (ledger.failure !== undefined) return;
    stopReconnect = clock.setTimer(clock.now() + backoffMs, connected);
    backoffMs = Math.min(backoffMs * 2, config.reconnectBackoffMs[1]);
  };

  const line = createLine({
    config,
    seed,
    clock,
    ledger,
    exchange,
    deliver: (report) => {
      if (state !== "connected") return;
      backoffMs = config.reconnectBackoffMs[0];
      reports.next(report);
    },
    drop,
  });

  const change = async (send: (answer: (reply: ChangeReply) => void) => void): Promise<Result<void, SubmitError>> =>
    state === "connected" ? outcomeOf(await requests.ask<Result<void, SubmitError>>(send)) : err(notConnected);

  const ask = async <T>(send: (answer: (value: T) => void) => void): Promise<Result<T, QueryError>> =>
    state === "connected" ? answerOf(await requests.ask(send)) : err(unavailable);

  await ledger.flushed();
  if (ledger.failure !== undefined) return err(ledger.failure);

  return ok({
    name: "paper",
    capabilities: { clientOrderIdLookup: config.clientOrderIds && config.faults.listLagMs === 0, live: false },
    reports,
    tornBytes,
    onTrade: exchange.onTrade,
    connect: async () => {
      if (ledger.failure !== undefined) return err({ type: "broker.unavailable", reason: ledger.failure.reason });
      if (state === "closed") return err(unavailable);
      if (state === "connected") return ok(undefined);
      stopReconnect();
      state = "connected";
      clock.setTimer(clock.now(), () => {
        if (state === "connected") reports.next({ type: "connected", at: clock.now() });
      });
      return ok(undefined);
    },
    submit: async (order) =>
      state === "connected"
        ? outcomeOf(
            await requests.ask<Result<{ readonly brokerOrderId: string }, SubmitError>>((answer: (reply: SubmitReply) => void) =>
              line.submit(order, answer),
            ),
          )
        : err(notConnected),
    cancel: (order) => change((answer) => line.cancel(order, answer)),
    replace: (order) => change((answer) => line.replace(order, answer)),
    orders: () => ask(line.orders),
    executions: () => ask(line.executions),
    account: () => ask(line.account),
    endOfSession: async () => {
      exchange.endOfSession();
      await line.drain();
    },
    close: async () => {
      if (state === "closed") return;
      state = "closed";
      stopReconnect();
      line.cut();
      requests.failAll("the broker is closed");
      await ledger.close();
      reports.complete();
    },
  });
};
