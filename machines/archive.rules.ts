/** What the archive's counters and the disk's free space mean. Pure functions. */

/** Counters of a run at one moment: received = persisted + refused + errored + pending, unless rows vanish. */
export interface ArchiveSample {
  readonly at: number;
  readonly received: number;
  readonly persisted: number;
  readonly refused: number;
  /** Of the refused, those that came again and are there already. */
  readonly repeated: number;
  readonly errored: number;
  /** Rows that wait for their write. */
  readonly pending: number;
}

/** The window has this many steps: with the default minute between measurements it is the 5 minutes of spec A2. */
const windowSteps = 5;

/** Adds a sample and forgets what has left the window; counters that went back belong to a new run. */
export const withSample = (samples: readonly ArchiveSample[], next: ArchiveSample): readonly ArchiveSample[] => {
  const { at, received, persisted, refused, repeated, errored, pending } = next;
  const newest = samples.at(-1);
  const kept = newest !== undefined && received < newest.received ? [] : samples.slice(-windowSteps);
  return [...kept, { at, received, persisted, refused, repeated, errored, pending }];
};

const atStart: Omit<ArchiveSample, "at" | "errored"> = { received: 0, persisted: 0, refused: 0, repeated: 0, pending: 0 };
/** The window's ends: while the run is younger than the window, everything since its start counts. */
const windowOf = (samples: readonly ArchiveSample[]) => {
  const [first = atStart, last = atStart] = [samples[0], samples.at(-1)];
  return { from: samples.length > windowSteps ? first : atStart, last };
};

/** Rows that should be on disk and are not, whoever lost them; refused rows are judged apart. */
const missing = ({ received, persisted, refused, pending }: typeof atStart): number => received - refused - persisted - pending;

/** What the window lost, of how many rows; a write that hangs keeps its rows pending and is reported by the sink. */
export const lostInWindow = (samples: readonly ArchiveSample[]): { readonly lost: number; readonly received: number } => {
  const { from, last } = windowOf(samples);
  return { lost: missing(last) - missing(from), received: last.received - last.refused - (from.received - from.refused) };
};

/** What the window refused, of how many rows that were not there already. */
export const refusedInWindow = (samples: readonly ArchiveSample[]): { readonly refused: number; readonly received: number } => {
  const { from, last } = windowOf(samples);
  const refused = last.refused - last.repeated - (from.refused - from.repeated);
  return { refused, received: last.received - last.repeated - (from.received - from.repeated) };
};

export const refusalLevels = ["ok", "warning", "critical"] as const;
export type RefusalLevel = (typeof refusalLevels)[number];

/** Spec A2: above the first share it warns, above the second it is critical. */
const refusedShare = { warning: 0.001, critical: 0.01 };
/** A single odd trade of a quiet quarter of an hour is no trouble of the source; one of which nothing is taken is. */
const refusedRowsMin = 10;

export const refusalLevel = ({ refused, received }: ReturnType<typeof refusedInWindow>): RefusalLevel => {
  if (refused === 0 || (refused < refusedRowsMin && refused < received)) return "ok";
  const share = refused / received;
  return share > refusedShare.critical ? "critical" : share > refusedShare.warning ? "warning" : "ok";
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
