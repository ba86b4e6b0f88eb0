/**
 * The figures of a session: the report at its end, and the status while it runs. Plain JSON; the JSON Schema is
 * docs/reference/session-report.schema.json.
 */
import type { Pressure } from "../event/backpressure.ts";
import type { Priority } from "../event/fact.ts";
import type { SourceFigures } from "../event/intake.ts";
import type { Tally } from "../event/waiting.ts";

export interface LaneFigures {
  readonly accepted: number;
  readonly handled: number;
  readonly dropped: number;
  readonly collapsed: number;
  readonly sampled: number;
  readonly deadLettered: number;
  /** Neither: they waited when the run ended. accepted is the sum of all six. */
  readonly left: number;
  /** Enqueue to handled, real milliseconds; 0 while nothing was handled. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface SessionReport {
  /** True when this run continued a session that an earlier process had begun on the same home. */
  readonly recovered: boolean;
  /** Market time covered by this run, ISO-8601; null before the first tick. */
  readonly market: { readonly from: string | null; readonly to: string | null; readonly ticks: number };
  /** Of this run: received = persisted + refused + errored. */
  readonly archive: { readonly received: number; readonly persisted: number; readonly refused: number; readonly errored: number };
  readonly lanes: { readonly [P in Priority]: LaneFigures };
  /** Of the whole session, earlier runs on this home included. */
  readonly orders: {
    readonly total: number;
    readonly filled: number;
    readonly canceled: number;
    readonly rejected: number;
    readonly denied: number;
    readonly expired: number;
    readonly unknown: number;
    readonly open: number;
  };
  /** Lots by symbol; symbols without a position are left out. */
  readonly positions: { readonly [symbol: string]: number };
  /** Realized and unrealized less fees, in minor units. */
  readonly pnlMinor: number;
  readonly safety: string;
  readonly operating: string;
  readonly maintenance: { readonly backedUp: number; readonly verified: number; readonly deleted: number; readonly kept: number };
  /** What this run counted and could not keep; each is 0 in a good run. */
  readonly losses: {
    /** Alerts that no channel could deliver. */
    readonly alerts: number;
    /** Effects that were not performed because their cause never became durable. */
    readonly effectsWithheld: number;
    /** Signals that waited too long to be acted on. */
    readonly signals: number;
    /** Facts that no handler could handle and whose letter had to give way to newer ones. */
    readonly deadLettersForgotten: number;
    /** Lines that the log could not write. */
    readonly logLines: number;
  };
  readonly elapsedMs: number;
}

/** What a part shows of itself, by name. */
export type PartFigures = { readonly [name: string]: number | string | null };

export interface LaneStatus extends Omit<LaneFigures, "left"> {
  readonly depth: number;
  /** Facts at handlers that have not ended: accepted = handled + dropped + collapsed + sampled + deadLettered + depth + inProgress. */
  readonly inProgress: number;
  readonly capacity: number;
  /** Held back, by safety or by a higher lane at its critical mark. */
  readonly paused: boolean;
  readonly pressure: Pressure;
  readonly oldestAgeMs: number;
  readonly p95Ms: number;
  /** No percentile is beyond the lane's SLA (`events.lanes.*.slaMs`). */
  readonly withinSla: boolean;
  /** P0 facts whose handlers together took longer than `events.lanes.P0.processingMsMax`. */
  readonly overruns: number;
  /** How many facts took at most `ms`, for growing `ms`; and all of them with their sum. */
  readonly latency: {
    readonly buckets: readonly { readonly ms: number; readonly facts: number }[];
    readonly count: number;
    readonly sumMs: number;
  };
}

/** What happened to the facts of one type; ids sort by creation, so the dropped ones lie between the two. */
export type FactFigures = Readonly<Tally> & { readonly priority: Priority };

/** Facts of one type that one handler could not handle. */
export interface DeadLetterFigures {
  readonly type: string;
  /** Name of the handler that gave up, or `actors`. */
  readonly handler: string;
  /** Of the kept letters (`events.handlers.deadLettersMax`), not of all: those are the lane's `deadLettered`. */
  readonly kept: number;
  /** How many different reasons these have. */
  readonly reasons: number;
  /** The latest one's, with the place in the code. */
  readonly reason: string;
  /** The latest of them; `at` is epoch ms. */
  readonly latest: { readonly factId: string; readonly at: number; readonly attempts: number };
}

/** What `/status`, the terminal view and the dashboard show. */
export interface HouseStatus extends Omit<SessionReport, "lanes"> {
  readonly version: string;
  readonly session: string;
  readonly home: string;
  /** How money is read: amounts are integers of 10^-priceScale of the currency. */
  readonly account: { readonly currency: string; readonly priceScale: number };
  readonly epoch: number;
  /** ISO-8601 market time now. */
  readonly marketTime: string;
  /** Share of the session's data played, 0 to 1; null in live mode. */
  readonly progress: number | null;
  readonly lanes: { readonly [P in Priority]: LaneStatus };
  /** Types that had any fact. */
  readonly facts: { readonly [type: string]: FactFigures };
  /** What could not be handled, by kind, the latest first; all of it is counted in the lanes. */
  readonly deadLetters: readonly DeadLetterFigures[];
  /** Turns that P2 and P3 had before P1 under `events.lowLanesShareMin`. */
  readonly lowLaneTurns: number;
  /** What came in, by source. */
  readonly sources: { readonly [source: string]: SourceFigures };
  /**
   * While the journal is being replayed: the fact it has come to, of all there are. Orders and positions are then those of
   * that fact, and safety and operating state are not told. Null once the house is open.
   */
  readonly recovering: { readonly fact: number; readonly of: number } | null;
  readonly openOrders: number;
  readonly degradation: string;
  /** Trading is open: reconciled, safety allows, not stopping. */
  readonly trading: { readonly open: boolean; readonly why: string };
  /** `failure`: why the journal takes nothing any more, or null. */
  readonly journal: { readonly lastSeq: number; readonly pending: number; readonly failure: string | null };
  /** State of each machine by actor name, for example { safety: "NORMAL", execution: "running" }. */
  readonly machines: { readonly [actor: string]: string };
  readonly restarts: { readonly [component: string]: number };
  readonly effectsPending: number;
  /** Figures of the parts that have some. */
  readonly parts: { readonly [part: string]: PartFigures };
  readonly refusedFacts: { readonly [type: string]: number };
  /** Facts about orders that the desk refused, by code; a report that came twice is a `duplicate`. */
  readonly orderRefusals: { readonly [code: string]: number };
  readonly loopDelayMs: { readonly p99: number; readonly max: number };
}
