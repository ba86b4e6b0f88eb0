/** Figures without a socket: queue operations, and offer to handled. */
import { BoundedQueue } from "#core/event/bounded-queue.ts";
import { CollapsingQueue } from "#core/event/collapsing-queue.ts";
import { RingBuffer } from "#core/event/ring-buffer.ts";
import { SamplingQueue } from "#core/event/sampling-queue.ts";
import { createRandom } from "#core/random.ts";
import { symbols } from "./loads.ts";
import { createQts } from "./systems.ts";

const nothing = (): void => undefined;
const keys = symbols.map((symbol) => `market.trade.ticked\u0000${symbol}`);
const rounds = 3;

/** The best of a few rounds: the others were disturbed. */
const perSecond = (operations: number, run: () => void): number => {
  let best = 0;
  for (let round = 0; round < rounds; round += 1) {
    const startedMs = performance.now();
    run();
    best = Math.max(best, operations / ((performance.now() - startedMs) / 1000));
  }
  return best;
};

const item = { any: "thing" };
const count = 3_000_000;
const group = 500;
const offerAndTake = (offer: (index: number) => void, take: () => unknown) => (): void => {
  for (let start = 0; start < count; start += group) {
    for (let index = start; index < start + group; index += 1) offer(index);
    for (let index = 0; index < group; index += 1) take();
  }
};

const bounded = new BoundedQueue<object>(1000);
const ring = new RingBuffer<object>(10_000, nothing);
const full = new RingBuffer<object>(1000, nothing);
const collapsing = new CollapsingQueue<object>(1000, nothing);
const distinct = Array.from({ length: group }, (_, index) => `signal\u0000S${index}\u0000s`);
const sampling = new SamplingQueue<object>(50_000, { mark: 40_000, rate: 0.1 }, createRandom(1), nothing);
const keyAt = (index: number): string => keys[index % keys.length] as string;

const queues = {
  "P0 BoundedQueue": perSecond(
    2 * count,
    offerAndTake(
      () => bounded.offer(item),
      () => bounded.take(),
    ),
  ),
  "P1 RingBuffer": perSecond(
    2 * count,
    offerAndTake(
      (index) => ring.offer(item, keyAt(index)),
      () => ring.take(),
    ),
  ),
  "P1 RingBuffer, full (conflating)": perSecond(count, () => {
    for (let index = 0; index < count; index += 1) full.offer(item, keyAt(index));
  }),
  "P2 CollapsingQueue": perSecond(
    2 * count,
    offerAndTake(
      (index) => collapsing.offer(item, distinct[index % group]),
      () => collapsing.take(),
    ),
  ),
  "P3 SamplingQueue": perSecond(
    2 * count,
    offerAndTake(
      () => sampling.offer(item),
      () => sampling.take(),
    ),
  ),
};

const tick = (index: number) =>
  ({
    type: "market.trade.ticked",
    source: "feed",
    payload: {
      symbol: symbols[index % symbols.length] as string,
      priceMinor: index,
      quantity: 1,
      sequence: index,
      exchangeAt: index,
    },
  }) as const;
const fill = (index: number) =>
  ({ type: "order.filled", source: "broker", payload: { orderId: "o", fillId: "f", quantity: 1, priceMinor: index } }) as const;

let handled = 0;
const { dispatcher } = createQts(() => {
  handled += 1;
});
const facts = 1_000_000;
const through = (offer: (index: number) => void, size: number) => (): void => {
  for (let start = 0; start < facts; start += size) {
    for (let index = start; index < start + size; index += 1) offer(index);
    while (dispatcher.drain() === "more");
  }
};
const offers = {
  "P1 tick, one handler": perSecond(
    facts,
    through((index) => dispatcher.offer(tick(index)), 500),
  ),
  "P1 tick, one at a time": perSecond(
    facts,
    through((index) => dispatcher.offer(tick(index)), 1),
  ),
  "P0 fill from outside, one handler, one actor": perSecond(
    facts,
    through((index) => dispatcher.offerExternal(fill(index)), 50),
  ),
  "P1 tick nobody handles": perSecond(
    facts,
    through((index) => dispatcher.offer({ ...tick(index), type: "market.vix.updated", payload: { value: index } }), 500),
  ),
};

// The three paths with a handler: every fact came through, or the rates above are of something else.
if (handled !== 3 * rounds * facts) throw new Error(`${handled} facts were handled instead of ${3 * rounds * facts}`);
process.send?.({ queues, offers });
