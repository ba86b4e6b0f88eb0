/**
 * What somebody sees who looks on: after each fact a step for every actor that took it (spec I1).
 *
 * A step holds references and copies nothing; ticks make none, because no actor takes them. While nobody watches, only what changed
 * something is kept, 2,000 of machines and 2,000 of orders: the cycles of a calm day must not push out what became of an order. Whoever looks on can never hurt the house: a listener that throws three times is let go.
 */
import type { Priority } from "#machines/facts/fact.ts";
import { statusOf } from "#machines/order.rules.ts";
import type { ActorName } from "../actors.ts";
import type { ActorEvent } from "../event/catalog.ts";
import type { FactOutcome } from "../orders/order-desk.ts";
import type { Effect } from "./effects.ts";

/** What one actor made of one fact. */
export interface Step {
  /** How many changes there have been with this one; a step that changed nothing has the number of the change before it. */
  readonly number: number;
  /** Of the journal's newest record at that time: the fact's own, when it is journaled. */
  readonly seq: number;
  /** The fact as its actor heard it. */
  readonly event: ActorEvent;
  readonly lane: Priority;
  /** In its lane, monotonic; 0 in a replay. */
  readonly waitedMs: number;
  /** 0 while nobody watches. */
  readonly tookMs: number;
  readonly actor: ActorName;
  /** The order that it concerned; orders are no actors, the desk tells their steps. */
  readonly orderId: string | null;
  /** State values before and after, as xstate writes them; of an order its status, null before it was there. */
  readonly from: unknown;
  readonly to: unknown;
  readonly effects: readonly Effect[];
  /** Why the fact was refused; null when it was taken. */
  readonly refusal: string | null;
}

export type StepListener = (step: Step) => void;

export interface Observer {
  /** While this is false only changes are worth a step. */
  readonly isWatched: () => boolean;
  /** Called by the house; never throws. */
  readonly take: (step: Omit<Step, "number">) => void;
  /** @returns ends it; twice is fine */
  readonly watch: (listener: StepListener) => () => void;
  /** Of the changes that are kept those after `number`, oldest first: a state moved, an effect left, a fact was refused. */
  readonly changesAfter: (number: number) => readonly Step[];
  /** Number of the newest change. */
  readonly newest: () => number;
  /** Epoch ms at which an actor last moved; undefined if it has not since this process began. */
  readonly movedAt: (actor: ActorName) => number | undefined;
}

const changesMax = 2000;
/** A listener has a bug or it has not; a third try says which. */
const faultsMax = 3;

/** Do two state values say the same? xstate makes a new object for the same nested state. */
const isSame = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  );
};

export const hasMoved = ({ from, to }: Pick<Step, "from" | "to">): boolean => !isSame(from, to);
export const isChange = (step: Omit<Step, "number">): boolean =>
  step.effects.length > 0 || step.refusal !== null || hasMoved(step);

/**
 * The desk's outcomes as steps of the actor `orders`. Effects belong to the fact, not to one of its orders: the first step has them.
 */
export const orderSteps = (
  step: Omit<Step, "number" | "orderId" | "refusal">,
  outcomes: readonly FactOutcome[],
): Omit<Step, "number">[] =>
  outcomes.map(({ orderId, before, order, refusal }, index) => ({
    ...step,
    orderId,
    from: before === undefined ? null : statusOf(before),
    to: order === undefined ? null : statusOf(order),
    effects: index === 0 ? step.effects : [],
    refusal: refusal === null ? null : refusal.reason,
  }));

/** The newest of many: the place of the oldest is taken next. */
const createRing = () => {
  const kept: Step[] = [];
  let oldest = 0;
  return {
    add: (step: Step): void => {
      if (kept.length < changesMax) kept.push(step);
      else {
        kept[oldest] = step;
        oldest = (oldest + 1) % changesMax;
      }
    },
    after: (number: number): Step[] => [...kept.slice(oldest), ...kept.slice(0, oldest)].filter((step) => step.number > number),
  };
};

/** @param onFault told once of each listener that is let go, with what it threw last */
export const createObserver = (onFault: (error: unknown) => void): Observer => {
  const ofMachines = createRing();
  const ofOrders = createRing();
  let newest = 0;
  const moved = new Map<ActorName, number>();
  const listeners = new Map<StepListener, { faults: number }>();

  return {
    isWatched: () => listeners.size > 0,
    take: (given) => {
      const hasChanged = isChange(given);
      if (hasChanged) newest += 1;
      const step: Step = { ...given, number: newest };
      if (hasChanged) {
        (step.orderId === null ? ofMachines : ofOrders).add(step);
        if (step.orderId === null && hasMoved(step)) moved.set(step.actor, step.event.at);
      }
      for (const [listener, state] of listeners) {
        try {
          listener(step);
        } catch (error) {
          state.faults += 1;
          if (state.faults < faultsMax) continue;
          listeners.delete(listener);
          onFault(error);
        }
      }
    },
    watch: (listener) => {
      listeners.set(listener, { faults: 0 });
      return () => {
        listeners.delete(listener);
      };
    },
    changesAfter: (number) => [...ofMachines.after(number), ...ofOrders.after(number)].sort((a, b) => a.number - b.number),
    newest: () => newest,
    movedAt: (actor) => moved.get(actor),
  };
};
