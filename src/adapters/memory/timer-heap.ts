/**
 * Timers of a simulated clock, the earliest first; equal times in the order they were set.
 *
 * A binary heap that knows where each timer lies, so that a cancelled one leaves at once: most deadlines of orders are
 * cancelled long before they are due, and must not pile up over a replayed day.
 */
export interface HeapTimer {
  readonly at: number;
  readonly fire: () => void;
  /** Decides between equal times. */
  readonly order: number;
  /** Place in the heap, -1 once it has left. */
  index: number;
}

export class TimerHeap {
  readonly #timers: HeapTimer[] = [];
  #set = 0;
  /** When the earliest timer is due; Infinity when there is none. A field, because a replay reads it for every tick. */
  nextAt = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#timers.length;
  }

  push(at: number, fire: () => void): HeapTimer {
    const timer: HeapTimer = { at, fire, order: this.#set++, index: this.#timers.length };
    this.#timers.push(timer);
    this.#rise(timer);
    this.#refresh();
    return timer;
  }

  pop(): HeapTimer | undefined {
    const first = this.#timers[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Removing a timer that has left already does nothing. */
  remove(timer: HeapTimer): void {
    if (timer.index < 0) return;
    const hole = timer.index;
    const last = this.#timers.pop() as HeapTimer;
    timer.index = -1;
    if (last !== timer) {
      this.#place(last, hole);
      this.#rise(last);
      this.#sink(last);
    }
    this.#refresh();
  }

  #refresh(): void {
    this.nextAt = this.#timers[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  #place(timer: HeapTimer, index: number): void {
    this.#timers[index] = timer;
    timer.index = index;
  }

  #rise(timer: HeapTimer): void {
    while (timer.index > 0) {
      const parent = this.#timers[(timer.index - 1) >> 1] as HeapTimer;
      if (!isEarlier(timer, parent)) return;
      this.#swap(timer, parent);
    }
  }

  #sink(timer: HeapTimer): void {
    for (;;) {
      const left = this.#timers[2 * timer.index + 1];
      const right = this.#timers[2 * timer.index + 2];
      const child = right !== undefined && left !== undefined && isEarlier(right, left) ? right : left;
      if (child === undefined || !isEarlier(child, timer)) return;
      this.#swap(timer, child);
    }
  }

  #swap(one: HeapTimer, other: HeapTimer): void {
    const index = one.index;
    this.#place(one, other.index);
    this.#place(other, index);
  }
}

const isEarlier = (one: HeapTimer, other: HeapTimer): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order);
