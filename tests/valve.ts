/** A valve that nobody closes, for tests of sources that have the lanes to themselves. */
import { createValve, type Pace, type Valve } from "#core/event/valve.ts";

export const openValve = (clock: Pace["clock"]): Valve => createValve({ clock, timeSliceMs: 1 }).valve;
