/**
 * How full a lane is, as three levels with hysteresis (spec E6): a level is entered at its mark and left only when the
 * lane is calm again, so one crossing is one alert however many facts arrive around the mark.
 */
export type Pressure = "calm" | "warning" | "critical";

/** Depths. `calm` lies below `warning`: a lane that dips under its mark for a moment has not recovered. */
export interface PressureMarks {
  readonly warning: number;
  readonly critical: number;
  readonly calm: number;
}

export class PressureGauge {
  #marks: PressureMarks;
  #level: Pressure = "calm";

  constructor(marks: PressureMarks) {
    this.#marks = marks;
  }

  get level(): Pressure {
    return this.#level;
  }

  set marks(marks: PressureMarks) {
    this.#marks = marks;
  }

  /** @returns the new level when `depth` changed it, else undefined */
  read(depth: number): Pressure | undefined {
    const { warning, critical, calm } = this.#marks;
    const level =
      depth >= critical
        ? "critical"
        : this.#level !== "calm" && depth <= calm
          ? "calm"
          : this.#level === "calm" && depth >= warning
            ? "warning"
            : this.#level;
    if (level === this.#level) return undefined;
    this.#level = level;
    return level;
  }
}
