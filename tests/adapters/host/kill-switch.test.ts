import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKillSwitch, killSwitchPath, turnOnKillSwitch } from "#adapters/host/kill-switch.ts";
import type { Result } from "#core/result.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "qts-kill-switch-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Both ways to look agree. */
const look = async (): Promise<Result<string | null, string>> => {
  const { now, look: later } = createKillSwitch(killSwitchPath(home));
  const found = now();
  expect(await later()).toEqual(found);
  return found;
};
const there = "the file KILL is in the home";

describe("the file KILL (S2)", () => {
  it.each([
    { what: "an empty file", make: (path: string) => writeFileSync(path, ""), reason: there },
    { what: "a blank line", make: (path: string) => writeFileSync(path, " \n\n"), reason: there },
    { what: "a line", make: (path: string) => writeFileSync(path, "quotes look stale\nand more"), reason: "quotes look stale" },
    { what: "control characters", make: (path: string) => writeFileSync(path, "a\u001b[2Jb\r\n"), reason: "a [2Jb" },
    { what: "an essay", make: (path: string) => writeFileSync(path, "가".repeat(100_000)), reason: "가".repeat(200) },
    { what: "a directory", make: (path: string) => mkdirSync(path), reason: there },
    { what: "a link that leads nowhere", make: (path: string) => symlinkSync("/no/such/place", path), reason: there },
    { what: "a link to a secret", make: (path: string) => symlinkSync("/etc/passwd", path), reason: there },
    { what: "a pipe that nobody writes to", make: (path: string) => spawnSync("mkfifo", [path]), reason: there },
  ])("is on as $what", async ({ make, reason }) => {
    expect(await look()).toEqual({ ok: true, value: null });
    make(killSwitchPath(home));
    expect(await look()).toEqual({ ok: true, value: reason });
  });

  it("cannot be looked at where the home is a loop of links: that is neither on nor off", async () => {
    rmSync(home, { recursive: true });
    symlinkSync(home, home);
    expect(await look()).toEqual({ ok: false, error: `${killSwitchPath(home)} cannot be looked at (ELOOP)` });
  });

  it("is made with the reason, stays as it was when it is there, and is not made where there is no home", async () => {
    expect(turnOnKillSwitch(home, "news")).toEqual({ ok: true, value: killSwitchPath(home) });
    expect(await look()).toEqual({ ok: true, value: "news" });
    expect(turnOnKillSwitch(home, "other news")).toMatchObject({ ok: true });
    expect(readFileSync(killSwitchPath(home), "utf8")).toBe("news\n");
    expect(turnOnKillSwitch(join(home, "nowhere"), "news")).toMatchObject({
      ok: false,
      error: expect.stringContaining("--home"),
    });
  });
});
