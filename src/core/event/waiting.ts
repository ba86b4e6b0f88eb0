/**
 * A fact in a lane or at a handler.
 *
 * Most facts of a flood are dropped without ever being looked at, so the record of a fact is made when somebody asks for it.
 * And what waits survives the garbage collector's quick rounds, which stop the world for as long as it takes to copy the
 * survivors: so the places that facts wait in are used again and again, as the slots of a disruptor are, and a lane that is
 * full for hours makes no garbage of its own.
 */
import type { Fact, NewFact } from "./catalog.ts";
import type { FactMaker } from "./fact-maker.ts";
import type { Kind } from "./kinds.ts";

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
