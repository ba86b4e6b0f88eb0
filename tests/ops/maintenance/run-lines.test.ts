/** A maintenance run as the page shows it. */
import { describe, expect, it } from "vitest";
import { emptyReport } from "#ops/maintenance/coordinator.ts";
import { runShown } from "#ops/maintenance/run-lines.ts";

describe("a maintenance run on the page", () => {
  it("tells file by file what became of it and why, deletions first (I9)", () => {
    const { files, failure, outcome } = runShown({
      ...emptyReport("r1"),
      outcome: "done",
      backedUp: [{ path: "scalp/a.jsonl", size: 10 }],
      kept: [{ path: "scalp/a.jsonl", reason: "younger than 30 days" }],
      deleted: [{ path: "scalp/z.jsonl", size: 7, reason: "older than 30 days" }],
      failedDeletes: [{ path: "scalp/y.jsonl", reason: "EACCES" }],
      skipped: [{ path: "link", reason: "a link" }],
    });
    expect({ failure, outcome }).toEqual({ failure: null, outcome: "done" });
    expect(files).toEqual([
      { path: "scalp/z.jsonl", became: "deleted", reason: "older than 30 days", bytes: 7 },
      { path: "scalp/y.jsonl", became: "not deleted", reason: "EACCES", bytes: null },
      { path: "link", became: "skipped", reason: "a link", bytes: null },
      { path: "scalp/a.jsonl", became: "backed up", reason: "", bytes: 10 },
      { path: "scalp/a.jsonl", became: "kept", reason: "younger than 30 days", bytes: null },
    ]);
  });

  it("is bounded, and says how many files it leaves out", () => {
    const kept = Array.from({ length: 700 }, (_, index) => ({ path: `f${index}`, reason: "young" }));
    const { files, filesLeftOut } = runShown({ ...emptyReport("r1"), kept });
    expect({ shown: files.length, filesLeftOut }).toEqual({ shown: 500, filesLeftOut: 200 });
  });
});
