/**
 * The one owner of real timers. A deadline is data: an id and an absolute time, kept in a table that is part of the state
 * snapshot. Machines ask with `timer.set`; when the time has come they get the fact `timer.due`. After a restart the table
 * is armed again, and a deadline that passed while the process was down fires at once (xstate does not restore `after`).
 */
import type { ActorName } from "../actors.ts";
import type { Offer } from "../event/catalog.ts";
import type { Cancel, Clock } from "../ports.ts";

/** A deadline of the table. */
export interface Deadline {
  readonly at: number;
  /** Who asked for it; undefined when it comes from a snapshot, which does not say. */
  readonly owner: ActorName | undefined;
}

export interface Deadlines {
  readonly set: (id: string, at: number, owner?: ActorName) => void;
  readonly clear: (id: string) => void;
  /**
   * Takes the deadline off the table, right before its `timer.due` is handled.
   *
   * @returns undefined when it was cleared or set anew since the timer fired: the fact is out of date and nobody must be told
   */
  readonly take: (id: string, dueAt: number) => Deadline | undefined;
  /** Start real timers for everything in the table; before this call the table only records. */
  readonly arm: () => void;
  readonly disarm: () => void;
  /** As a snapshot keeps it. */
  readonly table: () => { readonly [id: string]: number };
  readonly entries: () => Iterable<readonly [id: string, Deadline]>;
}

export const createDeadlines = ({
  clock,
  offer,
  hasRoom = () => true,
  table = {},
}: {
  readonly clock: Clock;
  readonly offer: Offer;
  /** While there is none, deadlines that are due wait: an outage gives thousands of orders the same deadline. */
  readonly hasRoom?: () => boolean;
  readonly table?: { readonly [id: string]: number };
}): Deadlines => {
  const deadlines = new Map<string, Deadline>();
  for (const [id, at] of Object.entries(table)) deadlines.set(id, { at, owner: undefined });
  const timers = new Map<string, Cancel>();
  let due: { readonly id: string; readonly dueAt: number }[] = [];
  let isArmed = false;

  const offerDue = (): void => {
    let offered = 0;
    for (const payload of due) {
      if (!hasRoom()) break;
      offer({ type: "timer.due", payload, source: "deadlines" });
      offered += 1;
    }
    due = due.slice(offered);
    if (due.length > 0) void clock.hold(clock.yieldToIo()).then(offerDue);
  };

  const start = (id: string, at: number): void => {
    timers.get(id)?.();
    timers.set(
      id,
      clock.setTimer(at, () => {
        timers.delete(id);
        due.push({ id, dueAt: at });
        // Otherwise those before it are waiting already, and it goes with them.
        if (due.length === 1) offerDue();
      }),
    );
  };

  return {
    set: (id, at, owner) => {
      deadlines.set(id, { at, owner });
      if (isArmed) start(id, at);
    },
    clear: (id) => {
      deadlines.delete(id);
      timers.get(id)?.();
      timers.delete(id);
    },
    take: (id, dueAt) => {
      const deadline = deadlines.get(id);
      if (deadline?.at !== dueAt) return undefined;
      deadlines.delete(id);
      return deadline;
    },
    arm: () => {
      isArmed = true;
      for (const [id, { at }] of deadlines) start(id, at);
    },
    disarm: () => {
      isArmed = false;
      for (const cancel of timers.values()) cancel();
      timers.clear();
      due = [];
    },
    table: () => Object.fromEntries(Array.from(deadlines, ([id, { at }]) => [id, at])),
    entries: () => deadlines.entries(),
  };
};
