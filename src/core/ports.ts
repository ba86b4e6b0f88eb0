/**
 * What the decision path asks of the world. Each port has at least two adapters held to one contract suite:
 * a fake in `adapters/memory`, and a real one.
 */
import type { Observable } from "rxjs";
import type { ListedStatus } from "#machines/facts/orders.ts";
import type { OrderType, Side } from "./instrument.ts";
import type { Result } from "./result.ts";

/** Cancels something that has been scheduled; calling it twice, or after it fired, does nothing. */
export type Cancel = () => void;

/** Both meanings of time, kept apart: `now` may step, `monotonicMs` never goes back and is for elapsed time only. */
export interface Clock {
  /** Epoch ms, UTC. In a replay this is market time. */
  now(): number;
  /** Milliseconds with a fraction since an arbitrary start; always real time, also in a replay. */
  monotonicMs(): number;
  /** Calls `fire` once `now() >= at`; any `at` is safe, also past 2^31 ms ahead. A past `at` fires at the next turn. */
  setTimer(at: number, fire: () => void): Cancel;
  /**
   * Market time stands still in a replay while this real work (an fsync, a socket answer) is under way, so that a replay
   * gives the same result on a slow disk; `realMsMax` is how long it stands still at most for work that may never end. A wall
   * clock cannot be held: there it returns `work` as it is. `because` is told to people when it takes long.
   */
  hold<T>(work: Promise<T>, realMsMax?: number, because?: string): Promise<T>;
  /** Resolves after pending I/O had its turn. */
  yieldToIo(): Promise<void>;
}

/** How long a source may be read without letting other sources and the lanes have their turn. */
export interface Pace {
  readonly clock: Pick<Clock, "monotonicMs" | "yieldToIo">;
  readonly timeSliceMs: number;
}

export interface Valve {
  readonly pace: Pace;
  readonly isOpen: boolean;
  /** The present state, then every change; for sources that are paused and resumed by calls. */
  readonly changes: Observable<boolean>;
  /** Resolves once the valve is open. */
  whenOpen(): Promise<void>;
}

/** One journaled fact, as it is stored: `seq` is 1, 2, 3 … without a hole. */
export interface JournalRecord {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  /** JSON text of the fact. */
  readonly body: string;
}

export type JournalError =
  /** Somebody else appended since: this process is no longer the owner and must stop trading. */
  | { readonly type: "journal.stale.owner"; readonly expectedSeq: number; readonly actualSeq: number }
  | { readonly type: "journal.unavailable"; readonly reason: string }
  /** Damage before the tail: refuse to start, keep the evidence. */
  | { readonly type: "journal.corrupt"; readonly seq: number; readonly reason: string }
  /** Nothing is damaged: another version of QTS, most likely a newer one, wrote what this one does not know. Refuse to start. */
  | { readonly type: "journal.other.version"; readonly seq: number; readonly reason: string };

export interface StateSnapshot {
  /** The last journal record that the state includes. */
  readonly seq: number;
  readonly at: number;
  /** JSON text. */
  readonly body: string;
}

/**
 * The write-ahead journal of facts. `append` resolves only when the records are durable (group commit: one fsync serves
 * every append that is waiting). The port fits a replicated stream: `expectedSeq` is a compare-and-set on the last record.
 */
export interface Journal {
  /** Sequence of the last record, 0 when empty; known after opening, kept current by this owner's appends. */
  readonly lastSeq: number;
  append(
    records: readonly JournalRecord[],
    options: { readonly expectedSeq: number },
  ): Promise<Result<{ readonly lastSeq: number }, JournalError>>;
  /** Records with `seq > afterSeq` in order. Damage found on the way throws an Error whose `cause` is the JournalError. */
  read(afterSeq: number): AsyncIterable<JournalRecord>;
  saveSnapshot(snapshot: StateSnapshot): Promise<Result<void, JournalError>>;
  /**
   * Somebody else holds it: appends wait and nothing is lost. The listener gets a sentence with who it is, and undefined once
   * it can be written again. Absent where nobody else can hold it.
   */
  onBusy?(listener: (reason: string | undefined) => void): void;
  /** The newest snapshot that can be read back whole, or undefined. */
  loadSnapshot(): Promise<Result<StateSnapshot | undefined, JournalError>>;
  close(): Promise<void>;
}

/** An order as the broker port needs it. Prices in minor units, quantity in lots. */
export interface OrderRequest {
  readonly orderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly orderType: OrderType;
  readonly quantity: number;
  /** Present exactly for limit orders. */
  readonly limitPriceMinor?: number;
}

declare const approval: unique symbol;
/** The type carries the proof that the risk gates were passed; only `core/risk` can make one. */
export type RiskApproved<T> = T & { readonly [approval]: true; readonly epoch: number };

export type SubmitError =
  /** The venue answered no: the order does not exist. */
  | { readonly type: "order.refused"; readonly code: string; readonly reason: string }
  /** Time-out, dropped connection, 5xx, unreadable answer: the order may live. Never treated as a refusal, never re-sent. */
  | { readonly type: "outcome.unknown"; readonly reason: string }
  /** Known not to have left this process (not connected, fenced epoch). */
  | { readonly type: "not.sent"; readonly code: string; readonly reason: string };

/** The broker's own view of an order, for reconciliation. Quantities are cumulative. */
export interface BrokerOrder {
  readonly brokerOrderId: string;
  /** Undefined at venues without a client order id (KIS). */
  readonly clientOrderId?: string;
  readonly symbol: string;
  readonly side: Side;
  readonly orderType: OrderType;
  readonly quantity: number;
  readonly limitPriceMinor?: number;
  readonly status: ListedStatus;
  readonly cumulativeQuantity: number;
  readonly leavesQuantity: number;
  readonly receivedAt: number;
}

export interface BrokerExecution {
  /** Unique at the venue; adapters without a venue id build one from `kis/kis.md` §9's key. */
  readonly fillId: string;
  readonly brokerOrderId: string;
  readonly clientOrderId?: string;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: number;
  readonly priceMinor: number;
  readonly feeMinor: number;
  readonly at: number;
}

export interface BrokerPosition {
  readonly symbol: string;
  readonly quantity: number;
}

export interface BrokerAccount {
  readonly positions: readonly BrokerPosition[];
  readonly cashMinor: number;
}

/** What the broker tells unasked. Reports may come late, twice, out of order, or before the response of the submit. */
export type BrokerReport =
  | { readonly type: "accepted"; readonly brokerOrderId: string; readonly clientOrderId?: string; readonly at: number }
  | {
      readonly type: "rejected";
      readonly brokerOrderId: string;
      readonly clientOrderId?: string;
      readonly code: string;
      readonly reason: string;
      readonly at: number;
    }
  | ({ readonly type: "filled" } & BrokerExecution & { readonly leavesQuantity: number })
  | { readonly type: "canceled"; readonly brokerOrderId: string; readonly clientOrderId?: string; readonly at: number }
  | { readonly type: "expired"; readonly brokerOrderId: string; readonly clientOrderId?: string; readonly at: number }
  | {
      readonly type: "cancelRejected";
      readonly brokerOrderId: string;
      readonly clientOrderId?: string;
      readonly code: string;
      readonly reason: string;
      readonly at: number;
    }
  | {
      readonly type: "replaced";
      readonly brokerOrderId: string;
      readonly clientOrderId?: string;
      readonly quantity: number;
      readonly limitPriceMinor?: number;
      readonly at: number;
    }
  | {
      readonly type: "replaceRejected";
      readonly brokerOrderId: string;
      readonly clientOrderId?: string;
      readonly code: string;
      readonly reason: string;
      readonly at: number;
    }
  | {
      readonly type: "busted";
      readonly fillId: string;
      readonly brokerOrderId: string;
      readonly clientOrderId?: string;
      readonly at: number;
    }
  | {
      readonly type: "corrected";
      readonly fillId: string;
      readonly brokerOrderId: string;
      readonly clientOrderId?: string;
      readonly quantity: number;
      readonly priceMinor: number;
      readonly at: number;
    }
  | { readonly type: "connected"; readonly at: number };

/** The error of a connection that is gone and must not be opened again, for example because somebody newer took its place. */
export class ConnectionEnded extends Error {}

export type QueryError = { readonly type: "broker.unavailable"; readonly reason: string };

export interface Broker {
  readonly name: string;
  readonly capabilities: {
    /** The venue stores our order id and can be asked for it: "not found" is then an answer, not a maybe. */
    readonly clientOrderIdLookup: boolean;
    /** Real money. The noop risk gate refuses to be used with it. */
    readonly live: boolean;
  };
  /**
   * The connection itself: subscribing connects, unsubscribing hangs up. `connected` comes with every connection. An error means that
   * the connection is lost, or that there never was one, and says why; whoever wants it back subscribes again. While the valve
   * is closed reports wait where they are: what the adapter cannot take any more stays in the socket, and then at the venue.
   */
  reports(valve: Valve): Observable<BrokerReport>;
  submit(order: RiskApproved<OrderRequest>): Promise<Result<{ readonly brokerOrderId: string }, SubmitError>>;
  cancel(order: {
    readonly orderId: string;
    readonly brokerOrderId: string;
    readonly symbol: string;
  }): Promise<Result<void, SubmitError>>;
  replace(order: {
    readonly orderId: string;
    readonly brokerOrderId: string;
    readonly symbol: string;
    readonly quantity: number;
    readonly limitPriceMinor?: number;
  }): Promise<Result<void, SubmitError>>;
  /** Every order of the session, all pages, or an error; never a part of them. */
  orders(): Promise<Result<readonly BrokerOrder[], QueryError>>;
  executions(): Promise<Result<readonly BrokerExecution[], QueryError>>;
  account(): Promise<Result<BrokerAccount, QueryError>>;
  close(): Promise<void>;
}

/** Who may try. Embedded: an exclusive lock on the home, freed by the kernel at death. A broken lease may cost availability, never money. */
export interface Lease {
  /** Grows with every acquisition; a submit made under an older epoch is denied at the broker boundary. */
  readonly epoch: number;
  release(): Promise<void>;
}

export type OperatorCommand = { readonly type: string } & { readonly [key: string]: unknown };
export type CommandReply = { readonly exitCode: number; readonly body: unknown };

/** Operator commands in, answers out. Embedded: a control socket under the home. */
export interface CommandBus {
  listen(answer: (command: OperatorCommand) => Promise<CommandReply>): Promise<void>;
  close(): Promise<void>;
}

/** Something that a person can turn on when nothing else answers. */
export interface KillSwitch {
  /** Where it is, for the person who turns it off. */
  readonly path: string;
  /** Why it is on, null while it is off; the failure says why nobody can tell. Waits for nothing but the disk. */
  readonly now: () => Result<string | null, string>;
  /** The same without holding up the process. */
  readonly look: () => Promise<Result<string | null, string>>;
}
