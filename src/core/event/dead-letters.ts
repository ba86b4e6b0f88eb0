/** Facts that could not be handled, with the reason: the newest ones are kept, all of them are counted. */
import { BoundedQueue } from "./bounded-queue.ts";
import type { Fact } from "./catalog.ts";

export interface DeadLetter {
  readonly fact: Fact;
  /** Name of the handler that gave up, or `actors`. */
  readonly handler: string;
  readonly reason: string;
  /** Where it was thrown, as `file.ts:12:7`. */
  readonly where: string | undefined;
  /** How often it was tried. */
  readonly attempts: number;
}

/** Letters of one kind: the same handler gave up on the same type. Reasons may have figures in them, so they are only counted. */
export interface DeadLetterGroup {
  /** The latest of them. */
  readonly latest: DeadLetter;
  /** How many of the kept letters are of this kind. */
  readonly count: number;
  /** How many different reasons they have. */
  readonly reasons: number;
}

export class DeadLetters {
  readonly #letters: BoundedQueue<DeadLetter>;
  #forgotten = 0;

  constructor(capacity: number) {
    this.#letters = new BoundedQueue(capacity);
  }

  /** Letters that made room for newer ones. */
  get forgotten(): number {
    return this.#forgotten;
  }

  get size(): number {
    return this.#letters.size;
  }

  add(letter: DeadLetter): void {
    if (this.#letters.offer(letter)) return;
    this.#letters.take();
    this.#forgotten += 1;
    this.#letters.offer(letter);
  }

  /** What is kept, oldest first. */
  [Symbol.iterator](): Iterator<DeadLetter> {
    return this.#letters[Symbol.iterator]();
  }

  /** The kinds among what is kept, the latest first. */
  groups(): DeadLetterGroup[] {
    const groups = new Map<string, { latest: DeadLetter; count: number; reasons: Set<string> }>();
    for (const latest of this.#letters) {
      const kind = `${latest.fact.type}\u0000${latest.handler}`;
      const { count, reasons } = groups.get(kind) ?? { count: 0, reasons: new Set() };
      groups.delete(kind);
      groups.set(kind, { latest, count: count + 1, reasons: reasons.add(latest.reason) });
    }
    return [...groups.values()].reverse().map((group) => ({ ...group, reasons: group.reasons.size }));
  }
}
