/** A valve that nobody closes, for tests of sources that have the lanes to themselves. */
import { createValve } from "#core/event/valve.ts";
import type { Pace, Valve } from "#core/ports.ts";

export const openValve = (clock: Pace["clock"]): Valve => createValve({ clock, timeSliceMs: 1 }).valve;
