import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { readSegmentPath, type Stream, segmentEndsAt, segmentPath, streams, windowOf } from "#archive/paths.ts";

const seoul = { timeZone: "Asia/Seoul", scalpWindowMs: 60_000 };
const at = (iso: string): number => Date.parse(iso);

describe("paths", () => {
  test.each([
    { stream: "scalp", when: "2024-08-08T09:30:59.999+09:00", path: "scalp/20240808/09_30_00.jsonl" },
    { stream: "scalp", when: "2024-08-08T09:31:00.000+09:00", path: "scalp/20240808/09_31_00.jsonl" },
    { stream: "scalp", when: "2024-08-08T23:59:59.999+09:00", path: "scalp/20240808/23_59_00.jsonl" },
    { stream: "scalp", when: "2024-08-09T00:00:00.000+09:00", path: "scalp/20240809/00_00_00.jsonl" },
    { stream: "swing", when: "2024-08-08T15:59:59.999+09:00", path: "swing/20240808/15_00.jsonl" },
    { stream: "swing", when: "2024-08-08T16:00:00.000+09:00", path: "swing/20240808/16_00.jsonl" },
    { stream: "system", when: "2024-08-08T14:59:59.999Z", path: "system/20240808.jsonl" },
    { stream: "system", when: "2024-08-08T15:00:00.000Z", path: "system/20240809.jsonl" },
  ] as const)("$stream at $when is $path", ({ stream, when, path }) => {
    expect(segmentPath(stream, at(when), 1, seoul)).toBe(path);
  });

  it("name parts after the first", () => {
    const when = at("2024-08-08T09:30:00+09:00");
    expect(segmentPath("scalp", when, 2, seoul)).toBe("scalp/20240808/09_30_00.p2.jsonl");
    expect(segmentPath("system", when, 12, seoul)).toBe("system/20240808.p12.jsonl");
  });

  it("follow the configured window and time zone", () => {
    const when = at("2024-08-08T09:30:44Z");
    expect(segmentPath("scalp", when, 1, { timeZone: "UTC", scalpWindowMs: 15_000 })).toBe("scalp/20240808/09_30_30.jsonl");
    expect(segmentPath("swing", when, 1, { timeZone: "America/New_York", scalpWindowMs: 60_000 })).toBe(
      "swing/20240808/05_00.jsonl",
    );
  });

  it("that are not segments are not read as such", () => {
    for (const path of [
      "scalp/20240808/09_30_00.jsonl.torn",
      "scalp/x/09_30_00.jsonl",
      "notes.txt",
      "system/20240808/00.jsonl",
      "swing/20240808/09_30.jsonl",
    ])
      expect(readSegmentPath(path)).toBeUndefined();
  });

  it("read back as what they were made from, and end where their window ends", () => {
    const rules = fc.record({
      timeZone: fc.constantFrom("Asia/Seoul", "UTC", "Pacific/Auckland", "Pacific/Kiritimati", "Pacific/Pago_Pago"),
      scalpWindowMs: fc.constantFrom(1000, 15_000, 60_000, 3_600_000, 7_000),
    });
    const moment = fc.integer({ min: at("2024-05-01T00:00:00Z"), max: at("2024-08-30T00:00:00Z") });
    fc.assert(
      fc.property(
        rules,
        moment,
        fc.constantFrom<Stream>(...streams),
        fc.integer({ min: 1, max: 99 }),
        (given, when, stream, part) => {
          const path = segmentPath(stream, when, part, given);
          const { fromAt, untilAt } = windowOf(stream, when, given);
          expect(fromAt <= when && when < untilAt).toBe(true);
          expect(readSegmentPath(path)).toMatchObject({ stream, part });
          expect(segmentEndsAt(path, given)).toBe(untilAt);
          expect(segmentPath(stream, fromAt, part, given)).toBe(path);
          expect(segmentPath(stream, untilAt - 1, part, given)).toBe(path);
          expect(segmentPath(stream, untilAt, part, given)).not.toBe(path);
        },
      ),
    );
  });
});
