/**
 * What the lanes raise about themselves: P0 has no room (FS095), an actor or handler of P0 gives up (FS098), a lane stays at its
 * critical mark (AN062), a handler below P0 gives up (AN063), and P1, P2 and P3 are paused (GR090).
 */
import type { NewFact, Offer } from "../event/catalog.ts";
import type { DeadLetter } from "../event/dead-letters.ts";
import { priorities } from "../event/fact.ts";
import type { Lanes, LanesEvents } from "../event/lanes.ts";
import type { Cancel, Clock } from "../ports.ts";

/** The source of these facts. */
const source = "dispatcher";
/** A lasting trouble is repeated once a minute, so that WARNING does not expire while it lasts. */
const tellAgainMs = 60_000;

export interface LaneAlarmsOptions {
  readonly clock: Clock;
  readonly lanes: Lanes;
  /** Takes an alarm as a fact from inside; only called while P0 has room for it. */
  readonly tell: Offer;
  /** Alarms wait to be told. */
  readonly wake: () => void;
}

export const createLaneAlarms = ({ clock, lanes, tell, wake }: LaneAlarmsOptions) => {
  /** Alarms wait here until P0 has room, so that a report about a full lane is not refused by it. */
  const waiting: NewFact[] = [];
  /** When a handler of facts that are not critical was last reported; as many as there are handlers. */
  const gaveUpAt = new Map<string, number>();
  let fullReported = false;
  let cancelWatch: Cancel | undefined;

  const raise = (newFact: NewFact): void => {
    waiting.push(newFact);
    wake();
  };
  const failsafe = (code: string, reason: string): void => raise({ type: "failsafe.tripped", source, payload: { code, reason } });
  const anomaly = (code: string, reason: string): void => raise({ type: "anomaly.raised", source, payload: { code, reason } });

  /** Alarming about a lane that safety paused would prolong the pause. */
  const watchFull = (): void => {
    cancelWatch ??= clock.setTimer(clock.now() + tellAgainMs, () => {
      cancelWatch = undefined;
      const full = priorities.filter((priority) => lanes.pressure(priority) === "critical");
      if (full.length > 0) watchFull();
      for (const priority of full) if (!lanes.isHeld(priority)) anomaly("AN062", `${priority} stays at its critical mark`);
    });
  };

  const pressure: LanesEvents["pressure"] = (priority, level, depth) => {
    if (priority === "P0" && level === "calm") fullReported = false;
    if (level !== "critical") return;
    watchFull();
    if (!lanes.isHeld(priority)) anomaly("AN062", `${priority} is at its critical mark: ${depth} facts wait`);
  };

  return {
    /** Alarms that wait for room in P0. */
    get size(): number {
      return waiting.length;
    },

    /** Tells as many of them as P0 has room for. */
    tellAll(): void {
      while (waiting.length > 0 && lanes.roomInside > 0) tell(waiting.shift() as NewFact);
    },

    pressure,

    /** P0 had no room for a fact; told once until P0 is calm again. */
    full(reason: string): void {
      if (fullReported) return;
      fullReported = true;
      failsafe("FS095", reason);
    },

    /**
     * An actor or a handler gave up on a fact.
     *
     * @param isFailing it was told already, and has succeeded with nothing since
     * @returns true when it became a safety fact
     */
    gaveUp(lane: number, { fact, handler, reason: why, where: place }: DeadLetter, isFailing: boolean): boolean {
      // Failing on our own alarm raises no further alarm: it would loop.
      if (fact.source === source) return false;
      const where = place === undefined ? "" : ` (${place})`;
      const reason = `${handler} gave up on ${fact.type}: ${why}${where}`;
      if (lane === 0) {
        if (!isFailing) failsafe("FS098", reason);
        return !isFailing;
      }
      const now = clock.now();
      // A clock that was set back must not silence it for as long as it was set back.
      const agoMs = Math.abs(now - (gaveUpAt.get(handler) ?? Number.NEGATIVE_INFINITY));
      if (agoMs >= tellAgainMs) {
        gaveUpAt.set(handler, now);
        // The same words each time, without the figures of one fact: people are told of it once, safety as long as it goes on.
        anomaly("AN063", agoMs < 2 * tellAgainMs ? `${handler} goes on giving up on ${fact.type}${where}` : reason);
      }
      return false;
    },

    onlyCritical(): void {
      const reason = "P1, P2 and P3 are paused; what arrives is held by each lane's policy";
      raise({ type: "guardrail.tripped", source, payload: { code: "GR090", reason } });
    },

    /** Safety has recovered: whatever still fails is told at its next failure. */
    anew(): void {
      fullReported = false;
      gaveUpAt.clear();
    },

    /** Nobody will be there to act on a lane that stays full. */
    stopWatching(): void {
      cancelWatch?.();
    },
  };
};
