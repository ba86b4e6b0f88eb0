/** Takes a sample of the house's figures every ten seconds of real time, for the plots of the page. */
import type { HouseStatus } from "#core/runtime/report.ts";
import { createSamples, p99Between, type Sample, sampleEveryMs } from "#core/runtime/samples.ts";
import type { Part, PartContext } from "./part.ts";

export const createSamplesPart = ({ ports, view, status }: PartContext) => {
  const { wallClock, diskSpace, memoryBytes, log } = ports;
  const samples = createSamples();
  let cancel = (): void => {};
  let lanesBefore: HouseStatus["lanes"] | undefined;
  let freeBytes: number | undefined;
  let isAsking = false;
  let hasFailed = false;

  const now = (): Sample => {
    const { lanes, pnlMinor, archive, loopDelayMs } = status();
    const before = lanesBefore;
    lanesBefore = lanes;
    const lag = (name: keyof typeof lanes): number => {
      const { latency, maxMs, oldestAgeMs } = lanes[name];
      return Math.max(p99Between(before?.[name].latency, latency, maxMs), oldestAgeMs);
    };
    const { lastAt } = view.market();
    return {
      pnlMinor,
      lagP0Ms: lag("P0"),
      lagP1Ms: lag("P1"),
      lagP2Ms: lag("P2"),
      lagP3Ms: lag("P3"),
      ...(lastAt === undefined ? {} : { feedAgeMs: Math.max(0, view.now() - lastAt) }),
      ...(ports.loopDelayMs === undefined ? {} : { loopMs: loopDelayMs.p99 }),
      received: archive.received,
      persisted: archive.persisted,
      ...(freeBytes === undefined ? {} : { diskFreeBytes: freeBytes }),
      ...(memoryBytes === undefined ? {} : { memoryBytes: memoryBytes() }),
    };
  };

  /** Asked at one sample and told by the next: a disk that hangs or fails leaves its own figure out, and no other. */
  const askDisk = (): void => {
    if (diskSpace === undefined || isAsking) {
      freeBytes = undefined;
      return;
    }
    isAsking = true;
    diskSpace()
      .then(
        (space) => {
          freeBytes = space.freeBytes;
        },
        () => {
          freeBytes = undefined;
        },
      )
      .finally(() => {
        isAsking = false;
      });
  };

  const take = (): void => {
    cancel = wallClock.setTimer(wallClock.now() + sampleEveryMs, take);
    try {
      samples.add(wallClock.now(), now());
      askDisk();
    } catch (error) {
      // A bug in looking must not end what is looked at.
      if (!hasFailed) log.error({ error }, "no sample could be taken for the plots of the page");
      hasFailed = true;
    }
  };

  return {
    name: "samples",
    effects: {},
    opened: take,
    readings: { samples: (spanMs: number, placesMax: number) => samples.series(spanMs, wallClock.now(), placesMax) },
    release: () => cancel(),
  } satisfies Part;
};
