/**
 * The wire between the venue and its member: latency, and everything that can go wrong on the way.
 *
 * All of it in market time, by the clock's timers, so a replay repeats it. The in-process broker and the exchange's own
 * process put the same wire before the same exchange; they differ only in what carries the answers further.
 *
 * A query that was sent behind a request is answered after that request has arrived, so "not found" is never said of an
 * order that is still on its way.
 */
import type { BrokerAccount, BrokerExecution, BrokerOrder, BrokerReport, Clock, OrderRequest } from "#core/ports.ts";
import type { Result } from "#core/result.ts";
import type { PaperConfig } from "./config.ts";
import type { EntryRefusal } from "./entry-checks.ts";
import type { Exchange, OrderChange } from "./exchange.ts";
import { type RequestFate, reportFate, requestFate } from "./faults.ts";
import type { Ledger } from "./ledger.ts";

export type SubmitReply = Result<{ readonly brokerOrderId: string }, EntryRefusal>;
export type ChangeReply = Result<void, EntryRefusal>;

export interface Wire {
  submit(order: OrderRequest, answer: (reply: SubmitReply) => void): void;
  cancel(order: { readonly orderId: string; readonly brokerOrderId: string }, answer: (reply: ChangeReply) => void): void;
  replace(change: OrderChange, answer: (reply: ChangeReply) => void): void;
  orders(answer: (orders: readonly BrokerOrder[]) => void): void;
  executions(answer: (executions: readonly BrokerExecution[]) => void): void;
  account(answer: (account: BrokerAccount) => void): void;
  /** The exchange's reports enter here. */
  report(report: BrokerReport, n: number): void;
  /** Requests that have not arrived and answers that have not left are lost, as with a connection. */
  cut(): void;
  /** The member has room again. */
  resume(): void;
  /** Nothing happens by itself any more. */
  close(): void;
  /** Everything that is still on its way arrives now, in its order: the venue has closed and time may stand still. */
  drain(): Promise<void>;
}

export interface WireOptions {
  readonly config: PaperConfig;
  readonly seed: number;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly exchange: Exchange;
  /** A report has reached us. */
  readonly deliver: (report: BrokerReport) => void;
  /** While it is false reports wait at the venue. */
  readonly hasRoom: () => boolean;
  /** The venue drops the connection. */
  readonly drop: (reason: string) => void;
}

/** Something that will happen on the wire; `ofConnection` dies with the connection. */
interface Journey {
  readonly at: number;
  readonly ofConnection: boolean;
  readonly run: () => void;
  /** Called instead of `run` when the connection is cut. */
  readonly lost: () => void;
}

interface PendingReport {
  at: number;
  readonly n: number;
  readonly report: BrokerReport;
}

const withoutClientOrderId = <T extends object>(told: T): T => {
  const { clientOrderId: _, ...rest } = told as T & { clientOrderId?: string };
  return rest as T;
};

export const createWire = (options: WireOptions): Wire => {
  const { config, seed, clock, ledger, exchange, deliver, hasRoom, drop } = options;
  const { latencyMs, faults } = config;
  /** In the order in which they were begun. */
  const journeys = new Set<Journey>();
  const arrivals = new Map<number, Journey[]>();
  /** Requests that have left and not arrived; queries wait for them. */
  const underway = new Set<Promise<void>>();
  const reports: PendingReport[] = [];
  let connection = 0;
  let stalledUntil = 0;
  let lastReportAt = 0;
  let stopReportTimer: (() => void) | undefined;
  let armedAt: number | undefined;
  let awaitsDisk = false;
  /** Nothing is held back for its time any more; told when the last report has left. */
  let drained: (() => void) | undefined;

  const later = (at: number, ofConnection: boolean, run: () => void, lost: () => void = () => undefined): void => {
    const journey: Journey = { at, ofConnection, run, lost };
    journeys.add(journey);
    const companions = arrivals.get(at);
    if (companions !== undefined) {
      companions.push(journey);
      return;
    }
    // One timer for all that arrives in one millisecond, so that it also shares one sync of the ledger.
    const together = [journey];
    arrivals.set(at, together);
    clock.setTimer(at, () => {
      arrivals.delete(at);
      for (const one of together) if (journeys.delete(one)) one.run();
    });
  };

  /** Runs at once, or when the stall is over; never for a connection that is gone. */
  const whenMoving = (run: () => void): void => {
    const mine = connection;
    const unlessCut = (): void => {
      if (mine === connection) run();
    };
    if (clock.now() < stalledUntil) later(stalledUntil, true, unlessCut);
    else unlessCut();
  };

  /** Nothing is told before it is durable. */
  const whenDurable = async (run: () => void): Promise<void> => {
    const mine = connection;
    await ledger.flushed();
    if (ledger.failure !== undefined) drop(ledger.failure.reason);
    else if (mine === connection) run();
  };

  const answerBy = <R>(fate: RequestFate, reply: R, answer: (reply: R) => void): void => {
    if (fate.disconnects) {
      drop("the connection was lost");
      return;
    }
    if (fate.stalls) stalledUntil = clock.now() + faults.stallMs;
    if (fate.response === "lost") return;
    if (fate.response === "late") later(clock.now() + faults.lateResponseMs, true, () => whenMoving(() => answer(reply)));
    else whenMoving(() => answer(reply));
  };

  const send = <R>(fate: RequestFate, arrive: () => R, answer: (reply: R) => void): void => {
    const arrival = Promise.withResolvers<void>();
    underway.add(arrival.promise);
    const arrived = (): void => {
      underway.delete(arrival.promise);
      arrival.resolve();
    };
    const run = (): void => {
      const reply = arrive();
      arrived();
      void whenDurable(() => answerBy(fate, reply, answer));
    };
    later(clock.now() + fate.latencyMs, true, run, arrived);
  };

  let stopExpiry: (() => void) | undefined;
  /** Day orders expire at the end of their day, also when nobody trades or asks then. */
  const armExpiry = (): void => {
    stopExpiry?.();
    const inMs = exchange.expiresInMs();
    stopExpiry = Number.isFinite(inMs)
      ? clock.setTimer(clock.now() + Math.max(0, inMs), () => {
          exchange.expireDue();
          armExpiry();
        })
      : undefined;
  };

  const fateOf = (key: string): RequestFate => requestFate(seed, key, latencyMs, faults);

  const submit: Wire["submit"] = (order, answer) => {
    const fate = fateOf(`submit ${order.orderId}`);
    const arrive = (): SubmitReply => {
      const reply = exchange.submit(order, fate.refused);
      armExpiry();
      if (reply.ok && fate.rejectedAfterMs !== undefined)
        later(clock.now() + fate.rejectedAfterMs, false, () => exchange.takeBack(order.orderId));
      return reply;
    };
    send(fate, arrive, answer);
  };

  const cancel: Wire["cancel"] = (order, answer) => {
    const fate = fateOf(`cancel ${order.orderId} ${clock.now()}`);
    const arrive = (): ChangeReply => {
      if (fate.rejectedAfterMs === undefined) return exchange.cancel(order);
      later(clock.now() + fate.rejectedAfterMs, false, () => exchange.refuseLater("cancelRejected", order.orderId));
      return { ok: true, value: undefined };
    };
    send(fate, arrive, answer);
  };

  const replace: Wire["replace"] = (change, answer) => {
    const fate = fateOf(`replace ${change.orderId} ${clock.now()}`);
    const arrive = (): ChangeReply => {
      if (fate.rejectedAfterMs === undefined) return exchange.replace(change);
      later(clock.now() + fate.rejectedAfterMs, false, () => exchange.refuseLater("replaceRejected", change.orderId));
      return { ok: true, value: undefined };
    };
    send(fate, arrive, answer);
  };

  /** Answered without latency, so that a start-up can ask before market time moves. */
  const query = <T>(ask: () => T, answer: (value: T) => void): void => {
    const mine = connection;
    const before = [...underway];
    const ready = async (): Promise<void> => {
      await Promise.all(before);
      if (mine === connection) await whenDurable(() => whenMoving(() => answer(ask())));
    };
    void ready();
  };

  const toldAs = <T extends object>(told: T): T => (config.clientOrderIds ? told : withoutClientOrderId(told));

  const enqueue = (at: number, n: number, report: BrokerReport): void => {
    let place = reports.length;
    while (place > 0 && (reports[place - 1] as PendingReport).at > at) place -= 1;
    reports.splice(place, 0, { at, n, report });
  };

  const armReports = (): void => {
    const next = reports[0];
    const at = next === undefined || awaitsDisk || !hasRoom() ? undefined : Math.max(next.at, stalledUntil);
    if (at === armedAt) return;
    stopReportTimer?.();
    armedAt = at;
    stopReportTimer = at === undefined ? undefined : clock.setTimer(at, fire);
  };

  /** Goes on once what is waiting is durable; one wait serves every report that waits. */
  const awaitDisk = async (): Promise<void> => {
    if (awaitsDisk) return;
    awaitsDisk = true;
    await ledger.flushed();
    awaitsDisk = false;
    pump();
  };

  /** Delivers what is due and durable. In one turn, so that reports of one moment stay together. */
  const pump = (): void => {
    for (let next = reports[0]; next !== undefined && hasRoom(); next = reports[0]) {
      if (drained === undefined && (next.at > clock.now() || clock.now() < stalledUntil)) break;
      if (next.n > ledger.durableN) {
        // A venue that cannot record has nothing to tell.
        if (ledger.failure !== undefined) reports.length = 0;
        else void awaitDisk();
        break;
      }
      reports.shift();
      deliver(toldAs(next.report));
    }
    if (reports.length === 0) drained?.();
    armReports();
  };

  const fire = (): void => {
    armedAt = undefined;
    stopReportTimer = undefined;
    pump();
  };

  const report: Wire["report"] = (told, n) => {
    const fate = reportFate(seed, n, latencyMs, faults);
    if (fate.missing) return;
    // One stream in its order: a report never overtakes the one before it, unless the fault menu sends it by a detour.
    const inOrder = Math.max(lastReportAt, clock.now() + fate.latencyMs);
    if (fate.overtakenByMs === undefined) lastReportAt = inOrder;
    enqueue(inOrder + (fate.overtakenByMs ?? 0), n, told);
    if (fate.copyAfterMs !== undefined) enqueue(inOrder + (fate.overtakenByMs ?? 0) + fate.copyAfterMs, n, told);
    armReports();
  };

  const cut = (): void => {
    connection += 1;
    stalledUntil = 0;
    for (const journey of journeys) {
      if (!journey.ofConnection) continue;
      journeys.delete(journey);
      journey.lost();
    }
  };

  const drain = async (): Promise<void> => {
    stalledUntil = 0;
    await ledger.flushed();
    while (journeys.size > 0) {
      for (const next of [...journeys].sort((a, b) => a.at - b.at)) if (journeys.delete(next)) next.run();
      await ledger.flushed();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    drained = resolve;
    pump();
    await promise;
    drained = undefined;
  };

  armExpiry();
  return {
    submit,
    cancel,
    replace,
    orders: (answer) =>
      query(
        () => exchange.orders(faults.listLagMs).map(toldAs),
        (orders) => answer(orders),
      ),
    executions: (answer) =>
      query(
        () => exchange.executions(faults.listLagMs).map(toldAs),
        (executions) => answer(executions),
      ),
    account: (answer) => query(() => exchange.account(), answer),
    report,
    cut,
    resume: pump,
    close: () => stopExpiry?.(),
    drain,
  };
};
