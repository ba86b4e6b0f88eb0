/**
 * Who else is told about a fact (spec E7): several handlers per type, isolated from each other.
 *
 * A handler that throws, rejects or takes too long is tried again outside the lane, so that no later fact waits for it,
 * and then given up with its reason. A batch handler gets facts in groups, and its group is retried as one.
 */
import type { Config } from "#config/schema.ts";
import type { Clock } from "../ports.ts";
import type { Fact, FactType } from "./catalog.ts";
import type { DeadLetter } from "./dead-letters.ts";
import type { Kinds } from "./kinds.ts";
import type { Batch, Handler, Kind, Registered, Waiting } from "./waiting.ts";

export type BatchHandler<F = Fact> = (facts: readonly F[]) => void | Promise<void>;
/** One type, several types, or a question asked of every fact. */
export type Filter = FactType | readonly FactType[] | ((fact: Fact) => boolean);
export type Unsubscribe = () => void;

interface Work {
  readonly handler: Registered;
  readonly entries: readonly Waiting[];
  attempts: number;
}

export interface HandlersOptions {
  readonly kinds: Kinds;
  readonly clock: Clock;
  readonly policy: () => Config["events"]["handlers"];
  readonly batchSize: (kind: Kind) => number;
  readonly batchWaitMs: (kind: Kind) => number;
  /** The last piece of work of a fact ended; the entry is not touched any more. */
  readonly finished: (entry: Waiting) => void;
  /** A handler gave up; `isFailing`: it has on critical facts since it last succeeded on one. @returns true when that is told now */
  readonly gaveUp: (entry: Waiting, letter: DeadLetter, isFailing: boolean) => boolean;
}

export interface Handlers {
  add(filter: Filter, call: Handler<never>, options: { readonly name: string }): Unsubscribe;
  addBatch(filter: Filter, call: BatchHandler<never>, options: { readonly name: string }): Unsubscribe;
  /** Tells every handler of the fact; what does not end here keeps the entry unfinished. Never throws. */
  run(entry: Waiting): void;
  /** Hands over what waits in half-full groups, and tries again at once what waits for its next try. */
  hurry(): void;
  /** The next failure of every handler on a critical fact is told again. */
  forgetFailures(): void;
}

const isCritical = ({ kind }: Waiting): boolean => kind.lane === 0;

const isPromise = (value: unknown): value is Promise<void> =>
  typeof value === "object" && value !== null && typeof (value as Promise<void>).then === "function";

const reasonLengthMax = 300;

/** One line of bounded length for people's screens, whatever somebody's code has thrown. */
export const reasonOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message || error.name : `it threw ${String(error)}`;
  const line = text.replace(/\p{Cc}+/gu, " ").trim();
  return line.length <= reasonLengthMax ? line : `${line.slice(0, reasonLengthMax)}…`;
};

/** `file.ts:12:7`, from the stack. */
const placeOf = (error: unknown): string | undefined =>
  error instanceof Error ? /^ +at .*?([^/\\\s()]+:\d+:\d+)\)?$/m.exec(error.stack ?? "")?.[1] : undefined;

type Failure = Pick<DeadLetter, "reason" | "where">;
export const failureOf = (error: unknown): Failure => ({ reason: reasonOf(error), where: placeOf(error) });

export const createHandlers = (options: HandlersOptions): Handlers => {
  const { kinds, clock, policy, finished, gaveUp } = options;
  const registered = new Set<Registered>();
  /** Each tries again at once what waits for its time. */
  const retries = new Set<() => void>();

  const settle = (entry: Waiting): void => {
    entry.unfinished -= 1;
    if (entry.unfinished === 0) finished(entry);
  };

  const end = ({ handler, entries }: Work): void => {
    handler.inProgress -= entries.length;
    for (const entry of entries) settle(entry);
  };

  const giveUp = (handler: Registered, entries: readonly Waiting[], attempts: number, failure: Failure): void => {
    for (const entry of entries) {
      entry.failed = true;
      if (gaveUp(entry, { fact: entry.fact, handler: handler.name, ...failure, attempts }, handler.failing))
        handler.failing = true;
    }
  };

  const succeeded = (work: Work): void => {
    if (work.entries.some(isCritical)) work.handler.failing = false;
    end(work);
  };

  /** @param failure asked only when the handler is given up: reading a stack is dear, and a retry may succeed */
  const failed = (work: Work, failure: () => Failure): void => {
    const { handler, entries, attempts } = work;
    const { retries: retriesMax, retryDelaysMs } = policy();
    if (!handler.removed && attempts <= retriesMax) {
      const delayMs = retryDelaysMs[Math.min(attempts, retryDelaysMs.length) - 1] as number;
      const tryNow = (): void => {
        cancel();
        retries.delete(tryNow);
        attempt(work);
      };
      const cancel = clock.setTimer(clock.now() + delayMs, tryNow);
      retries.add(tryNow);
      return;
    }
    // Nobody waits any longer for a handler that was removed: that is no failure.
    if (!handler.removed) giveUp(handler, entries, attempts, failure());
    end(work);
  };

  const watch = (work: Work, outcome: Promise<void>): void => {
    const { timeoutMs } = policy();
    let over = false;
    const once = (act: () => void): void => {
      if (over) return;
      over = true;
      cancelTimeout();
      act();
    };
    const cancelTimeout = clock.setTimer(clock.now() + timeoutMs, () =>
      once(() => failed(work, () => ({ reason: `took longer than ${timeoutMs} ms`, where: undefined }))),
    );
    clock.hold(outcome, timeoutMs, `the handler ${work.handler.name}, whose promise has not ended`).then(
      () => once(() => succeeded(work)),
      (error: unknown) => once(() => failed(work, () => failureOf(error))),
    );
  };

  const attempt = (work: Work): void => {
    const { handler, entries } = work;
    if (handler.removed) {
      end(work);
      return;
    }
    work.attempts += 1;
    try {
      const outcome = handler.call(entries);
      if (isPromise(outcome)) {
        watch(work, outcome);
        return;
      }
    } catch (error) {
      failed(work, () => failureOf(error));
      return;
    }
    succeeded(work);
  };

  /** A fact whose first attempt did not end at once: from here on it is the handler's, outside the lane. */
  const hold = (handler: Registered, entry: Waiting): Work => {
    entry.unfinished += 1;
    handler.inProgress += 1;
    return { handler, entries: [entry], attempts: 1 };
  };

  const flush = (handler: Registered, batch: Batch): void => {
    batch.cancelFlush?.();
    batch.cancelFlush = undefined;
    const { entries } = batch;
    if (entries.length === 0) return;
    batch.entries = [];
    attempt({ handler, entries, attempts: 0 });
  };

  const collect = (handler: Registered, batch: Batch, entry: Waiting): void => {
    entry.unfinished += 1;
    handler.inProgress += 1;
    batch.entries.push(entry);
    const waitMs = options.batchWaitMs(entry.kind);
    if (batch.entries.length >= options.batchSize(entry.kind) || waitMs === 0) flush(handler, batch);
    else batch.cancelFlush ??= clock.setTimer(clock.now() + waitMs, () => flush(handler, batch));
  };

  const tell = (handler: Registered, entry: Waiting): void => {
    const { inProgressMax } = policy();
    if (handler.inProgress >= inProgressMax) {
      const reason = `${inProgressMax} facts are already in progress at this handler`;
      giveUp(handler, [entry], 0, { reason, where: undefined });
    } else if (handler.batch !== undefined) {
      collect(handler, handler.batch, entry);
    } else {
      try {
        const outcome = (handler.callOne as Handler)(entry.fact);
        if (isPromise(outcome)) watch(hold(handler, entry), outcome);
        else if (isCritical(entry)) handler.failing = false;
      } catch (error) {
        failed(hold(handler, entry), () => failureOf(error));
      }
    }
  };

  const register = (filter: Filter, handler: Registered): Unsubscribe => {
    const types: readonly string[] =
      typeof filter === "string" ? [filter] : typeof filter === "function" ? [...kinds.keys()] : filter;
    const told = types.map((type) => kinds.get(type)).filter((kind) => kind !== undefined);
    registered.add(handler);
    for (const kind of told) kind.handlers = [...kind.handlers, handler];
    return () => {
      if (handler.removed) return;
      if (handler.batch !== undefined) flush(handler, handler.batch);
      handler.removed = true;
      registered.delete(handler);
      for (const kind of told) kind.handlers = kind.handlers.filter((other) => other !== handler);
    };
  };

  const create = (filter: Filter, parts: Pick<Registered, "name" | "call" | "callOne" | "batch">): Registered => ({
    ...parts,
    wants: typeof filter === "function" ? filter : undefined,
    inProgress: 0,
    failing: false,
    removed: false,
  });

  return {
    add(filter, callOne, { name }) {
      const call = ([entry]: readonly Waiting[]): void | Promise<void> => (callOne as Handler)((entry as Waiting).fact);
      return register(filter, create(filter, { name, call, callOne, batch: undefined }));
    },
    addBatch(filter, callBatch, { name }) {
      const call = (entries: readonly Waiting[]): void | Promise<void> =>
        (callBatch as BatchHandler)(entries.map(({ fact }) => fact));
      const batch: Batch = { entries: [], cancelFlush: undefined };
      return register(filter, create(filter, { name, call, callOne: undefined, batch }));
    },
    run(entry) {
      entry.unfinished += 1;
      for (const handler of entry.kind.handlers) {
        let wanted = true;
        if (handler.wants !== undefined)
          try {
            wanted = handler.wants(entry.fact);
          } catch (error) {
            giveUp(handler, [entry], 1, { ...failureOf(error), reason: `its filter failed: ${reasonOf(error)}` });
            wanted = false;
          }
        if (wanted) tell(handler, entry);
      }
      settle(entry);
    },
    hurry() {
      for (const tryNow of [...retries]) tryNow();
      for (const handler of registered) if (handler.batch !== undefined) flush(handler, handler.batch);
    },
    forgetFailures() {
      for (const handler of registered) handler.failing = false;
    },
  };
};
