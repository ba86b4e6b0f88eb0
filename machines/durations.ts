/** Durations of a clock's hour and day, in ms. A calendar day may be longer or shorter; whoever means one asks its calendar. */
export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
