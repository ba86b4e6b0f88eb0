/** The four loads of the events benchmark, and what sender, receiver and parent tell each other. */

export interface Load {
  readonly name: string;
  /** Frames per second. */
  readonly p0: number;
  readonly p1: number;
  readonly p3: number;
  readonly backup: boolean;
  readonly seconds: number;
}

/** Where the receiver listens for each peer. */
export interface Ports {
  readonly broker: number;
  readonly market: number;
}

/** What the receiver is started with. */
export interface Task {
  readonly system: string;
  readonly seconds: number;
  readonly backup: BackupJob | null;
  /** For journal and archive of the whole house. */
  readonly directory: string;
  readonly watchesMemory: boolean;
}

/** Data to back up, and where to. */
export interface BackupJob {
  readonly root: string;
  readonly destination: string;
}

/** What one handler call burns, so that P1 can do 20,000 facts per second. */
export const handlerCostMs = { P0: 0.02, P1: 0.05, P3: 0.01 } as const;

export const loads: readonly Load[] = [
  { name: "idle", p0: 500, p1: 0, p3: 0, backup: false, seconds: 2 },
  { name: "P1 at 2x", p0: 500, p1: 40_000, p3: 0, backup: false, seconds: 3 },
  { name: "P1 at 2x + P3 flood", p0: 500, p1: 40_000, p3: 40_000, backup: false, seconds: 3 },
  { name: "the same + backup", p0: 500, p1: 40_000, p3: 40_000, backup: true, seconds: 3 },
];

/** Ten times what the handlers can do, for long enough to see a buffer grow. */
export const overload: Load = { name: "P1 at 10x", p0: 500, p1: 200_000, p3: 0, backup: false, seconds: 60 };

export const symbols = Array.from({ length: 50 }, (_, index) => `S${index}`);

/** Monotonic microseconds, the same clock in every process of the machine (CLOCK_MONOTONIC). */
export const nowMicros = (): number => {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e6 + Math.floor(nanos / 1000);
};

export interface Sent {
  readonly p0: number;
  readonly p1: number;
  readonly p3: number;
  /** Market frames the sender could not write because its socket was held back. */
  readonly withheld: number;
}

export interface Figures {
  readonly handled: { readonly P0: number; readonly P1: number; readonly P3: number };
  readonly p0Ms: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  /** From the sender's stamp until the fill is on the disk; zeros where nothing is journaled. */
  readonly durableMs: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  readonly p1Ms: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  readonly p3Ms: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  readonly dropped: number;
  /** Rows of market data in the archive; undefined for a system without one. */
  readonly persisted: number | undefined;
  readonly heapMaxMb: number;
  /** Memory after each tenth of the load's time, the heap after a collection; empty unless it was asked for. */
  readonly memory: readonly {
    readonly seconds: number;
    readonly heapMb: number;
    readonly externalMb: number;
    readonly rssMb: number;
  }[];
  readonly backedUpMb: number;
  /** Share of the load's time in which the main thread could run and got no CPU; undefined where the kernel does not tell. */
  readonly cpuWaitShare: number | undefined;
}
