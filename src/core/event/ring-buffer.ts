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

/** Slots in a row, linked both ways, so that any of them can leave. */
class SlotLine {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  first = none;
  #last = none;

  constructor(capacity: number) {
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
  }

  append(slot: number): void {
    this.#next[slot] = none;
    this.#previous[slot] = this.#last;
    if (this.#last === none) this.first = slot;
    else this.#next[this.#last] = slot;
    this.#last = slot;
  }

  unlink(slot: number): void {
    const next = this.#next[slot] as number;
    const previous = this.#previous[slot] as number;
    if (previous === none) this.first = next;
    else this.#next[previous] = next;
    if (next === none) this.#last = previous;
    else this.#previous[next] = previous;
  }
}

export class RingBuffer<T> implements LaneQueue<T> {
  readonly capacity: number;
  readonly #onLeft: OnLeft<T>;
  readonly #items: (T | undefined)[];
  readonly #keyLines: (KeyLine | undefined)[];
  readonly #nextOfKey: Int32Array;
  readonly #byKey = new Map<string, KeyLine>();
  /** In order of arrival. */
  readonly #arrived: SlotLine;
  /** Slots with a newer value of their key, in the order in which that came. */
  readonly #superseded: SlotLine;
  /** Slots that are not in use: as many as are missing to the capacity. */
  readonly #free: Int32Array;
  #size = 0;

  constructor(capacity: number, onLeft: OnLeft<T>) {
    this.capacity = capacity;
    this.#onLeft = onLeft;
    this.#items = new Array<T | undefined>(capacity).fill(undefined);
    this.#keyLines = new Array<KeyLine | undefined>(capacity).fill(undefined);
    this.#nextOfKey = new Int32Array(capacity).fill(none);
    this.#arrived = new SlotLine(capacity);
    this.#superseded = new SlotLine(capacity);
    this.#free = Int32Array.from({ length: capacity }, (_, slot) => slot);
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
    const slot = this.#free[this.capacity - this.#size - 1] as number;
    this.#items[slot] = item;
    this.#arrived.append(slot);
    if (line !== undefined) {
      this.#keyLines[slot] = line;
      if (line.oldest === none) line.oldest = slot;
      else {
        this.#nextOfKey[line.newest] = slot;
        this.#superseded.append(line.newest);
      }
      line.newest = slot;
    }
    this.#size += 1;
  }

  take(): T | undefined {
    return this.#size === 0 ? undefined : this.#remove(this.#arrived.first);
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#arrived.first];
  }

  #leastMissed(line: KeyLine | undefined): number {
    if (line !== undefined && line.oldest !== none) return line.oldest;
    return this.#superseded.first === none ? this.#arrived.first : this.#superseded.first;
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
    this.#arrived.unlink(slot);
    const line = this.#keyLines[slot];
    if (line !== undefined) {
      line.oldest = this.#nextOfKey[slot] as number;
      if (line.oldest === none) line.newest = none;
      else this.#superseded.unlink(slot);
      this.#nextOfKey[slot] = none;
      this.#keyLines[slot] = undefined;
    }
    this.#size -= 1;
    this.#free[this.capacity - this.#size - 1] = slot;
    return item;
  }
}
