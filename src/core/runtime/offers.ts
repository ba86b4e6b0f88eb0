/** The way into the lanes: who may still offer facts, and what becomes of one for which there is no room. */
import { factProblem, isFactType, type NewFact, type Offer } from "../event/catalog.ts";
import type { Door } from "../event/door.ts";
import type { Reception } from "../event/intake.ts";
import type { Kinds } from "../event/kinds.ts";
import type { Lanes } from "../event/lanes.ts";
import { Refusals } from "../event/refusals.ts";
import type { Kind, Waiting, WaitingPlaces } from "../event/waiting.ts";
import type { Clock } from "../ports.ts";
import { err, ok, type Result } from "../result.ts";

/** A fact whose type and payload nobody has checked yet. */
export interface UncheckedFact {
  readonly type: string;
  readonly payload: unknown;
  readonly source: string;
  readonly at?: number;
  readonly correlationId?: string;
}

export interface OffersOptions {
  readonly clock: Clock;
  readonly kinds: Kinds;
  readonly places: WaitingPlaces;
  readonly door: Door;
  readonly lanes: Lanes;
  /** P0 had no room; the sentence says for what. */
  readonly full: (reason: string) => void;
  /** A lane has one fact more. */
  readonly wake: () => void;
}

export const createOffers = ({ clock, kinds, places, door, lanes, full, wake }: OffersOptions) => {
  const refusals = new Refusals();
  let accepting: "everything" | "internal" | "nothing" = "everything";
  let calm: PromiseWithResolvers<void> | undefined;

  const entryOf = (newFact: NewFact, kind: Kind, internal: boolean): Waiting => {
    const entry = places.take(kind);
    entry.fill(newFact, kind, internal, newFact.at ?? clock.now(), clock.monotonicMs());
    return entry;
  };

  const offer: Offer = (newFact) => {
    const kind = kinds.get(newFact.type);
    if (kind === undefined || accepting === "nothing") {
      refusals.count(newFact.type);
      return;
    }
    const entry = entryOf(newFact, kind, true);
    if (lanes.offer(entry) === "full") {
      places.giveBack(entry);
      refusals.count(newFact.type);
      full(`the internal reserve of P0 is full: ${newFact.type} was refused`);
      return;
    }
    kind.tally.accepted += 1;
    wake();
  };

  const offerExternal = (newFact: NewFact): Reception => {
    const kind = kinds.get(newFact.type);
    if (kind === undefined || accepting !== "everything") {
      refusals.count(newFact.type);
      return "refused";
    }
    const entry = entryOf(newFact, kind, false);
    // Nobody overtakes those at the door: each take lets the next one in at once, so while they wait the lane is full.
    if (lanes.offer(entry) === "accepted") {
      kind.tally.accepted += 1;
      wake();
      return "accepted";
    }
    const opened = door.wait(entry);
    full(`P0 is full: ${newFact.type} from ${newFact.source} waits outside`);
    if (opened === undefined) {
      places.giveBack(entry);
      refusals.count(newFact.type);
      return "full";
    }
    kind.tally.accepted += 1;
    return opened;
  };

  const offerUnknown = ({ type, payload, source, at, correlationId }: UncheckedFact): Result<Reception, string> => {
    const problem = factProblem(type, payload);
    if (problem !== undefined) {
      refusals.count(type);
      return err(isFactType(type) ? `${type} from ${source}: ${problem}` : problem);
    }
    const newFact = {
      type,
      payload,
      source,
      ...(at === undefined ? {} : { at }),
      ...(correlationId === undefined ? {} : { correlationId }),
    } as NewFact;
    return ok(offerExternal(newFact));
  };

  return {
    offer,
    offerExternal,
    offerUnknown,
    refused: () => refusals.byType(),

    /** Whose facts are taken from now on. */
    accept(whose: typeof accepting): void {
      accepting = whose;
    },

    whenCalm(): Promise<void> | undefined {
      if (lanes.pressure("P0") === "calm") return undefined;
      calm ??= Promise.withResolvers<void>();
      return calm.promise;
    },

    /** P0 is below its warning mark again: those who wait for that go on. */
    calmed(): void {
      calm?.resolve();
      calm = undefined;
    },
  };
};
