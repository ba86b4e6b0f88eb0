/**
 * What the parts of the house may know of each other: one read-only view, and the only one. Whoever wants something done
 * offers a fact.
 *
 * State is read from the actors' snapshots. What an actor that is down can no longer say is answered with the worst: safety
 * is LOCKDOWN then.
 */
import { operatingView } from "#machines/operating-state.machine.ts";
import { type SafetyState, tradingAllowed } from "#machines/safety.machine.ts";
import type { SourceFigures } from "./event/intake.ts";
import type { Instrument } from "./instrument.ts";
import type { DeskView } from "./orders/order-desk.ts";
import type { Clock } from "./ports.ts";
import type { ActorSystem } from "./runtime/actor-system.ts";
import type { House } from "./runtime/house.ts";
import type { OpsReadings } from "./runtime/ops-sight.ts";

/** What parts that are no machines have to tell; each comes from exactly one part. */
export interface Readings extends OpsReadings {
  /** The last trade. */
  readonly mark: (symbol: string) => { readonly priceMinor: number; readonly at: number } | undefined;
  /** Of this run; times are epoch ms, undefined before the first trade; progress 0 to 1, null in live mode. */
  readonly market: () => {
    readonly firstAt: number | undefined;
    readonly lastAt: number | undefined;
    readonly ticks: number;
    readonly progress: number | null;
  };
  /** Rows of this run: received = persisted + refused + errored + pending. */
  readonly archive: () => {
    readonly received: number;
    readonly persisted: number;
    readonly refused: number;
    /** Of the refused, those that came again and are there already. */
    readonly repeated: number;
    readonly errored: number;
    readonly pending: number;
  };
  /** What went through each stage of the market-data pipeline. */
  readonly stages: () => {
    readonly [stage: string]: {
      readonly in: number;
      readonly out: number;
      readonly errored: number;
      readonly refusedBy: { readonly [reason: string]: number };
    };
  };
  /** The archive's segments that are being written, as paths. */
  readonly openSegments: () => readonly string[];
  /** Files of the latest maintenance run. */
  readonly maintenance: () => {
    readonly backedUp: number;
    readonly verified: number;
    readonly deleted: number;
    readonly kept: number;
  };
  /** Alerts that no channel could deliver. */
  readonly alertsLost: () => number;
  /** Signals that waited too long to be acted on. */
  readonly signalsDropped: () => number;
  /** How the kill switch is turned off, as an imperative: "remove /srv/qts/KILL". */
  readonly killSwitchRemedy: () => string;
  /** Results of the health checks' last run; `since` and `checkedAt` are epoch ms of the host. Empty before the first. */
  readonly health: () => readonly {
    readonly name: string;
    readonly state: "ok" | "warning" | "critical";
    readonly reason: string;
    readonly since: number;
    readonly checkedAt: number;
    readonly elapsedMs: number;
  }[];
}

export interface HouseView extends Readings {
  /** Epoch ms of the Clock port. */
  readonly now: () => number;
  readonly instruments: readonly Instrument[];
  readonly instrument: (symbol: string) => Instrument | undefined;
  readonly desk: () => DeskView;
  readonly safety: () => SafetyState;
  /** Code of what holds safety where it is. */
  readonly safetyCause: () => string | undefined;
  /** The same with its reason and its time (epoch ms); null in an untroubled NORMAL. */
  readonly safetyTrouble: () => { readonly code: string; readonly reason: string; readonly at: number } | null;
  /** Why the kill switch is on, and since when (epoch ms); null while it is off. */
  readonly killSwitch: () => { readonly reason: string; readonly at: number } | null;
  readonly operating: () => ReturnType<typeof operatingView>;
  /** Epoch ms of the posture's last evaluation, null before the first. */
  readonly evaluatedAt: () => number | null;
  /** State of the session machine, dotted: "opening.venue". */
  readonly session: () => string;
  /** May new orders leave, and if not, why. */
  readonly trading: () => { readonly open: boolean; readonly why: string };
  /** Restarts of each part within the supervisor's window. */
  readonly restarts: () => { readonly [part: string]: number };
  /** What came in, by source. */
  readonly sources: () => { readonly [source: string]: SourceFigures };
}

export interface ViewSources {
  readonly clock: Pick<Clock, "now">;
  readonly instruments: readonly Instrument[];
  readonly house: () => House;
  readonly readings: () => Readings;
  readonly sources: HouseView["sources"];
}

const endings = new Set(["stopping", "closed", "endingDay"]);

export const createView = ({ clock, instruments, house, readings, sources }: ViewSources): HouseView => {
  const bySymbol = new Map(instruments.map((instrument) => [instrument.symbol, instrument]));
  const actors = (): ActorSystem => house().actors();
  const desk = (): DeskView => actors().snapshotOf("orders").desk;
  const safety = (): SafetyState => (actors().isDown("safety") ? "LOCKDOWN" : actors().snapshotOf("safety").value);
  // During a recovery the actors speak of a time long past, and before it of none.
  const isLive = (): boolean => house().isRestored() && house().recovering() === undefined;
  const session = (): string => actors().states().session ?? "idle";

  return {
    now: () => clock.now(),
    instruments,
    instrument: (symbol) => bySymbol.get(symbol),
    desk,
    safety,
    safetyCause: () => actors().snapshotOf("safety").context.cause?.code,
    safetyTrouble: () => (isLive() ? actors().snapshotOf("safety").context.cause : null),
    killSwitch: () => (isLive() ? actors().snapshotOf("safety").context.killSwitch : null),
    operating: () => operatingView(actors().snapshotOf("operating")),
    evaluatedAt: () => actors().snapshotOf("operating").context.evaluatedAt,
    session,
    trading: () => {
      const [step = ""] = session().split(".");
      if (endings.has(step)) return { open: false, why: step === "endingDay" ? "the day is over" : "the session is stopping" };
      const state = safety();
      if (!tradingAllowed(state)) return { open: false, why: `safety is ${state}` };
      return desk().trading();
    },
    restarts: () => {
      const { context } = actors().snapshotOf("supervisor");
      return Object.fromEntries(Object.entries(context.restarts).map(([part, times]) => [part, times.length]));
    },
    sources,
    mark: (symbol) => readings().mark(symbol),
    market: () => readings().market(),
    archive: () => readings().archive(),
    stages: () => readings().stages(),
    openSegments: () => readings().openSegments(),
    maintenance: () => readings().maintenance(),
    alertsLost: () => readings().alertsLost(),
    signalsDropped: () => readings().signalsDropped(),
    killSwitchRemedy: () => readings().killSwitchRemedy(),
    health: () => readings().health(),
    samples: (spanMs, placesMax) => readings().samples(spanMs, placesMax),
    maintenanceRun: () => readings().maintenanceRun(),
    lastVerified: () => readings().lastVerified(),
    schedule: () => readings().schedule(),
    alertsTold: () => readings().alertsTold(),
    gaps: () => readings().gaps(),
  };
};
