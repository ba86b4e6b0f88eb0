/**
 * The line of P1: every value waits its turn until the line is full; then the oldest one makes room.
 *
 * A plain ring would drop the last price of a quiet symbol because a busy one floods the line. So when it is full, the
 * value that leaves is the oldest of the *same key* (type and symbol); a key that has nothing waiting pushes out a value of
 * another key that a newer one has superseded, and only when there is none the oldest of all. Every operation is O(1): slots
 * form one doubly linked line in order of arrival, each key threads its own slots, oldest first, and the superseded ones form
 * a line of their own.
 */
import type { LaneQueue, OnLeft } from "./lane-queue.ts";

const none = -1;

interface KeyLine {
  oldest: number;
  newest: number;
}

export class RingBuffer<T> implements LaneQueue<T> {
  readonly capacity: number;
  readonly #onLeft: OnLeft<T>;
  readonly #items: (T | undefined)[];
  readonly #keyLines: (KeyLine | undefined)[];
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #nextOfKey: Int32Array;
  readonly #nextSuperseded: Int32Array;
  readonly #previousSuperseded: Int32Array;
  readonly #byKey = new Map<string, KeyLine>();
  #oldest = none;
  #newest = none;
  #firstSuperseded = none;
  #lastSuperseded = none;
  #free = 0;
  #size = 0;

  constructor(capacity: number, onLeft: OnLeft<T>) {
    this.capacity = capacity;
    this.#onLeft = onLeft;
    this.#items = new Array<T | undefined>(capacity).fill(undefined);
    this.#keyLines = new Array<KeyLine | undefined>(capacity).fill(undefined);
    this.#next = new Int32Array(capacity);
    for (let slot = 0; slot < capacity; slot += 1) this.#next[slot] = slot + 1 < capacity ? slot + 1 : none;
    this.#previous = new Int32Array(capacity).fill(none);
    this.#nextOfKey = new Int32Array(capacity).fill(none);
    this.#nextSuperseded = new Int32Array(capacity).fill(none);
    this.#previousSuperseded = new Int32Array(capacity).fill(none);
  }

  get size(): number {
    return this.#size;
  }

  /** Keys with a line of their own, also those with nothing waiting; bounded by twice the capacity. */
  get keysKept(): number {
    return this.#byKey.size;
  }

  /** @param key items of one key push out each other before they touch anybody else; undefined: belongs to no key */
  offer(item: T, key: string | undefined): void {
    const line = key === undefined ? undefined : this.#lineOf(key);
    if (this.#size === this.capacity) this.#onLeft(this.#remove(this.#leastMissed(line)), "dropped");
    const slot = this.#free;
    this.#free = this.#next[slot] as number;
    this.#items[slot] = item;
    this.#next[slot] = none;
    this.#previous[slot] = this.#newest;
    if (this.#newest === none) this.#oldest = slot;
    else this.#next[this.#newest] = slot;
    this.#newest = slot;
    if (line !== undefined) {
      this.#keyLines[slot] = line;
      if (line.oldest === none) line.oldest = slot;
      else this.#supersede(line.newest, slot);
      line.newest = slot;
    }
    this.#size += 1;
  }

  take(): T | undefined {
    return this.#size === 0 ? undefined : this.#remove(this.#oldest);
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#oldest];
  }

  #leastMissed(line: KeyLine | undefined): number {
    if (line !== undefined && line.oldest !== none) return line.oldest;
    return this.#firstSuperseded === none ? this.#oldest : this.#firstSuperseded;
  }

  #supersede(slot: number, by: number): void {
    this.#nextOfKey[slot] = by;
    this.#previousSuperseded[slot] = this.#lastSuperseded;
    if (this.#lastSuperseded === none) this.#firstSuperseded = slot;
    else this.#nextSuperseded[this.#lastSuperseded] = slot;
    this.#lastSuperseded = slot;
  }

  #forgetSuperseded(slot: number): void {
    const next = this.#nextSuperseded[slot] as number;
    const previous = this.#previousSuperseded[slot] as number;
    if (previous === none) this.#firstSuperseded = next;
    else this.#nextSuperseded[previous] = next;
    if (next === none) this.#lastSuperseded = previous;
    else this.#previousSuperseded[next] = previous;
    this.#nextSuperseded[slot] = none;
  }

  #lineOf(key: string): KeyLine {
    let line = this.#byKey.get(key);
    if (line === undefined) {
      // Lines of keys with nothing waiting are kept, because the same symbols come again, but never without bound.
      if (this.#byKey.size >= 2 * this.capacity)
        for (const [waitingKey, { oldest }] of this.#byKey) if (oldest === none) this.#byKey.delete(waitingKey);
      line = { oldest: none, newest: none };
      this.#byKey.set(key, line);
    }
    return line;
  }

  /** Unlinks a slot that is the oldest of its key, as the oldest of all and the first superseded always are. */
  #remove(slot: number): T {
    const item = this.#items[slot] as T;
    this.#items[slot] = undefined;
    const next = this.#next[slot] as number;
    const previous = this.#previous[slot] as number;
    if (previous === none) this.#oldest = next;
    else this.#next[previous] = next;
    if (next === none) this.#newest = previous;
    else this.#previous[next] = previous;
    const line = this.#keyLines[slot];
    if (line !== undefined) {
      line.oldest = this.#nextOfKey[slot] as number;
      if (line.oldest === none) line.newest = none;
      else this.#forgetSuperseded(slot);
      this.#nextOfKey[slot] = none;
      this.#keyLines[slot] = undefined;
    }
    this.#next[slot] = this.#free;
    this.#free = slot;
    this.#size -= 1;
    return item;
  }
}
