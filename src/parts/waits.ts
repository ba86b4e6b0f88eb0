/** How the composition root waits: for a fact, for work that may never end, and for a venue that may not answer. */
import type { Fact, FactType } from "#core/event/catalog.ts";
import type { Cancel, Clock } from "#core/ports.ts";
import type { Dispatcher } from "#core/runtime/dispatcher.ts";

/** In a replay a simulated clock, which is told how far the journal had got, and says when it may go on. */
export type SessionClock = Clock & {
  readonly advanceTo?: (at: number) => Promise<void> | undefined;
  readonly released?: () => Promise<void>;
  readonly held?: number;
  readonly standing?: () => { readonly because: string } | undefined;
};

export interface Waits {
  /** Resolves with the next fact of one of these types. */
  readonly next: <T extends FactType>(...types: readonly T[]) => Promise<Fact<T>>;
  /** A disk that never answers must not keep the process from ending. @returns false when this real time was up first */
  readonly within: (work: Promise<unknown>, waitMs: number) => Promise<boolean>;
  /** Waits for the venue's answer, `waitMs` at most, and winds the clock where nobody else does: the venue may need market time. */
  readonly untilAnswered: (answer: Promise<unknown>, waitMs: number) => Promise<void>;
  /** In a replay nobody winds the clock before its data begins or after its end: wound here until this time, or until it is over. */
  readonly wind: (until: number, isOver: () => boolean) => Promise<void>;
  /** Resolves when real work holds the clock no longer; undefined while it is not held. */
  readonly released: () => Promise<void> | undefined;
}

/** Market time between two looks whether the wait is over, where the clock is wound here. */
const windMs = 100;
/** Turns of the event loop in which an answer that needs no market time arrives. */
const answerTurns = 20;

export const createWaits = (
  clock: SessionClock,
  wallClock: Pick<Clock, "now" | "setTimer">,
  dispatcher: () => Pick<Dispatcher, "handle">,
): Waits => {
  /** Shared: settle() runs every turn and must not start a wait each time. */
  let release: Promise<void> | undefined;
  const within: Waits["within"] = async (work, waitMs) => {
    let cancel: Cancel = () => {};
    const overdue = new Promise<false>((resolve) => {
      cancel = wallClock.setTimer(wallClock.now() + waitMs, () => resolve(false));
    });
    const isDone = await Promise.race([
      work.then(
        () => true,
        () => true,
      ),
      overdue,
    ]);
    cancel();
    return isDone;
  };
  const wind: Waits["wind"] = async (until, isOver) => {
    if (clock.advanceTo === undefined) return;
    for (;;) {
      for (let turn = 0; turn < answerTurns && !isOver(); turn += 1) await (clock.released ?? clock.yieldToIo)();
      if (isOver() || clock.now() >= until) return;
      await clock.advanceTo(Math.min(until, clock.now() + windMs));
    }
  };

  return {
    next: (...types) =>
      new Promise((resolve) => {
        const stop = dispatcher().handle(
          types,
          (fact) => {
            stop();
            resolve(fact);
          },
          { name: "root" },
        );
      }),
    within,
    untilAnswered: async (answer, waitMs) => {
      if (clock.advanceTo === undefined) return void (await within(answer, waitMs));
      let isHere = false;
      void answer.then(() => {
        isHere = true;
      });
      await wind(clock.now() + waitMs, () => isHere);
    },
    wind,
    released: () => {
      if ((clock.held ?? 0) > 0) release ??= clock.released?.().finally(() => (release = undefined));
      return release;
    },
  };
};
