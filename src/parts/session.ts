/** The hands of the session machine: how a session begins and how it ends, and what happens when a part breaks. */
import type { SessionReport } from "#core/runtime/report.ts";
import { type SessionEffect, sessionMachine } from "#machines/session.machine.ts";
import type { Part, PartContext } from "./part.ts";

export interface Finished {
  readonly report: SessionReport;
  /** One sentence when the session did not end well. */
  readonly failure: string | undefined;
}

/** Market time that the venue may take for its answer. */
const venueMsMax = 10_000;
/** Market time after which the venue is asked again at the day's end, doubled each time. */
const settleWaitMsMin = 1_000;
const settleWaitMsMax = 30_000;
/** Real time that the archive may take to seal its last segments: a disk that never answers must not keep the process. */
const sealMsMax = 60_000;

export const createSessionPart = ({ config, ports, view, tell, intake, waits, house, parts, report }: PartContext) => {
  const { clock, log, session } = ports;
  const begun = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<Finished>();
  let failure: string | undefined;
  let isSealed = false;
  let isOpen = false;
  let endCause: string | undefined;

  /** A bug of ours: says so, and ends; the next start recovers. */
  const crash = (error: unknown): void => {
    if (failure !== undefined) return;
    failure = `the session failed: ${error instanceof Error ? error.message : String(error)}; start it again to recover`;
    log.error({ error }, failure);
    for (const part of parts()) part.quieten?.("the session has failed");
    begun.resolve();
    const told = { report: report(), failure };
    void Promise.all(parts().map((part) => part.lastWords?.())).then(() => finished.resolve(told));
  };
  const outOfLine = (work: Promise<void>): void => void work.catch(crash);

  /** Until this market time, or until the session has gone on. */
  const wind = (until: number): Promise<void> => {
    const state = view.session();
    return waits.wind(until, () => view.session() !== state);
  };

  const seal = async (cause: string): Promise<void> => {
    if (!isSealed) {
      const sealed = waits.next("archive.closed");
      tell("archive.close.requested", { cause });
      await waits.within(sealed, sealMsMax);
      isSealed = true;
    }
    tell("session.sealed", {});
  };

  const closeVenue = async (): Promise<void> => {
    await ports.endOfDay?.();
    await clock.yieldToIo();
    tell("session.venue.closed", {});
  };

  const settle = async (): Promise<void> => {
    let agreed = false;
    const reconciled = waits.next("reconciliation.completed", "reconciliation.failed").then(({ type }) => {
      agreed = type === "reconciliation.completed";
    });
    tell("reconciliation.requested", { cause: "end" });
    await waits.untilAnswered(reconciled, venueMsMax);
    // An order that a person owns is known to be open; one that nobody owns must be looked for by the next start.
    const ownerless = [...view.desk().liveOrders()].filter(({ owner }) => owner === "qts").length;
    tell("session.settled", { agreed, open: view.desk().openCount(), ownerless });
  };

  const maintain = async (): Promise<void> => {
    for (const part of parts()) await part.endOfDay?.();
    tell("session.maintained", {});
  };

  const close = async ({ cause, isDayOver, ownerless }: Extract<SessionEffect, { type: "session.close" }>): Promise<void> => {
    if (ownerless > 0)
      failure = `the day is over and the venue has not told how ${ownerless === 1 ? "an order" : `${ownerless} orders`} ended; start again on this home once it answers`;
    tell("session.ended", { session, cause });
    await clock.yieldToIo();
    for (const part of parts()) part.quieten?.("the session has ended");
    intake.stop();
    const drained = await house().drain();
    if (Object.values(drained.left).some((count) => count > 0)) log.warn({ left: drained.left }, "facts were left in the lanes");
    const told = report();
    house().stop();
    if (isDayOver && failure === undefined) await ports.markEnded(cause);
    for (const part of parts()) await part.release?.();
    finished.resolve({ report: told, failure });
  };

  const end = (cause: string): void => tell("session.end.requested", { cause });

  const part = {
    name: "session",
    machines: {
      session: {
        logic: sessionMachine,
        input: { venueMsMax, settleMsMax: config.broker.unknownDeadlineMs, settleWaitMsMin, settleWaitMsMax },
      },
    },
    effects: {
      "session.venue.open": ({ cause }) => tell("broker.connect.requested", { cause }),
      "session.begin": ({ cause }) => {
        for (const part of parts()) part.begin?.(cause);
        begun.resolve();
      },
      "session.halt": ({ cause, isDayOver }) => {
        tell("execution.stop.requested", { cause });
        if (!isDayOver) tell("feed.stop.requested", { cause });
      },
      "session.venue.close": () => outOfLine(closeVenue()),
      "session.seal": ({ cause }) => outOfLine(seal(cause)),
      "session.settle": () => outOfLine(settle()),
      "session.maintain": () => outOfLine(maintain()),
      "session.wait": ({ until }) => outOfLine(wind(until)),
      "session.close": (effect) => {
        begun.resolve();
        outOfLine(close(effect));
      },
      "component.restart": ({ component }) => {
        log.warn({ component }, `${component} is restarted`);
        tell("component.started", { component });
      },
      "component.report.failed": ({ component, reason }) => {
        log.error({ component, reason }, `${component} stopped with an error`);
        // The desk is changed in place: only the journal knows what it was before the fact that broke it.
        if (component === "orders") crash(new Error(`the order desk stopped with an error: ${reason}`));
        else tell("component.failed", { component, reason });
      },
    },
    opened: () => {
      isOpen = true;
      if (endCause !== undefined) end(endCause);
    },
  } satisfies Part;

  return {
    part,
    /** Resolves when the market has begun, or will not. */
    begun: begun.promise,
    finished: finished.promise,
    /** Ends the session in order; twice is fine. */
    requestStop: (cause: string): void => {
      if (isOpen) end(cause);
      else endCause ??= cause;
    },
  };
};
