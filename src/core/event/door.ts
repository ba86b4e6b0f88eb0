/** Where P0 facts from outside wait while their lane is full (BLOCK): each holds its source until there is room. */
import { BoundedQueue } from "./bounded-queue.ts";
import type { Waiting } from "./waiting.ts";

interface Blocked {
  readonly entry: Waiting;
  readonly open: () => void;
}

export class Door {
  readonly #line: BoundedQueue<Blocked>;

  /** @param capacity sources that may wait at once; a source that honours its promise waits with one fact */
  constructor(capacity: number) {
    this.#line = new BoundedQueue(capacity);
  }

  get size(): number {
    return this.#line.size;
  }

  get oldest(): Waiting | undefined {
    return this.#line.peek()?.entry;
  }

  /** @returns a promise that resolves when the fact is in the lane, or undefined when even the door is full */
  wait(entry: Waiting): Promise<void> | undefined {
    let open: () => void = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    return this.#line.offer({ entry, open }) ? opened : undefined;
  }

  /** Lets waiting facts in, in order of arrival, as long as `admit` has room for the next. */
  admitWhile(hasRoom: () => boolean, admit: (entry: Waiting) => void): void {
    while (this.#line.size > 0 && hasRoom()) {
      const { entry, open } = this.#line.take() as Blocked;
      admit(entry);
      open();
    }
  }
}
