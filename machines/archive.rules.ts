/** What the archive's counters and the disk's free space mean. Pure functions. */

/** Counters of a run at one moment: received = persisted + refused + errored + pending, unless rows vanish. */
export interface ArchiveSample {
  readonly at: number;
  readonly received: number;
  readonly persisted: number;
  readonly refused: number;
  readonly errored: number;
  /** Rows that wait for their write. */
  readonly pending: number;
}

/** The window has this many steps: with the default minute between measurements it is the 5 minutes of spec A2. */
const windowSteps = 5;

/** Adds a sample and forgets what has left the window; counters that went back belong to a new run. */
export const withSample = (samples: readonly ArchiveSample[], next: ArchiveSample): readonly ArchiveSample[] => {
  const { at, received, persisted, refused, errored, pending } = next;
  const newest = samples.at(-1);
  const kept = newest !== undefined && received < newest.received ? [] : samples.slice(-windowSteps);
  return [...kept, { at, received, persisted, refused, errored, pending }];
};

/** Rows that should be on disk and are not, whoever lost them; refused rows were never meant to be there. */
const missing = ({ received, persisted, refused, pending }: Omit<ArchiveSample, "at" | "errored">): number =>
  received - refused - persisted - pending;

/** What the window lost, of how many rows; a write that hangs keeps its rows pending and is reported by the sink. */
export const lostInWindow = (samples: readonly ArchiveSample[]): { readonly lost: number; readonly received: number } => {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return { lost: 0, received: 0 };
  // While the run is younger than the window, everything since its start counts.
  const from = samples.length > windowSteps ? first : { received: 0, persisted: 0, refused: 0, pending: 0 };
  return { lost: missing(last) - missing(from), received: last.received - last.refused - (from.received - from.refused) };
};

export const diskLevels = ["ok", "warning", "critical"] as const;
export type DiskLevel = (typeof diskLevels)[number];

/** A level is left only when there is a tenth more room than its mark: no alert that flaps with every cleanup. */
export const diskLevel = (
  current: DiskLevel,
  freeShare: number,
  { warningFreeShare, criticalFreeShare }: { readonly warningFreeShare: number; readonly criticalFreeShare: number },
): DiskLevel => {
  const below = (level: "warning" | "critical", mark: number): boolean =>
    freeShare < (diskLevels.indexOf(current) >= diskLevels.indexOf(level) ? mark * 1.1 : mark);
  if (below("critical", criticalFreeShare)) return "critical";
  return below("warning", warningFreeShare) ? "warning" : "ok";
};
