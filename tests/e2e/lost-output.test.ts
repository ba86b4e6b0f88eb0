/** What becomes of a process whose output cannot be written any more, or whose input never comes. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, watch } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { emptyFolder } from "./qts.ts";

const entry = join(import.meta.dirname, "../../src/qts.js");
const full = (): number => {
  const fd = openSync("/dev/full", "w");
  onTestFinished(() => closeSync(fd));
  return fd;
};
type Stdio = "pipe" | "ignore" | number;
const start = (stdout: Stdio, stderr: Stdio, ...args: readonly string[]) => {
  const child = spawn(process.execPath, [entry, ...args], { stdio: ["ignore", stdout, stderr] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let [out, err] = ["", ""];
  child.stdout?.on("data", (text) => {
    out += text;
  });
  child.stderr?.on("data", (text) => {
    err += text;
  });
  const ended = new Promise<{ readonly exitCode: number | null; readonly out: string; readonly err: string }>((resolve) =>
    child.once("close", (exitCode) => resolve({ exitCode, out, err })),
  );
  return { child, ended };
};
const session = (folder: string): string[] => ["run", "--port", "0", "--without-ops", "--home", join(folder, "home")];
/** Resolves when the file is there and has this text. */
const appears = (folder: string, path: string, text = ""): Promise<void> =>
  new Promise((resolve) => {
    const watcher = watch(folder, { recursive: true });
    const look = (): void => {
      if (!existsSync(join(folder, path)) || !(text === "" || readFileSync(join(folder, path), "utf8").includes(text))) return;
      watcher.close();
      resolve();
    };
    watcher.on("change", look);
    look();
  });

describe("a session", () => {
  it.each(["a full device", "a reader that is gone"])(
    "whose log goes to %s is stopped by the first signal, with its report",
    async (to) => {
      const folder = emptyFolder();
      const { child, ended } = start("pipe", to === "a full device" ? full() : "pipe", ...session(folder), "--json");
      child.stderr?.destroy();
      await appears(folder, "home/control/qts.sock");
      child.kill("SIGTERM");
      const { exitCode, out, err } = await ended;
      expect(exitCode).toBe(0);
      if (out === "") expect(err).toBe("");
      else expect(JSON.parse(out)).toMatchObject({ recovered: false });
    },
  );

  it.skipIf(spawnSync("script", ["--version"]).error !== undefined)(
    "whose terminal is closed goes on without its view, says so in its log, and stops in order (needs script of util-linux)",
    async () => {
      const folder = emptyFolder();
      const command = [process.execPath, entry, ...session(folder), "--speed", "1"].map((word) => `'${word}'`).join(" ");
      const terminal = spawn("script", ["-qfc", `trap '' HUP; echo $$ >'${folder}/pid'; exec ${command}`, "/dev/null"], {
        stdio: ["ignore", "ignore", "ignore"],
        env: { ...process.env, TERM: "xterm" },
      });
      onTestFinished(() => void terminal.kill("SIGKILL"));
      const log = "home/ops/logs/qts.log";
      await appears(folder, log, "the session has started");
      const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
      terminal.kill("SIGKILL");
      await appears(folder, log, "the session goes on without its view");
      process.kill(pid, "SIGTERM");
      await appears(folder, log, "the session has ended");
    },
  );
});

describe("a command that only prints", () => {
  it.each(["--help", "config show", "config check"])("to a full device fails and says so: qts %s", async (words) => {
    const { exitCode, err } = await start(full(), "pipe", ...words.split(" ")).ended;
    expect(exitCode).toBe(1);
    expect(err).toMatch(/^qts: what was printed could not be written: ENOSPC.*\.\n$/);
  });

  it("to a reader that has left ends quietly, with its own exit code when it has one", async () => {
    for (const [args, code] of [
      [["config", "show"], 0],
      [["config", "check", "--json", "--config", "/dev/null/none"], 78],
    ] as const) {
      const { child, ended } = start("pipe", "pipe", ...args);
      child.stdout?.destroy();
      expect(await ended).toMatchObject({ exitCode: code, err: "" });
    }
  });

  it("says nothing of an error output that is full or gone", async () => {
    expect((await start("pipe", full(), "config", "check", "--config", "none.yaml").ended).exitCode).toBe(78);
  });
});

it("a command that waits for its input ends at the first signal", async () => {
  const path = join(emptyFolder(), "pipe");
  execFileSync("mkfifo", [path]);
  const { child, ended } = start("pipe", "pipe", "order", "replay", path);
  const writer = await open(path, "w");
  child.kill("SIGINT");
  expect(await ended).toEqual({ exitCode: 130, out: "", err: `Stopped before ${path} was read to its end.\n` });
  await writer.close();
});
