/**
 * A part of the house: its machines, the effects it performs, the facts it listens to, what it does as the session begins
 * and ends, and what it shows. Plain objects in one list (`list.ts`).
 *
 * A part knows the others only through `HouseView`, and acts on them only by offering facts.
 */
import type { AnyActorLogic } from "xstate";
import type { Config } from "#config/config.ts";
import type { FactType, NewFact, Offer } from "#core/event/catalog.ts";
import type { Intake } from "#core/event/intake.ts";
import type { HostedMachine } from "#core/runtime/boot-check.ts";
import type { Deadlines } from "#core/runtime/deadlines.ts";
import type { Dispatcher } from "#core/runtime/dispatcher.ts";
import type { EffectHandlers } from "#core/runtime/effects.ts";
import type { House, HouseOptions } from "#core/runtime/house.ts";
import type { HouseStatus, SessionReport } from "#core/runtime/report.ts";
import type { HouseView, Readings } from "#core/view.ts";
import type { SafetyState } from "#machines/facts/safety.ts";
import type { Beginning } from "#machines/session.machine.ts";
import type { HealthCheck } from "#ops/automation/health.ts";
import type { Schedule } from "#ops/automation/schedule.ts";
import type { TargetRun } from "#ops/automation/scheduler.ts";
import type { SessionPorts } from "./ports.ts";
import type { Waits } from "./waits.ts";

/** An actor of the house: its logic, and what it is started with. */
export interface Hosted {
  readonly logic: AnyActorLogic;
  readonly input?: unknown;
}

export interface Part {
  readonly name: string;
  /** By actor name. */
  readonly machines?: { readonly [actor: string]: Hosted };
  /** Machines that an actor of this part hosts; checked at boot like the others. */
  readonly hosts?: readonly HostedMachine[];
  /** A handler never throws and never calls an actor: it starts the work and offers the outcome as a fact. */
  readonly effects: Partial<EffectHandlers>;
  /** Registers its handlers of facts; called once, before anything is recovered. */
  readonly listen?: (dispatcher: Pick<Dispatcher, "handle">) => void;
  /** State that follows from journaled facts, besides the actors': told of each of them, also in a replay. */
  readonly projection?: HouseOptions["projection"];
  readonly readings?: Partial<Readings>;
  /** Recovery is over and effects are on; the venue has not been asked yet. */
  readonly opened?: () => void;
  /**
   * Work that the scheduler runs at its times: by the session's clock, in Asia/Seoul unless `timeZone` says otherwise, only where
   * ops runs. Unlike a handler, `run` rejects when it failed: then it is tried again. After a kill it may run twice.
   */
  readonly schedules?: readonly { readonly name: string; readonly schedule: Schedule; readonly run: TargetRun }[];
  /** The day is over and its orders are settled: work that belongs to the day. */
  readonly endOfDay?: () => Promise<void>;
  /** The market begins. */
  readonly begin?: (cause: Beginning) => void;
  /** Safety moved; called in the same step, before anything else is handled. */
  readonly safetyChanged?: (to: SafetyState) => void;
  readonly journalFailed?: () => void;
  /** The session ends, well or badly: nothing more may begin by itself, and no order may leave. */
  readonly quieten?: (why: string) => void;
  /** The session has failed and the process ends: what must still leave, within seconds. Never throws nor rejects. */
  readonly lastWords?: () => Promise<void>;
  /** Everything is handed over: lets go of connections, threads and channels. */
  readonly release?: () => Promise<void> | void;
  /** Shown in `/status` under `parts`, and in `/metrics` where it is a number. */
  readonly figures?: () => { readonly [name: string]: number | string | null };
  readonly checks?: readonly HealthCheck[];
}

/** What a part is made from. */
export interface PartContext {
  readonly config: Config;
  readonly ports: SessionPorts;
  readonly view: HouseView;
  readonly offer: Offer;
  /** Offers a fact that this process itself says: its source is "root". Who speaks for something outside offers under its name. */
  readonly tell: <T extends FactType>(type: T, payload: Extract<NewFact, { readonly type: T }>["payload"]) => void;
  readonly intake: Intake;
  readonly waits: Waits;
  /** The one counter of this run's order ids: every part that wants orders takes the next. */
  readonly nextOrderId: () => string;
  /** Deadlines of parts that are no machines. */
  readonly deadlines: () => Deadlines;
  /** For the session alone: it drains the house and stops it. */
  readonly house: () => House;
  /** The figures of this run so far, for its end and for who looks on. */
  readonly report: () => SessionReport;
  readonly status: () => HouseStatus;
  /** All parts; for the session alone, which takes them through its steps. */
  readonly parts: () => readonly Part[];
}

/** A run's name within its session: sortable text of the lease's epoch, in archive rows and fact ids. */
export const runTextOf = (epoch: number): string => String(epoch).padStart(6, "0");
