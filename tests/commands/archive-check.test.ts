/** `qts archive check` on what a disk may do to it; what it finds in rows is in tests/archive/check.test.ts. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runLine } from "./console.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "qts-archive-check-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

describe("qts archive check", () => {
  it("says which file could not be read, here one that is removed under its hands", async () => {
    const file = join(cwd, "scalp", "20131007", "22_30_00.jsonl");
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, "");
    const signal = {
      get aborted() {
        rmSync(file, { force: true });
        return false;
      },
    };
    expect(await runLine(["archive", "check", "."], { cwd, signal: signal as AbortSignal })).toEqual({
      exitCode: 1,
      out: "",
      err: `${file} cannot be read: there is no such file.\n`,
    });
  });

  it.skipIf(process.getuid?.() === 0)("says so when a directory may not be read", async () => {
    mkdirSync(join(cwd, "closed"), { mode: 0 });
    const { exitCode, err } = await runLine(["archive", "check", "closed"], { cwd });
    expect({ exitCode, err }).toEqual({
      exitCode: 1,
      err: `${join(cwd, "closed")} cannot be read: this user may not read it; change its owner or mode.\n`,
    });
  });
});
