/** A map and a set of a bounded size: one key too many, and the one that was put in first is forgotten. */

/** A key that is set again keeps its place: what it was put in first counts. */
export class NewestMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #capacity: number;

  /** @param capacity 1 at least */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** @returns the entry that was forgotten for this one, if one was */
  set(key: K, value: V): readonly [K, V] | undefined {
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#capacity) return undefined;
    const [oldest] = this.#entries;
    if (oldest !== undefined) this.#entries.delete(oldest[0]);
    return oldest;
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  /** Oldest first; like a Map's, it goes on while entries are deleted. */
  [Symbol.iterator](): Iterator<[K, V]> {
    return this.#entries[Symbol.iterator]();
  }
}

export class NewestSet<T> {
  readonly #members: NewestMap<T, true>;

  /** @param capacity 1 at least */
  constructor(capacity: number) {
    this.#members = new NewestMap(capacity);
  }

  has(member: T): boolean {
    return this.#members.has(member);
  }

  add(member: T): void {
    this.#members.set(member, true);
  }

  delete(member: T): boolean {
    return this.#members.delete(member);
  }
}
