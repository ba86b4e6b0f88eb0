/**
 * The line of P2: of each key only the latest value waits, in the place its first value had.
 *
 * Work that was asked for twice is done once, with the newest input, and asking again does not lose the turn. Keys name
 * type, symbol and strategy, so two signals never overwrite each other unless they say the same thing.
 */
import type { LaneQueue, OnLeft } from "./lane-queue.ts";

export class CollapsingQueue<T> implements LaneQueue<T> {
  readonly capacity: number;
  readonly #onLeft: OnLeft<T>;
  readonly #items: (T | undefined)[];
  readonly #keys: (string | undefined)[];
  readonly #slotByKey = new Map<string, number>();
  #head = 0;
  #size = 0;

  constructor(capacity: number, onLeft: OnLeft<T>) {
    this.capacity = capacity;
    this.#onLeft = onLeft;
    this.#items = new Array<T | undefined>(capacity).fill(undefined);
    this.#keys = new Array<string | undefined>(capacity).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  /** A waiting value of the same key collapses into the new one; with no room for a new key the oldest value is dropped. */
  offer(item: T, key: string | undefined): void {
    const waiting = key === undefined ? undefined : this.#slotByKey.get(key);
    if (waiting !== undefined) {
      const replaced = this.#items[waiting] as T;
      this.#items[waiting] = item;
      this.#onLeft(replaced, "collapsed");
      return;
    }
    if (this.#size === this.capacity) this.#onLeft(this.take() as T, "dropped");
    let slot = this.#head + this.#size;
    if (slot >= this.capacity) slot -= this.capacity;
    this.#items[slot] = item;
    this.#keys[slot] = key;
    if (key !== undefined) this.#slotByKey.set(key, slot);
    this.#size += 1;
  }

  take(): T | undefined {
    if (this.#size === 0) return undefined;
    const slot = this.#head;
    const item = this.#items[slot];
    const key = this.#keys[slot];
    this.#items[slot] = undefined;
    this.#keys[slot] = undefined;
    if (key !== undefined) this.#slotByKey.delete(key);
    this.#head += 1;
    if (this.#head === this.capacity) this.#head = 0;
    this.#size -= 1;
    return item;
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#head];
  }
}
