/** A first-in first-out line with a fixed capacity that says no when it is full: the offerer decides how to wait. */
export class BoundedQueue<T> {
  readonly capacity: number;
  readonly #items: (T | undefined)[];
  #head = 0;
  #size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#items = new Array<T | undefined>(capacity).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  /** @returns false when the line is full; the item was not admitted then */
  offer(item: T): boolean {
    if (this.#size === this.capacity) return false;
    let slot = this.#head + this.#size;
    if (slot >= this.capacity) slot -= this.capacity;
    this.#items[slot] = item;
    this.#size += 1;
    return true;
  }

  take(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#items[this.#head];
    // A taken item must not be kept alive by the slot it waited in.
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.capacity) this.#head = 0;
    this.#size -= 1;
    return item;
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#head];
  }

  /** What waits, in its order. */
  *[Symbol.iterator](): Generator<T> {
    for (let index = 0; index < this.#size; index += 1) yield this.#items[(this.#head + index) % this.capacity] as T;
  }
}
