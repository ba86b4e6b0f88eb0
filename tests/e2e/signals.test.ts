import { existsSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { emptyFolder, type Running, says, startQts } from "./qts.ts";

const start = (folder: string, ...more: readonly string[]): Running =>
  startQts(["run", "--speed", "60", "--port", "0", "--home", join(folder, "home"), "--json", ...more]);

describe("signals", () => {
  it("SIGHUP reads the configuration again: says what applies now, what needs a restart, and keeps going on a mistake", async () => {
    const folder = emptyFolder();
    const config = join(folder, "qts.yaml");
    writeFileSync(config, "events: { timeSliceMs: 1 }\n");
    const session = start(folder, "--config", config);
    await says(session, "the session has started");

    writeFileSync(config, "events: { timeSliceMs: 2, lanes: { P1: { capacity: 5000 } } }\n");
    session.child.kill("SIGHUP");
    await says(session, "the configuration was read again");
    const line =
      session
        .stderr()
        .split("\n")
        .find((text) => text.includes("was read again")) ?? "";
    const { applied, needsRestart } = JSON.parse(line);
    expect(JSON.stringify(applied)).toContain("timeSliceMs");
    expect(JSON.stringify(needsRestart)).toContain("capacity");

    writeFileSync(config, "events: { timeSliceSeconds: 2 }\n");
    session.child.kill("SIGHUP");
    await says(session, "the present one stays in force");
    expect(session.stderr()).toContain("events.timeSliceSeconds");

    session.child.kill("SIGTERM");
    expect((await session.finished).exitCode).toBe(0);
  });

  it.each(["lock.sqlite", "journal/session-0001.sqlite", "paper/session-0001.jsonl", "control/qts.sock", "config/observer"])(
    "one that comes while the session starts (%s has just been made) ends it as soon as it has, and is not forgotten",
    async (made) => {
      const folder = emptyFolder();
      const session = start(folder);
      onTestFinished(() => void session.child.kill("SIGKILL"));
      const watcher = watch(folder, { recursive: true });
      await new Promise<void>((resolve) => {
        watcher.on("change", () => existsSync(join(folder, "home", made)) && resolve());
      });
      watcher.close();
      session.child.kill("SIGTERM");
      const { exitCode, stdout, stderr } = await session.finished;
      expect(exitCode).toBe(0);
      if (stdout === "") expect(stderr).toContain("stopped by SIGTERM before the session had begun");
      else expect(JSON.parse(stdout)).toMatchObject({ recovered: false, orders: { total: 0 } });
    },
  );

  it("two signals at once are one wish (npm passes the terminal's Ctrl-C on), and the session still ends with its report", async () => {
    const session = start(emptyFolder());
    await says(session, "the session has started");
    session.child.kill("SIGINT");
    session.child.kill("SIGINT");
    const { exitCode, stdout } = await session.finished;
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ recovered: false });
  });
});
