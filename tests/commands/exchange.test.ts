import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type CommandIo, UsageError } from "#commands/command.ts";
import { command } from "#commands/exchange.ts";

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), "qts-exchange-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

/** Stopped before it begins, so that a command that starts also ends. */
const run = async (...args: string[]): Promise<{ exitCode: number; out: string; err: string }> => {
  let [out, err] = ["", ""];
  const io: CommandIo = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: {},
    cwd: folder(),
    signal: AbortSignal.abort("the test"),
  };
  return { exitCode: await command.run(args, io), out, err };
};

describe("qts exchange", () => {
  it("begins a ledger under the home, and says so as JSON lines", async () => {
    const home = join(folder(), "home");
    const { exitCode, out } = await run("--home", home, "--json");
    expect(exitCode).toBe(0);
    const [listening, stopped] = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(listening).toMatchObject({ type: "exchange.listening", ledger: join(home, "exchange", "session-0001.jsonl") });
    expect(listening.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    expect(stopped).toMatchObject({ type: "exchange.stopped", orders: 0 });
  });

  it("goes on with the newest ledger, or begins the next one when that session has ended", async () => {
    const home = folder();
    await run("--home", home);
    const ended = [
      '{"n":1,"at":1,"type":"opened","version":1,"seed":1,"cashMinor":5,"positions":{}}',
      '{"n":2,"at":2,"type":"ended"}',
    ];
    writeFileSync(join(home, "exchange", "session-0007.jsonl"), `${ended[0]}\n`);
    expect((await run("--home", home)).out).toContain("session-0007.jsonl (1 records found)");
    writeFileSync(join(home, "exchange", "session-0007.jsonl"), `${ended.join("\n")}\n`);
    expect((await run("--home", home)).out).toContain("session-0008.jsonl");
  });

  it.each([
    { args: ["--fault", "lostShare=1"], exitCode: 78, says: "broker.paper.faults.lostShare" },
    { args: ["--fault", "rejectShare=5"], exitCode: 78, says: "0.05 for 5 %" },
    { args: ["--config", "none.yaml"], exitCode: 78, says: "none.yaml" },
    { args: ["--ledger", "none/none/ledger.jsonl"], exitCode: 4, says: "make its parent folder" },
  ])("answers $args with exit code $exitCode and one sentence", async ({ args, exitCode, says }) => {
    const refused = await run("--home", folder(), ...args);
    expect(refused.exitCode).toBe(exitCode);
    expect(refused.err).toContain(says);
    expect(refused.err.trim().split("\n")).toHaveLength(1);
  });

  it.each([
    ["--port", "x"],
    ["--port", "70000"],
    ["--seed", "-1"],
    ["--fault", "lost"],
    ["--fault", "rejectShare=a"],
  ])("does not understand %s %s", async (...args) => {
    await expect(run(...args)).rejects.toBeInstanceOf(UsageError);
  });

  it("leaves a damaged ledger as it is", async () => {
    const ledger = join(folder(), "damaged.jsonl");
    writeFileSync(ledger, "{}\n{}\n");
    const refused = await run("--ledger", ledger);
    expect(refused.exitCode).toBe(4);
    expect(refused.err).toContain("line 1");
  });
});
