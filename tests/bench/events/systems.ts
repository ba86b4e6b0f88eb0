/** QTS and its peers behind one face: a frame goes in, the handler is called when its turn comes. */
import fastq from "fastq";
import PQueue from "p-queue";
import { concatMap, Subject } from "rxjs";
import { createActor, setup } from "xstate";
import { createHostClock } from "#adapters/host/clock.ts";
import { parseConfig } from "#config/config.ts";
import type { NewFact } from "#core/event/catalog.ts";
import { createIntake } from "#core/event/intake.ts";
import { pulled } from "#core/event/valve.ts";
import { createRandom } from "#core/random.ts";
import { createDispatcher } from "#core/runtime/dispatcher.ts";

export interface Frame {
  readonly lane: 0 | 1 | 3;
  readonly key: string;
  readonly mark: number;
  /** Monotonic µs of sending. */
  readonly sentAt: number;
}

export type Handle = (frame: Frame) => void;
export type Frames = AsyncIterable<Iterable<Frame>>;

export interface System {
  /** The frames of the broker's or the market's socket, one group per read. */
  readonly attach: (name: "broker" | "market", frames: () => Frames) => void;
  /** Frames that were dropped, collapsed or sampled out by policy. */
  readonly dropped: () => number;
}

const toFact = ({ lane, key, mark, sentAt }: Frame): NewFact =>
  lane === 0
    ? { type: "order.filled", source: "broker", payload: { orderId: key, fillId: key, quantity: mark, priceMinor: sentAt } }
    : lane === 1
      ? {
          type: "market.trade.ticked",
          source: "feed",
          payload: { symbol: key, priceMinor: 1, quantity: 1, sequence: mark, exchangeAt: sentAt },
        }
      : { type: "metric.recorded", source: "meter", payload: { metric: key, value: sentAt } };

export const createQts = (handle: Handle): System & { readonly dispatcher: ReturnType<typeof createDispatcher> } => {
  const parsed = parseConfig();
  if (!parsed.ok) throw new Error("the default configuration is broken");
  const config = parsed.config.events;
  const clock = createHostClock();
  const dispatcher = createDispatcher({ config, clock, seed: 1, record: () => undefined, deliver: () => undefined });
  dispatcher.handle(
    "order.filled",
    ({ payload }) => handle({ lane: 0, key: payload.orderId, mark: payload.quantity, sentAt: payload.priceMinor }),
    { name: "ledger" },
  );
  dispatcher.handle(
    "market.trade.ticked",
    ({ payload }) => handle({ lane: 1, key: payload.symbol, mark: payload.sequence, sentAt: payload.exchangeAt }),
    { name: "strategy" },
  );
  dispatcher.handle(
    "metric.recorded",
    ({ payload }) => handle({ lane: 3, key: payload.metric, mark: 0, sentAt: payload.value }),
    {
      name: "meter",
    },
  );
  const { offerExternal: offer, whenCalm } = dispatcher;
  const intake = createIntake({ config: config.intake, clock, random: createRandom(1), offer, whenCalm });
  dispatcher.start();
  return {
    dispatcher,
    attach: (name, frames) => {
      const inlet = intake.inlet(name);
      inlet.attach<Frame>({ open: (valve) => pulled(frames, valve), take: (frame) => inlet.offer(toFact(frame)) });
    },
    dropped: () =>
      Object.values(dispatcher.lanes()).reduce((sum, { dropped, collapsed, sampled }) => sum + dropped + collapsed + sampled, 0),
  };
};

/** For systems that are pushed to: every frame as it is read, without a way to say stop. */
const pushed = (push: Handle): System => ({
  attach: (_, frames) =>
    void (async () => {
      for await (const group of frames()) for (const frame of group) push(frame);
    })(),
  dropped: () => 0,
});

const sliceMs = 1;

/** First in, first out, no bound; it yields to I/O after a slice, as QTS does, so that only order and policy differ. */
const createPlainFifo = (handle: Handle): System => {
  let line: Frame[] = [];
  let next = 0;
  let isScheduled = false;
  const drain = (): void => {
    isScheduled = false;
    const until = performance.now() + sliceMs;
    while (next < line.length && performance.now() < until) {
      handle(line[next] as Frame);
      next += 1;
    }
    if (next > 10_000) {
      line = line.slice(next);
      next = 0;
    }
    if (next < line.length) schedule();
  };
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(drain);
  };
  return pushed((frame) => {
    line.push(frame);
    schedule();
  });
};

const createFastq = (handle: Handle): System => {
  const line = fastq.promise(async (frame: Frame) => handle(frame), 1);
  return pushed((frame) => void line.push(frame));
};

/** With its own priorities: a fill goes before ticks that wait. */
const createPQueue = (handle: Handle): System => {
  const line = new PQueue({ concurrency: 1 });
  return pushed((frame) => void line.add(async () => handle(frame), { priority: 3 - frame.lane }));
};

const createConcatMap = (handle: Handle): System => {
  const frames = new Subject<Frame>();
  frames.pipe(concatMap(async (frame) => handle(frame))).subscribe();
  return pushed((frame) => frames.next(frame));
};

/** One actor whose machine handles every event in an action; `send` runs to completion. */
const createMailbox = (handle: Handle): System => {
  const machine = setup({
    types: { events: {} as { readonly type: "frame"; readonly frame: Frame } },
    actions: { handle: ({ event }) => handle(event.frame) },
  }).createMachine({ on: { frame: { actions: "handle" } } });
  const actor = createActor(machine).start();
  return pushed((frame) => actor.send({ type: "frame", frame }));
};

export const systems: { readonly [name: string]: (handle: Handle) => System } = {
  QTS: createQts,
  "p-queue": createPQueue,
  fastq: createFastq,
  "rxjs concatMap": createConcatMap,
  "xstate mailbox": createMailbox,
  "plain FIFO": createPlainFifo,
};
