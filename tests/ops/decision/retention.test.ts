/** The retention decision: pure, with a reason for every file. */
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { matchesGlob } from "#adapters/host/path-glob.ts";
import { allowanceOf, windowFor } from "#ops/maintenance/retention/guard.ts";
import {
  categoryOf,
  type DataRetentionPolicy,
  endsIn,
  type FileRetentionPolicy,
  namedEndAt,
  streamOf,
} from "#ops/maintenance/retention/policy.ts";
import { type ScanLimits, type ScannedFile, scanRetention } from "#ops/maintenance/retention/scanner.ts";
import { byCategory, dayMs, dayName, evening, keepSevenDays } from "../maintenance/workshop.ts";

/** So much is left of a day whose share is the whole. */
const allowing = (files: number, bytes: number, granted: ReadonlySet<string> = new Set()): ScanLimits["allowance"] => ({
  files,
  bytes,
  granted,
  day: { share: 1, files: 1e9, bytes: 1e15, filesMax: 1e9, bytesMax: 1e15 },
});
const unlimited: ScanLimits = {
  now: evening,
  blocked: null,
  allowance: allowing(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  matchesGlob,
};
const file = (path: string, newestRecordAt: number | null = null, size = 100): ScannedFile => ({ path, size, newestRecordAt });
const swing = (days: number): ScannedFile[] =>
  Array.from({ length: days }, (_, daysBefore) => file(`swing/${dayName(daysBefore)}/09_00.jsonl`));
const paths = (verdicts: readonly { readonly path: string }[]): string[] => verdicts.map(({ path }) => path);

describe("the age of a file", () => {
  test.each([
    ["swing/20131007/22_00.jsonl", Date.UTC(2013, 9, 7, 14)],
    ["scalp/20131007/22_30_00.jsonl", Date.UTC(2013, 9, 7, 14)],
    ["scalp/20131007/22_30_00.p2.jsonl", Date.UTC(2013, 9, 7, 14)],
    ["system/20131007.jsonl", Date.UTC(2013, 9, 7, 15)],
    ["exports/ticks_2013-10-07.csv", Date.UTC(2013, 9, 7, 15)],
    ["20131007/anything.bin", Date.UTC(2013, 9, 7, 15)],
    ["window_20131007_2230.jsonl", Date.UTC(2013, 9, 7, 15)],
    ["exports/2013-10-01_2013-10-07.csv", Date.UTC(2013, 9, 7, 15)],
    ["ticks/2013/10/07/AAA.csv", Date.UTC(2013, 9, 7, 15)],
    ["orders/120131007.jsonl", null],
    ["notes/readme.md", null],
    ["swing/20131332/22_00.jsonl", null],
    ["swing/20130231/22_00.jsonl", null],
  ])("%s ends, in Korean time, at %s", (path, at) => {
    expect(namedEndAt(path, endsIn("Asia/Seoul"))).toBe(at);
  });

  test.each([
    ["swing/20131007/22_00.jsonl", "America/New_York", "2013-10-08T03:00:00Z"],
    ["system/20131007.jsonl", "America/New_York", "2013-10-08T04:00:00Z"],
    ["system/20131007.jsonl", "UTC", "2013-10-08T00:00:00Z"],
    // The hour that comes twice ends with the second, and the one that is skipped with the jump.
    ["scalp/20131103/01_30_00.jsonl", "America/New_York", "2013-11-03T07:00:00Z"],
    ["scalp/20130310/02_30_00.jsonl", "America/New_York", "2013-03-10T07:00:00Z"],
    ["swing/20130231/22_00.jsonl", "America/New_York", null],
  ])("%s ends in %s at %s (M6)", (path, zone, at) => {
    expect(namedEndAt(path, endsIn(zone))).toBe(at === null ? null : Date.parse(at));
  });

  it("is counted in the archive's own zone, so that nothing goes hours before its time (M6)", () => {
    // Nine o'clock is past at 01:00 UTC in Seoul, and 13 hours later in New York.
    const now = Date.parse("2013-10-08T10:00:00Z");
    const files = [
      file("swing/20131001/09_00.jsonl"),
      file("swing/20131007/09_00.jsonl"),
      file("swing/20131008/09_00.jsonl", now),
    ];
    const limits = { ...unlimited, now };
    const inNewYork = { ...keepSevenDays, timeZone: "America/New_York" };
    expect(paths(scanRetention(files, keepSevenDays, limits).expired)).toEqual(["swing/20131001/09_00.jsonl"]);
    expect(paths(scanRetention(files, inNewYork, limits).expired)).toEqual([]);
  });

  it("is never told by the modification time: a file without a time in name or records stays", () => {
    const { kept, expired } = scanRetention([file("raw/blob.bin"), ...swing(30)], keepSevenDays, unlimited);
    expect(kept).toContainEqual(
      expect.objectContaining({ path: "raw/blob.bin", reason: "neither its name nor its records say how old it is" }),
    );
    expect(paths(expired)).not.toContain("raw/blob.bin");
  });

  it("is the younger of name and newest record", () => {
    const old = `swing/${dayName(20)}/09_00.jsonl`;
    const { expired } = scanRetention([file(old, evening - dayMs), ...swing(2)], keepSevenDays, unlimited);
    expect(expired).toEqual([]);
  });

  it("counts from the newest data, so that a clock a year ahead expires nothing by itself (M6)", () => {
    const files = swing(6);
    expect(scanRetention(files, keepSevenDays, { ...unlimited, now: evening + 365 * dayMs }).expired).toEqual([]);
  });

  it("counts at most to now, so that one record from the future expires nothing by itself", () => {
    const files = [...swing(6), file("swing/x.jsonl", evening + 365 * dayMs)];
    expect(scanRetention(files, keepSevenDays, unlimited).expired).toEqual([]);
  });
});

describe("how long a file stays", () => {
  test.each([
    { held: "a millisecond less than seven days", at: evening - 7 * dayMs + 1, expires: false },
    { held: "exactly seven days", at: evening - 7 * dayMs, expires: false },
    { held: "a millisecond more than seven days", at: evening - 7 * dayMs - 1, expires: true },
  ])("a file held $held expires: $expires", ({ at, expires }) => {
    const files = [file("raw/a.p1.jsonl", at), file("raw/a.p2.jsonl", evening)];
    expect(paths(scanRetention(files, keepSevenDays, unlimited).expired)).toEqual(expires ? ["raw/a.p1.jsonl"] : []);
  });

  test.each([
    ["scalp/20131007/22_30_00.jsonl", "rawSnapshot"],
    ["swing/20131007/22_00.jsonl", "rawSnapshot"],
    ["patterns/20131007.jsonl", "patternRecord"],
    ["decisions/20131007.jsonl", "decisionSnapshot"],
    ["raw/decisions/20131007.jsonl", "decisionSnapshot"],
    ["patterns/raw/20131007.jsonl", "patternRecord"],
    ["system/20131007.jsonl", "unknown"],
    ["system/scalp/20131007.jsonl", "unknown"],
    ["scalping-notes/20131007.jsonl", "unknown"],
    ["raw.jsonl", "unknown"],
  ])("%s is of category %s", (path, category) => {
    expect(categoryOf(path)).toBe(category);
  });

  it("differs by category: raw 7 days, patterns 30, decisions and unknown for ever", () => {
    const of = (folder: string, daysBefore: number): ScannedFile => file(`${folder}/${dayName(daysBefore)}.jsonl`);
    const files = ["raw", "patterns", "decisions", "system"].flatMap((folder) =>
      [0, 20, 40, 4000].map((days) => of(folder, days)),
    );
    const { expired } = scanRetention(files, byCategory, unlimited);
    expect(paths(expired)).toEqual(
      [4000, 40, 20].flatMap((days) =>
        days === 20 ? [`raw/${dayName(20)}.jsonl`] : [`patterns/${dayName(days)}.jsonl`, `raw/${dayName(days)}.jsonl`],
      ),
    );
  });

  it("is for ever for what no retention glob matches", () => {
    const policy: FileRetentionPolicy = { ...keepSevenDays, globs: ["scalp/**"] };
    expect(scanRetention(swing(30), policy, unlimited).expired).toEqual([]);
  });
});

describe("what stays although it is old", () => {
  it("is the newest file of each stream, and as many more as the policy says", () => {
    const files = [file("a/20130101.jsonl"), file("b/20130101.jsonl"), file("b/20130102.jsonl"), file("c/20131020.jsonl")];
    expect(paths(scanRetention(files, keepSevenDays, unlimited).expired)).toEqual(["b/20130101.jsonl"]);
    expect(paths(scanRetention(files, { ...keepSevenDays, filesKeptMin: 2 }, unlimited).expired)).toEqual([]);
    expect(paths(scanRetention(files, { ...keepSevenDays, filesKeptMin: 0 }, unlimited).expired)).toEqual(["b/20130101.jsonl"]);
  });

  test.each([
    ["observer/scalp/20131007/22_30_00.jsonl", "observer/scalp/20131008/09_00_00.jsonl"],
    ["scalp/20131007/22_30_00.jsonl", "scalp/20131007/22_30_00.p2.jsonl"],
    ["20131007.jsonl", "20131008.jsonl"],
    ["ticks/AAA_20131007.jsonl", "ticks/AAA_20131008.jsonl"],
    ["ticks/AAA-2013-10-07.csv", "ticks/AAA-2013-10-08.csv"],
    ["ticks/AAA_20131007_22_30.jsonl", "ticks/AAA_20131008_09_00.jsonl"],
    ["ticks/AAA_20131007T223000Z.jsonl", "ticks/AAA_20131008T0900.jsonl"],
    ["ticks/20131007/AAA.jsonl", "ticks/20131008/AAA.jsonl"],
    ["ticks/20131007/AAA_22_30.jsonl", "ticks/20131008/AAA_09_00.jsonl"],
    ["ticks/2013/10/07/AAA.jsonl", "ticks/2014/01/31/AAA.jsonl"],
  ])("%s and %s are one stream: the path without its days", (one, other) => {
    expect(streamOf(one)).toBe(streamOf(other));
  });

  test.each([
    ["ticks/AAA_20131007.jsonl", "ticks/BBB_20131007.jsonl"],
    ["ticks/20131007/AAA.jsonl", "ticks/20131007/BBB.jsonl"],
    ["ticks/005930_20131007.jsonl", "ticks/000660_20131007.jsonl"],
    ["ticks/20131007_005930.jsonl", "ticks/20131007_000660.jsonl"],
    ["ticks/20131007/0700.jsonl", "ticks/20131007/0005.jsonl"],
    ["ticks/2013/10/07/AAA.jsonl", "ticks/2013/10/07/BBB.jsonl"],
    ["a/20131007.jsonl", "b/20131007.jsonl"],
    ["a/SPY.jsonl", "a/IBM.jsonl"],
  ])("%s and %s are two streams", (one, other) => {
    expect(streamOf(one)).not.toBe(streamOf(other));
  });

  it("is the newest of a symbol that has gone quiet, in a folder where others go on (M6)", () => {
    const quiet = [30, 29, 28].map((days) => file(`ticks/AAA_${dayName(days)}.jsonl`));
    const busy = [3, 2, 1, 0].map((days) => file(`ticks/BBB_${dayName(days)}.jsonl`));
    const { kept, expired } = scanRetention([...quiet, ...busy], keepSevenDays, unlimited);
    expect(paths(expired)).toEqual([30, 29].map((days) => `ticks/AAA_${dayName(days)}.jsonl`));
    expect(kept).toContainEqual(
      expect.objectContaining({ path: quiet[2]?.path, reason: "it is among the newest of its stream" }),
    );
  });

  it("is everything when the clock is in doubt, with that reason", () => {
    const { kept, expired } = scanRetention(swing(30), keepSevenDays, { ...unlimited, blocked: "the clock went back" });
    expect(expired).toEqual([]);
    expect(kept.filter(({ reason }) => reason === "the clock went back")).toHaveLength(22);
  });

  it("is what exceeds the share of files, the newer ones", () => {
    const { expired } = scanRetention(swing(20), keepSevenDays, {
      ...unlimited,
      allowance: allowing(5, 1e9),
    });
    expect(paths(expired)).toEqual([19, 18, 17, 16, 15].map((days) => `swing/${dayName(days)}/09_00.jsonl`));
  });

  it("is what exceeds the share of bytes, without a hole in the middle of a stream", () => {
    const files = swing(20).map((each, daysBefore) => ({ ...each, size: daysBefore === 18 ? 1_000 : 10 }));
    const { expired } = scanRetention(files, keepSevenDays, {
      ...unlimited,
      allowance: allowing(99, 500),
    });
    expect(paths(expired)).toEqual([`swing/${dayName(19)}/09_00.jsonl`]);
  });

  it("is a file larger than the share by itself, with the share that lets it go; other streams do not wait for it (M6)", () => {
    const large = { ...file(`swing/${dayName(19)}/09_00.jsonl`), size: 9_000 };
    const files = [...swing(19), large, ...swing(20).map((each) => ({ ...each, path: each.path.replace("swing", "scalp") }))];
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const window = windowFor({ type: "none" }, files, evening);
    const scan = (share: number) => scanRetention(files, keepSevenDays, { ...unlimited, allowance: allowanceOf(window, share) });
    const { expired, kept, stuck } = scan(0.25);
    expect(paths(expired)).toEqual([19, 18, 17, 16, 15, 14, 13, 12, 11, 10].map((days) => `scalp/${dayName(days)}/09_00.jsonl`));
    expect(stuck).toEqual([
      {
        path: large.path,
        size: 9_000,
        reason: `its 9000 bytes alone are more than the ${Math.floor(bytes / 4)} of ${bytes} that may be deleted in a day; --share 0.71 (maintenance.deleteShareMax) once lets it go`,
      },
    ]);
    expect(kept).toContainEqual(
      expect.objectContaining({ path: `swing/${dayName(18)}/09_00.jsonl`, reason: expect.stringContaining(large.path) }),
    );
    expect(paths(scan(0.71).expired)).toContain(large.path);
  });

  it("is everything of a folder so small that the share is less than one file, with the share that lets one go", () => {
    const files = [30, 20, 0].map((days) => file(`swing/${dayName(days)}/09_00.jsonl`));
    const window = windowFor({ type: "none" }, files, evening);
    const scan = (share: number) => scanRetention(files, keepSevenDays, { ...unlimited, allowance: allowanceOf(window, share) });
    expect(scan(0.25).stuck).toEqual([
      expect.objectContaining({
        path: files[0]?.path,
        reason: expect.stringMatching(/less than one of 3 files; --share 0.34 /),
      }),
    ]);
    expect(paths(scan(0.34).expired)).toEqual([files[0]?.path]);
  });

  it("is not what was granted before: that does not count again", () => {
    const granted = new Set([19, 18, 17].map((days) => `swing/${dayName(days)}/09_00.jsonl`));
    const { expired } = scanRetention(swing(20), keepSevenDays, { ...unlimited, allowance: allowing(0, 0, granted) });
    expect(new Set(paths(expired))).toEqual(granted);
  });
});

describe("every scan", () => {
  const anyFile = fc.record({
    path: fc
      .tuple(fc.constantFrom("scalp", "swing", "patterns", "decisions", "system", "x"), fc.nat(60), fc.nat(23))
      .map(([folder, days, hour]) => `${folder}/${dayName(days)}/${String(hour).padStart(2, "0")}_00.jsonl`),
    size: fc.nat(10_000),
    newestRecordAt: fc.option(fc.integer({ min: evening - 100 * dayMs, max: evening + 10 * dayMs })),
  });
  const files = fc.uniqueArray(anyFile, { selector: ({ path }) => path, maxLength: 40 });
  const policy = fc.constantFrom<FileRetentionPolicy | DataRetentionPolicy>(keepSevenDays, byCategory, {
    ...keepSevenDays,
    days: 0,
    filesKeptMin: 0,
  });
  const limits = fc.record({
    now: fc.integer({ min: evening - 50 * dayMs, max: evening + 500 * dayMs }),
    files: fc.nat(10),
    bytes: fc.nat(50_000),
  });

  it("puts every file in exactly one pile, with a reason, within the share, and leaves the newest of every stream (M6)", () => {
    fc.assert(
      fc.property(files, policy, limits, (all, held, { now, files: filesMax, bytes: bytesMax }) => {
        const { kept, expired } = scanRetention(all, held, {
          ...unlimited,
          now,
          allowance: allowing(filesMax, bytesMax),
        });
        expect([...paths(kept), ...paths(expired)].sort()).toEqual(paths(all).sort());
        expect([...kept, ...expired].every(({ reason }) => reason.length > 0)).toBe(true);
        expect(expired.length).toBeLessThanOrEqual(filesMax);
        expect(expired.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(bytesMax);
        const left = new Set(paths(kept).map(streamOf));
        expect(paths(expired).every((path) => left.has(streamOf(path)))).toBe(true);
        if (held.type === "data") expect(paths(expired).every((path) => !/^(decisions|system|x)\//.test(path))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("expires no more when the clock is ahead of the data than when it agrees with it", () => {
    fc.assert(
      fc.property(files, policy, (all, held) => {
        const at = (now: number) => paths(scanRetention(all, held, { ...unlimited, now }).expired);
        expect(at(evening + 1_000 * dayMs)).toEqual(at(evening + 11 * dayMs));
      }),
    );
  });
});
