/** How a session ends: the day is over, somebody asked, or a bug of ours. */
import type { NewFact, Offer } from "#core/event/catalog.ts";
import type { Intake } from "#core/event/intake.ts";
import type { EpochFence } from "#core/execution/order-gate.ts";
import type { DeskView } from "#core/orders/order-desk.ts";
import type { Reconciliation } from "#core/orders/reconciliation.ts";
import type { JournalError } from "#core/ports.ts";
import type { Result } from "#core/result.ts";
import type { House } from "#core/runtime/house.ts";
import type { SessionReport } from "#core/runtime/report.ts";
import type { AlertLog } from "#ops/automation/alerts.ts";
import type { SessionClock, Waits } from "./root.waits.ts";

export interface Finished {
  readonly report: SessionReport;
  /** One sentence when the session did not end well. */
  readonly failure: string | undefined;
}

export interface EndingOptions {
  readonly session: string;
  readonly clock: SessionClock;
  readonly waits: Waits;
  readonly house: () => House;
  readonly offer: Offer;
  readonly desk: () => DeskView;
  readonly reconciliation: Pick<Reconciliation, "request" | "stop">;
  readonly fence: Pick<EpochFence, "close">;
  readonly intake: Pick<Intake, "stop">;
  /** The venue closes for the day. */
  readonly endOfDay: (() => Promise<void>) | undefined;
  /** Backs up the day that is over. */
  readonly maintain: () => Promise<void>;
  readonly unknownDeadlineMs: number;
  readonly markEnded: (cause: string) => Promise<Result<void, JournalError>>;
  readonly report: () => SessionReport;
  /** Lets go of what goes on by itself (schedules, connections, channels); called before the drain and after it. */
  readonly quieten: () => void;
  readonly release: () => Promise<void>;
  readonly log: AlertLog;
}

export interface Ending {
  readonly isStopping: () => boolean;
  readonly finished: Promise<Finished>;
  /** The day's data is over: the venue closes, the archive is sealed, and the day is backed up. */
  readonly endDay: () => void;
  /** Ends cleanly in the middle of the day; twice is fine. */
  readonly stop: (cause: string) => void;
  /** A bug of ours: says so, and ends; the next start recovers. */
  readonly crash: (error: unknown) => void;
}

/** Real time that the archive may take to seal its last segments. */
const sealMsMax = 60_000;
/** Market time that the venue may take for its answer. */
const venueMsMax = 10_000;
const waitMsMin = 1_000;
const waitMsMax = 30_000;

export const createEnding = (options: EndingOptions): Ending => {
  const { session, clock, waits, house, offer, desk, reconciliation, fence, intake, log } = options;
  let isStopping = false;
  let failure: string | undefined;
  const finished = Promise.withResolvers<Finished>();
  const tell = (type: NewFact["type"], payload: object): void => offer({ type, payload, source: "root" } as NewFact);

  /**
   * The venue has closed and nothing begins any more: it is asked until it has told how every order ended and the positions
   * agree, or until an order without an outcome is a person's. Its last reports may have been lost, or the connection with them.
   */
  const settleOrders = async (): Promise<void> => {
    const until = clock.now() + options.unknownDeadlineMs;
    for (let waitMs = waitMsMin; ; waitMs = Math.min(2 * waitMs, waitMsMax)) {
      let isAgreed = false;
      const reconciled = waits.next("reconciliation.completed", "reconciliation.failed").then(({ type }) => {
        isAgreed = type === "reconciliation.completed";
      });
      reconciliation.request("end");
      await waits.untilAnswered(reconciled, venueMsMax);
      if ((isAgreed && desk().openCount() === 0) || clock.now() > until) return;
      await waits.untilAt(clock.now() + waitMs);
      await options.endOfDay?.();
    }
  };

  const seal = async (cause: string): Promise<void> => {
    const sealed = waits.next("archive.closed");
    tell("archive.close.requested", { cause });
    await waits.within(sealed, sealMsMax);
  };

  const close = async (cause: string, isDayOver: boolean): Promise<void> => {
    isStopping = true;
    tell("execution.stop.requested", { cause });
    tell("feed.stop.requested", { cause });
    if (!isDayOver) await seal(cause);
    tell("session.ended", { session, cause });
    await clock.yieldToIo();
    fence.close("the session has ended");
    options.quieten();
    intake.stop();
    const drained = await house().drain();
    if (Object.values(drained.left).some((count) => count > 0)) log.warn({ left: drained.left }, "facts were left in the lanes");
    const report = options.report();
    house().stop();
    if (isDayOver && failure === undefined) await options.markEnded(cause);
    await options.release();
    finished.resolve({ report, failure });
  };

  const endDay = async (): Promise<void> => {
    tell("execution.stop.requested", { cause: "the day is over" });
    await options.endOfDay?.();
    await clock.yieldToIo();
    await seal("the day is over");
    await settleOrders();
    // An order that a person owns is known to be open; one that nobody owns must be looked for by the next start.
    const left = [...desk().liveOrders()].filter(({ owner }) => owner === "qts").length;
    if (left > 0)
      failure = `the day is over and the venue has not told how ${left === 1 ? "an order" : `${left} orders`} ended; start again on this home once it answers`;
    await options.maintain();
    await close("the day is over", true);
  };

  const crash = (error: unknown): void => {
    if (failure !== undefined) return;
    isStopping = true;
    failure = `the session failed: ${error instanceof Error ? error.message : String(error)}; start it again to recover`;
    log.error({ error }, failure);
    fence.close("the session has failed");
    options.quieten();
    finished.resolve({ report: options.report(), failure });
  };

  return {
    isStopping: () => isStopping,
    finished: finished.promise,
    endDay: () => void endDay().catch(crash),
    stop: (cause) => {
      if (isStopping) return;
      isStopping = true;
      void close(cause, false).catch(crash);
    },
    crash,
  };
};
