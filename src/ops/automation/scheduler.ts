/**
 * The hands of the scheduler machine: it knows what is due and runs it; whether a target runs, waits or rests is the
 * machine's decision. Each target is on its own, so one that hangs delays no other.
 */
import type { Offer } from "#core/event/catalog.ts";
import type { Cancel, Clock } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { ScheduleLine } from "#core/runtime/ops-sight.ts";
import type { SchedulerEffect } from "#machines/scheduler.machine.ts";
import { type Occurrences, occurrencesOf, type Schedule, whenText } from "./schedule.ts";

/** @param dueAt epoch ms of the occurrence; a run that was missed comes with its own, older time */
export type TargetRun = (dueAt: number, signal: AbortSignal) => Promise<void> | void;

export interface Scheduler {
  /** @returns what is wrong with the schedule or the name; a target added while running is armed at once */
  readonly addTarget: (
    name: string,
    schedule: Schedule,
    run: TargetRun,
    options?: { readonly runMsMax?: number },
  ) => Result<void, string>;
  readonly run: () => void;
  /** What is to be run, by name. */
  readonly lines: () => readonly ScheduleLine[];
  /** No occurrence is offered after this; targets under way are told by their signal. */
  readonly stop: () => void;
  readonly handlers: {
    readonly "schedule.run": (effect: Extract<SchedulerEffect, { type: "schedule.run" }>) => void;
    readonly "schedule.retry": (effect: Extract<SchedulerEffect, { type: "schedule.retry" }>) => void;
    readonly "schedule.resume": (effect: Extract<SchedulerEffect, { type: "schedule.resume" }>) => void;
  };
}

interface Target {
  readonly occurrences: Occurrences;
  readonly run: TargetRun;
  readonly runMsMax: number;
  /** Words for a person. */
  readonly when: string;
  nextAt: number | null;
  timer: Cancel | undefined;
  retryTimer: Cancel | undefined;
  underWay: AbortController | undefined;
}

export const createScheduler = ({
  clock,
  offer,
}: {
  readonly clock: Pick<Clock, "now" | "setTimer" | "hold">;
  readonly offer: Offer;
}): Scheduler => {
  const targets = new Map<string, Target>();
  let isRunning = false;

  const offerDue = (target: string, dueAt: number): void =>
    offer({ type: "schedule.due", payload: { target, dueAt }, source: "scheduler" });
  const offerFinished = (target: string, ok: boolean, reason?: string): void =>
    offer({
      type: "schedule.finished",
      payload: { target, ok, ...(reason === undefined || reason === "" ? {} : { reason }) },
      source: "scheduler",
    });

  const arm = (name: string, target: Target, from: number): void => {
    const next = target.occurrences.after(from);
    target.nextAt = next;
    target.timer?.();
    target.timer =
      next === null
        ? undefined
        : clock.setTimer(next, () => {
            offerDue(name, next);
            // From now, not from `next`: a sleeping machine has one run to make up for, not hundreds.
            arm(name, target, Math.max(next, clock.now()));
          });
  };

  const start = (name: string, target: Target, dueAt: number): void => {
    const underWay = new AbortController();
    target.underWay = underWay;
    let isOver = false;
    const finish = (isOk: boolean, reason?: string): void => {
      if (isOver) return;
      isOver = true;
      cancelLimit();
      target.underWay = undefined;
      underWay.abort();
      offerFinished(name, isOk, reason);
    };
    const cancelLimit = clock.setTimer(clock.now() + target.runMsMax, () =>
      finish(false, `not done after ${target.runMsMax} ms`),
    );
    const work = async (): Promise<void> => target.run(dueAt, underWay.signal);
    clock.hold(work(), undefined, "scheduled work").then(
      () => finish(true),
      (error: unknown) => finish(false, error instanceof Error ? error.message : String(error)),
    );
  };

  return {
    addTarget: (name, schedule, run, { runMsMax = 3_600_000 } = {}) => {
      if (name === "" || targets.has(name)) return err(`the target "${name}" ${name === "" ? "needs a name" : "exists already"}`);
      const occurrences = occurrencesOf(schedule);
      if (!occurrences.ok) return err(`target ${name}: ${occurrences.error}`);
      const target: Target = {
        occurrences: occurrences.value,
        run,
        runMsMax,
        when: whenText(schedule),
        nextAt: null,
        timer: undefined,
        retryTimer: undefined,
        underWay: undefined,
      };
      targets.set(name, target);
      if (isRunning) arm(name, target, clock.now());
      return ok(undefined);
    },
    run: () => {
      if (isRunning) return;
      isRunning = true;
      for (const [name, target] of targets) arm(name, target, clock.now());
    },
    lines: () =>
      [...targets].map(([name, { when, nextAt, underWay }]) => ({ name, when, nextAt, isUnderWay: underWay !== undefined })),
    stop: () => {
      isRunning = false;
      for (const target of targets.values()) {
        target.timer?.();
        target.retryTimer?.();
        target.underWay?.abort();
      }
    },
    handlers: {
      "schedule.run": ({ target: name, dueAt }) => {
        const target = targets.get(name);
        // A target of an older configuration: done with, so that nobody retries it for ever.
        if (target === undefined) offerFinished(name, true, "there is no such target any more");
        // The machine was restarted and does not know; the run under way will report.
        else if (target.underWay === undefined) start(name, target, dueAt);
      },
      "schedule.retry": ({ target: name, at }) => {
        const target = targets.get(name);
        if (target === undefined || !isRunning) return;
        target.retryTimer?.();
        target.retryTimer = clock.setTimer(at, () => offerDue(name, at));
      },
      "schedule.resume": ({ target: name, lastDueAt }) => {
        const missed = targets.get(name)?.occurrences.lastBetween(lastDueAt, clock.now()) ?? null;
        if (missed !== null) offerDue(name, missed);
      },
    },
  };
};
