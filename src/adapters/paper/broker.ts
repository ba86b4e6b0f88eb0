/**
 * The paper broker inside this process: the exchange and its wire, behind the Broker port. Whoever subscribes to its reports
 * is connected; a newer subscription takes the older one's place.
 *
 * Never real money. Its ledger is a venue's own book, kept where the house's journal cannot reach it.
 */
import { Observable, type Subscriber } from "rxjs";
import type { Instrument } from "#core/instrument.ts";
import {
  type Broker,
  type BrokerReport,
  type Clock,
  ConnectionEnded,
  type QueryError,
  type SubmitError,
  type Valve,
} from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { PaperConfig } from "./config.ts";
import { createExchange } from "./exchange.ts";
import { openLedger } from "./ledger.ts";
import type { LedgerError } from "./ledger-record.ts";
import type { MarketTrade } from "./matching.ts";
import { type Answered, createRequests } from "./requests.ts";
import { type ChangeReply, createWire, type SubmitReply } from "./wire.ts";

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
 * Opens the ledger and the venue on it.
 *
 * @returns the broker, or why the ledger cannot be used; an existing ledger brings back orders, fills, cash, positions
 * and how far the market had been matched
 */
export const createPaperBroker = async (options: PaperBrokerOptions): Promise<Result<PaperBroker, LedgerError>> => {
  const { config, clock, seed } = options;
  const opened = await openLedger({
    path: options.ledgerPath,
    hold: (work) => clock.hold(work, undefined, "the paper ledger, which is being written"),
  });
  if (!opened.ok) return opened;
  const { ledger, history, tornBytes } = opened.value;
  const requests = createRequests({ clock, timeoutMs: config.responseTimeoutMs });
  let member: { readonly subscriber: Subscriber<BrokerReport>; readonly valve: Valve } | undefined;
  let isClosed = false;

  const exchange = createExchange({
    ...options,
    ledger,
    history,
    now: () => clock.now(),
    report: (report, n) => wire.report(report, n),
  });

  const hangUp = (reason: string): void => {
    member = undefined;
    wire.cut();
    requests.failAll(reason);
    // What was held back for the member is told to nobody now.
    wire.resume();
  };

  const drop = (why: Error): void => {
    const gone = member;
    if (gone === undefined) return;
    hangUp(why.message);
    gone.subscriber.error(why);
  };

  const reports = (valve: Valve): Observable<BrokerReport> =>
    new Observable((subscriber) => {
      if (isClosed) throw new ConnectionEnded("the broker is closed");
      // A venue that cannot record stays away until somebody has looked at its disk.
      if (ledger.failure !== undefined) throw new Error(ledger.failure.reason);
      drop(new ConnectionEnded("a newer connection has taken this place"));
      const mine = { subscriber, valve };
      member = mine;
      const isMine = (): boolean => member === mine;
      clock.setTimer(clock.now(), () => isMine() && subscriber.next({ type: "connected", at: clock.now() }));
      const resumed = valve.changes.subscribe((isOpen) => isOpen && isMine() && wire.resume());
      return () => {
        resumed.unsubscribe();
        if (isMine()) hangUp("the connection was closed");
      };
    });

  const wire = createWire({
    config,
    seed,
    clock,
    ledger,
    exchange,
    deliver: (report) => member?.subscriber.next(report),
    hasRoom: () => member?.valve.isOpen ?? true,
    drop: (reason) => drop(new Error(reason)),
  });

  const change = async (send: (answer: (reply: ChangeReply) => void) => void): Promise<Result<void, SubmitError>> =>
    member === undefined ? err(notConnected) : outcomeOf(await requests.ask<Result<void, SubmitError>>(send));

  const ask = async <T>(send: (answer: (value: T) => void) => void): Promise<Result<T, QueryError>> =>
    member === undefined ? err(unavailable) : answerOf(await requests.ask(send));

  await ledger.flushed();
  if (ledger.failure !== undefined) return err(ledger.failure);

  return ok({
    name: "paper",
    capabilities: { clientOrderIdLookup: config.clientOrderIds && config.faults.listLagMs === 0, live: false },
    reports,
    tornBytes,
    onTrade: exchange.onTrade,
    submit: async (order) =>
      member === undefined
        ? err(notConnected)
        : outcomeOf(
            await requests.ask<Result<{ readonly brokerOrderId: string }, SubmitError>>((answer: (reply: SubmitReply) => void) =>
              wire.submit(order, answer),
            ),
          ),
    cancel: (order) => change((answer) => wire.cancel(order, answer)),
    replace: (order) => change((answer) => wire.replace(order, answer)),
    orders: () => ask(wire.orders),
    executions: () => ask(wire.executions),
    account: () => ask(wire.account),
    endOfSession: async () => {
      exchange.endOfSession();
      await wire.drain();
    },
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      const gone = member;
      hangUp("the broker is closed");
      wire.close();
      gone?.subscriber.complete();
      await ledger.close();
    },
  });
};
