/**
 * The line of P3: above its sampling mark it keeps only a share of what arrives, chosen by a seeded generator.
 *
 * Sampling starts before the line is full, so the newest figures are still represented when it fills up; if it does fill
 * up, the oldest makes room. The same seed and the same arrivals keep the same items.
 */
import { BoundedQueue } from "./bounded-queue.ts";
import type { LaneQueue, OnLeft } from "./lane-queue.ts";

export interface Sampling {
  /** Number of waiting items from which sampling begins. */
  readonly mark: number;
  /** Share of new items that are kept, 0 to 1. */
  readonly rate: number;
}

export class SamplingQueue<T> implements LaneQueue<T> {
  readonly #line: BoundedQueue<T>;
  readonly #onLeft: OnLeft<T>;
  readonly #random: () => number;
  #sampling: Sampling;

  constructor(capacity: number, sampling: Sampling, random: () => number, onLeft: OnLeft<T>) {
    this.#line = new BoundedQueue<T>(capacity);
    this.#sampling = sampling;
    this.#random = random;
    this.#onLeft = onLeft;
  }

  get size(): number {
    return this.#line.size;
  }

  get capacity(): number {
    return this.#line.capacity;
  }

  set sampling(sampling: Sampling) {
    this.#sampling = sampling;
  }

  offer(item: T): void {
    if (this.#line.size >= this.#sampling.mark && this.#random() >= this.#sampling.rate) {
      this.#onLeft(item, "sampled");
      return;
    }
    if (this.#line.offer(item)) return;
    this.#onLeft(this.#line.take() as T, "dropped");
    this.#line.offer(item);
  }

  take(): T | undefined {
    return this.#line.take();
  }

  peek(): T | undefined {
    return this.#line.peek();
  }
}
