import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLog, type Log } from "#adapters/host/log.ts";
import { cannotMount, run } from "./privilege.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "qts-log-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const file = (): string => join(directory, "log");
const open = (level: "info" | "warn" = "info"): Log => createLog({ level, to: file(), now: () => 1_381_152_600_000 });
const lines = (): unknown[] =>
  readFileSync(file(), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe("the log", () => {
  it("writes one JSON object per line, with level, time and message", async () => {
    const log = open();
    log.logger.info({ session: "0001" }, "recovered");
    log.logger.error(new Error("no such luck"));
    await log.close();
    expect(lines()).toEqual([
      { level: "info", at: 1_381_152_600_000, pid: process.pid, session: "0001", msg: "recovered" },
      expect.objectContaining({
        level: "error",
        msg: "no such luck",
        err: expect.objectContaining({ stack: expect.any(String) }),
      }),
    ]);
  });

  it("shows what would command the terminal that its lines are read in; the object stays the same", async () => {
    const log = open();
    const reason = "a\u009b2J\u202e\u001b[2J\nforged";
    log.logger.info({ reason }, reason);
    await log.close();
    expect(lines()).toMatchObject([{ reason, msg: reason }]);
    expect(readFileSync(file(), "utf8")).toMatch(/^[^\p{Cc}\u202e]+\n$/u);
  });

  it("begins its file anew", async () => {
    for (const start of ["first", "second"]) {
      const log = open();
      log.logger.info(start);
      await log.close();
    }
    expect(lines()).toMatchObject([{ msg: "second" }]);
  });

  it("keeps quiet below its level", async () => {
    const log = open("warn");
    log.logger.info("nothing special");
    log.logger.warn("look");
    await log.close();
    expect(lines()).toMatchObject([{ msg: "look" }]);
  });

  it("never writes a credential, also two levels deep", async () => {
    const log = open();
    log.logger.info({ appkey: "k1", venue: { appsecret: "k2", request: { authorization: "Bearer k3" } } }, "connecting");
    log.logger.child({ token: "k4" }).info("connected");
    await log.close();
    expect(readFileSync(file(), "utf8")).not.toMatch(/k[1-4]/);
    expect(lines()).toMatchObject([{ appkey: "[secret]", venue: { appsecret: "[secret]" } }, { token: "[secret]" }]);
  });

  it("writes what is waiting when it is closed", async () => {
    const log = open();
    for (let i = 0; i < 5000; i++) log.logger.info({ i }, "busy");
    await log.close();
    expect(lines()).toHaveLength(5000);
    expect(log.dropped()).toBe(0);
  });

  it("drops and counts what its buffer cannot hold, and does not wait", async () => {
    const log = open();
    const text = "x".repeat(1000);
    for (let i = 0; i < 10_000; i++) log.logger.info(text);
    expect(log.dropped()).toBeGreaterThan(1000);
    await log.close();
    const told = lines().filter((line) => (line as { readonly lost?: number }).lost !== undefined);
    expect(told[0]).toMatchObject({ level: "warn", msg: expect.stringContaining("lines of the log could not be written") });
    expect(lines().length - told.length).toBe(10_000 - log.dropped());
  });

  it.skipIf(cannotMount)(
    "counts what a full disk refuses, and lets the house live (needs root, to mount a small tmpfs)",
    async () => {
      run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory);
      try {
        const log = open();
        for (let round = 0; round < 20; round++) {
          for (let i = 0; i < 100; i++) log.logger.info("x".repeat(100));
          await new Promise((resolve) => setImmediate(resolve));
        }
        await log.close(200);
        expect(log.dropped()).toBeGreaterThan(0);
      } finally {
        run("umount", "-l", directory);
      }
    },
  );
});
