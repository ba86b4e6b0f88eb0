/** Facts that could not be handled, with the reason: the newest ones are kept, all of them are counted. */
import { BoundedQueue } from "./bounded-queue.ts";
import type { Fact } from "./catalog.ts";

export interface DeadLetter {
  readonly fact: Fact;
  /** Name of the handler that gave up, or `actors` or `journal`. */
  readonly handler: string;
  readonly reason: string;
  /** How often it was tried. */
  readonly attempts: number;
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

  /** Hands over every kept letter, oldest first, and keeps none: an operator looks at each once. */
  takeAll(): DeadLetter[] {
    const all: DeadLetter[] = [];
    for (let letter = this.#letters.take(); letter !== undefined; letter = this.#letters.take()) all.push(letter);
    return all;
  }
}
