import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { readHomeStamp } from "#adapters/host/home-stamp.ts";
import { type Expected, factsOf, standingStill } from "../fixtures/homes/make.ts";
import { startQts } from "./processes.ts";

const kept = join(import.meta.dirname, "../fixtures/homes");
const versions = readdirSync(kept).filter((name) => existsSync(join(kept, name, "expected.json")));
const { version: present } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
  version: string;
};

/** What was written is not looked at here, only what it said. */
const judged = ({ version: _version, ...facts }: Expected): Omit<Expected, "version"> => facts;

describe("a home of an earlier version", () => {
  it("is kept of the first release at least", () => {
    expect(versions).toContain("0.1.0");
  });

  it.each(versions)(
    "written by %s starts under this one with orders, positions, posture, override and counters as they were",
    async (version) => {
      const folder = mkdtempSync(join(tmpdir(), "qts-kept-"));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const home = join(folder, "home");
      cpSync(join(kept, version, "home"), home, { recursive: true });
      // A checkout has the modes that the umask of whoever cloned it gave.
      execFileSync("chmod", ["-R", "go-w", home]);
      const expected = JSON.parse(readFileSync(join(kept, version, "expected.json"), "utf8")) as Expected;
      expect(expected).toMatchObject({ version, safety: "LOCKDOWN", openOrders: 1 });

      const session = startQts(["run", "--home", home, ...standingStill]);
      onTestFinished(() => void session.child.kill("SIGKILL"));
      expect(await session.says("the session has started"), "it did not start").toBeDefined();
      expect(judged(await factsOf(home))).toEqual(judged(expected));
      expect(readHomeStamp(home)).toEqual({ format: 1, version: present });

      // And a second time, from what this version has written.
      session.child.kill("SIGTERM");
      expect(await session.ended).toMatchObject({ exitCode: 0 });
      const again = startQts(["run", "--home", home, ...standingStill]);
      onTestFinished(() => void again.child.kill("SIGKILL"));
      expect(await again.says("the session has started"), "it did not start again").toBeDefined();
      expect(judged(await factsOf(home))).toEqual(judged(expected));
    },
  );
});
