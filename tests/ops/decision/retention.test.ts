/** The retention decision: pure, with a reason for every file. */
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { matchesGlob } from "#adapters/host/path-glob.ts";
import {
  categoryOf,
  type DataRetentionPolicy,
  type FileRetentionPolicy,
  namedEndAt,
  streamOf,
} from "#ops/maintenance/retention/policy.ts";
import { type ScanLimits, type ScannedFile, scanRetention } from "#ops/maintenance/retention/scanner.ts";
import { byCategory, dayMs, dayName, evening, keepSevenDays } from "../maintenance/workshop.ts";

const unlimited: ScanLimits = {
  now: evening,
  blocked: null,
  allowance: { files: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER, granted: new Set() },
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
    ["orders/120131007.jsonl", null],
    ["notes/readme.md", null],
    ["swing/20131332/22_00.jsonl", null],
    ["swing/20130231/22_00.jsonl", null],
  ])("%s ends, in Korean time, at %s", (path, at) => {
    expect(namedEndAt(path)).toBe(at);
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

  it("counts from the newest data, so that a clock a year ahead expires nothing by itself", () => {
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
    const files = [file("raw/a.jsonl", at), file("raw/b.jsonl", evening)];
    expect(paths(scanRetention(files, keepSevenDays, unlimited).expired)).toEqual(expires ? ["raw/a.jsonl"] : []);
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

  it("is told by stream, which is the path without its days", () => {
    expect(streamOf("observer/scalp/20131007/22_30_00.jsonl")).toBe("observer/scalp");
    expect(streamOf("20131007.jsonl")).toBe("");
  });

  it("is everything when the clock is in doubt, with that reason", () => {
    const { kept, expired } = scanRetention(swing(30), keepSevenDays, { ...unlimited, blocked: "the clock went back" });
    expect(expired).toEqual([]);
    expect(kept.filter(({ reason }) => reason === "the clock went back")).toHaveLength(22);
  });

  it("is what exceeds the share of files, the newer ones", () => {
    const { expired } = scanRetention(swing(20), keepSevenDays, {
      ...unlimited,
      allowance: { files: 5, bytes: 1e9, granted: new Set() },
    });
    expect(paths(expired)).toEqual([19, 18, 17, 16, 15].map((days) => `swing/${dayName(days)}/09_00.jsonl`));
  });

  it("is what exceeds the share of bytes, without a hole in the middle of a stream", () => {
    const files = swing(20).map((each, daysBefore) => ({ ...each, size: daysBefore === 18 ? 1_000 : 10 }));
    const { expired } = scanRetention(files, keepSevenDays, {
      ...unlimited,
      allowance: { files: 99, bytes: 500, granted: new Set() },
    });
    expect(paths(expired)).toEqual([`swing/${dayName(19)}/09_00.jsonl`]);
  });

  it("is not what was granted before: that does not count again", () => {
    const granted = new Set([19, 18, 17].map((days) => `swing/${dayName(days)}/09_00.jsonl`));
    const { expired } = scanRetention(swing(20), keepSevenDays, { ...unlimited, allowance: { files: 0, bytes: 0, granted } });
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

  it("puts every file in exactly one pile, with a reason, within the share, and leaves the newest of every stream", () => {
    fc.assert(
      fc.property(files, policy, limits, (all, held, { now, files: filesMax, bytes: bytesMax }) => {
        const { kept, expired } = scanRetention(all, held, {
          ...unlimited,
          now,
          allowance: { files: filesMax, bytes: bytesMax, granted: new Set() },
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
