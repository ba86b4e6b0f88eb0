/** Measures what the archive machine judges: its counters and the disk's free space, at even intervals of market time. */
import type { Offer } from "#core/event/catalog.ts";
import type { Clock } from "#core/ports.ts";
import type { ArchiveFiles } from "./ports.ts";

export interface ArchiveCounts {
  readonly received: number;
  readonly persisted: number;
  readonly refused: number;
  /** Of the refused, those that came again and are there already. */
  readonly repeated: number;
  readonly errored: number;
  readonly pending: number;
}

export interface ArchiveWatchOptions {
  readonly clock: Pick<Clock, "now" | "setTimer">;
  readonly files: Pick<ArchiveFiles, "diskSpace">;
  /** A directory of the file system in question; it need not be the archive's own, which may not exist yet. */
  readonly directory: string;
  readonly counts: () => ArchiveCounts;
  readonly countsEveryMs: number;
  readonly diskEveryMs: number;
  readonly offer: Offer;
}

interface Free {
  readonly at: number;
  readonly bytes: number;
}

// Growth is taken over this long: shorter and one rolled segment looks like a flood, longer and a flood looks like a trickle.
const growthWindowMs = 3_600_000;

/**
 * How fast the disk fills, from measurements of its free bytes.
 *
 * @returns bytes per hour, negative when space comes back; undefined with less than two measurements
 */
export const growthPerHour = (measured: readonly Free[]): number | undefined => {
  const [first, last] = [measured[0], measured.at(-1)];
  if (first === undefined || last === undefined || last.at <= first.at) return undefined;
  return ((first.bytes - last.bytes) / (last.at - first.at)) * 3_600_000;
};

export const createArchiveWatch = (options: ArchiveWatchOptions): { start(): void; stop(): void } => {
  const { clock, files, directory, counts, countsEveryMs, diskEveryMs, offer } = options;
  const cancels = new Map<string, () => void>();
  let measured: Free[] = [];

  const repeat = (name: string, everyMs: number, work: () => void): void => {
    const next = (): void => {
      cancels.set(
        name,
        clock.setTimer(clock.now() + everyMs, () => {
          next();
          work();
        }),
      );
    };
    next();
  };

  const measureDisk = async (): Promise<void> => {
    const at = clock.now();
    const space = await files.diskSpace(directory);
    // A disk that cannot be asked cannot be written either, and the sink says so.
    if (!space.ok || cancels.size === 0) return;
    const { freeBytes, totalBytes, freeFilesShare } = space.value;
    measured = [...measured.filter((free) => free.at >= at - growthWindowMs), { at, bytes: freeBytes }];
    const growth = growthPerHour(measured);
    offer({
      type: "disk.measured",
      source: "archive.watch",
      payload: {
        freeShare: Math.min(totalBytes === 0 ? 1 : freeBytes / totalBytes, freeFilesShare),
        freeBytes,
        ...(growth === undefined ? {} : { growthBytesPerHour: growth }),
        ...(growth === undefined || growth <= 0 ? {} : { hoursUntilFull: freeBytes / growth }),
      },
    });
  };

  return {
    start: () => {
      if (cancels.size > 0) return;
      repeat("counts", countsEveryMs, () => offer({ type: "archive.measured", source: "archive.watch", payload: counts() }));
      repeat("disk", diskEveryMs, () => void measureDisk());
      void measureDisk();
    },
    stop: () => {
      for (const cancel of cancels.values()) cancel();
      cancels.clear();
    },
  };
};
