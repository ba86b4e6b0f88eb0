/**
 * A fact in a lane or at a handler, the kind it is of, and who is told of that kind.
 *
 * Most facts of a flood are dropped without ever being looked at, so the record of a fact is made when somebody asks for it.
 * And what waits survives the garbage collector's quick rounds, which stop the world for as long as it takes to copy the
 * survivors: so the places that facts wait in are used again and again, as the slots of a disruptor are, and a lane that is
 * full for hours makes no garbage of its own.
 */

import type { ActorName } from "../actors.ts";
import type { Cancel } from "../ports.ts";
import type { Fact, FactType, NewFact } from "./catalog.ts";
import type { Priority } from "./fact.ts";
import type { FactMaker } from "./fact-maker.ts";

export type Handler<F = Fact> = (fact: F) => void | Promise<void>;

export interface Batch {
  entries: Waiting[];
  cancelFlush: Cancel | undefined;
}

/** A registered handler and its state. */
export interface Registered {
  readonly name: string;
  readonly wants: ((fact: Fact) => boolean) | undefined;
  readonly call: (facts: readonly Waiting[]) => void | Promise<void>;
  readonly callOne: Handler<never> | undefined;
  readonly batch: Batch | undefined;
  /** Facts it holds: being awaited, or waiting for a retry. */
  inProgress: number;
  /** That it gave up on a critical fact was told, and it has not succeeded on one since: one safety report, not one per fact. */
  failing: boolean;
  removed: boolean;
}

/** What happened to the facts of one type. accepted = handled + dropped + collapsed + sampled + deadLettered + waiting. */
export interface Tally {
  accepted: number;
  handled: number;
  dropped: number;
  collapsed: number;
  sampled: number;
  deadLettered: number;
  /** The least and the greatest id that was dropped; ids sort by creation, so they bound the hole. */
  firstDroppedId: string | undefined;
  lastDroppedId: string | undefined;
}

export interface Kind {
  readonly type: FactType;
  readonly priority: Priority;
  /** Index of the lane: 0 for P0. */
  readonly lane: number;
  readonly journaled: boolean;
  readonly route: readonly ActorName[];
  /** The conflation key of a payload, or undefined when facts of this type are never merged. */
  readonly keyOf: (payload: unknown) => string | undefined;
  readonly tally: Tally;
  /** Fields whose values have parts of their own. */
  readonly nested: readonly string[];
  /** Replaced as a whole at registration, so that a running loop over it is not disturbed. */
  handlers: readonly Registered[];
}

const freezeAll = (value: unknown): void => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freezeAll(part);
};

export class Waiting {
  readonly #maker: FactMaker;
  #fact: Fact | undefined;
  kind: Kind;
  number = 0;
  at = 0;
  source = "";
  payload: unknown;
  correlationId: string | undefined;
  /** Monotonic ms. */
  enqueuedAt = 0;
  /** Offered from inside the house: it uses the reserve of P0 and never blocks. */
  internal = false;
  /** Pieces of work that still hold the fact: the delivery itself, and handlers that have not ended. */
  unfinished = 0;
  failed = false;

  constructor(maker: FactMaker, kind: Kind) {
    this.#maker = maker;
    this.kind = kind;
  }

  get id(): string {
    return this.#maker.idOf(this.number);
  }

  /** The frozen record, the same at every call. */
  get fact(): Fact {
    this.#fact ??= this.#maker.make(this);
    return this.#fact;
  }

  fill(newFact: NewFact, kind: Kind, internal: boolean, at: number, enqueuedAt: number): void {
    this.kind = kind;
    this.number = this.#maker.next();
    this.at = at;
    this.source = newFact.source;
    this.payload = Object.freeze(newFact.payload);
    for (const field of kind.nested) freezeAll((newFact.payload as Record<string, unknown>)[field]);
    this.correlationId = newFact.correlationId;
    this.enqueuedAt = enqueuedAt;
    this.internal = internal;
    this.unfinished = 0;
    this.failed = false;
  }

  /** Keeps nothing alive that was here. */
  clear(): void {
    this.#fact = undefined;
    this.payload = undefined;
    this.correlationId = undefined;
  }
}

/** The places that nobody waits in. As many are made as ever waited at once, which the lanes' capacities bound. */
export class WaitingPlaces {
  readonly #maker: FactMaker;
  readonly #free: Waiting[] = [];

  constructor(maker: FactMaker) {
    this.#maker = maker;
  }

  take(kind: Kind): Waiting {
    return this.#free.pop() ?? new Waiting(this.#maker, kind);
  }

  /** The fact has left for good: handled, given up, or let go by its lane. Whoever still holds the place would see the next fact. */
  giveBack(waiting: Waiting): void {
    waiting.clear();
    this.#free.push(waiting);
  }
}
