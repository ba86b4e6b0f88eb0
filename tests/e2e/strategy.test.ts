/** Strategies that misbehave in a real process: each is told as the strategy's fault, and QTS goes on or stops in order. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { emptyFolder, qts, says, startQts } from "./qts.ts";

const strategyOf = (evaluate: string): string =>
  `export const createStrategy = () => {\n  let n = 0;\n  return { name: "guest", evaluate: () => {\n    n += 1;\n    if (n === 3) ${evaluate}\n    return [];\n  } };\n};\n`;

const inFolder = (text: string): { readonly folder: string; readonly file: string; readonly args: readonly string[] } => {
  const folder = emptyFolder();
  const file = join(folder, "mine.ts");
  writeFileSync(file, text);
  return { folder, file, args: ["run", "--home", join(folder, "home"), "--strategy", file, "--port", "0", "--no-view"] };
};

describe("a strategy's file that is no code", () => {
  it.each([
    { what: "TypeScript does not understand it", text: "const a = 1;\nconst b = ;\n", says: "Expression expected (FILE:2)" },
    { what: "the engine does not", text: "\nlet a = 1; let a = 2;\n", says: "Identifier 'a' has already been declared (FILE:2)" },
    { what: "Node cannot erase it", text: "enum A { B }\n", says: "enum is not supported in strip-only mode (FILE:1)" },
  ])("is refused with its line and code 78, and nothing is made: $what", async ({ text, says: sentence }) => {
    const { folder, file, args } = inFolder(text);
    const { exitCode, stderr } = await qts(...args);
    expect(exitCode).toBe(78);
    expect(stderr).toContain(sentence.replace("FILE", file));
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(existsSync(join(folder, "home"))).toBe(false);
  });
});

describe("a strategy's fault outside of its calls", () => {
  it.each([
    {
      what: "a timer that throws",
      evaluate: 'setTimeout(() => { throw new Error("late"); }, 1);',
      says: "threw outside of its calls: Error: late (FILE:5:",
    },
    {
      what: "a promise that is rejected and left",
      evaluate: 'Promise.reject(new Error("late"));',
      says: "left a rejected promise to nobody: Error: late (FILE:5:",
    },
    {
      what: "a rejection with what is no error",
      evaluate: 'Promise.reject("plain");',
      says: "left a rejected promise to nobody: plain",
    },
    {
      what: "the end of the process",
      evaluate: "process.exit(0);",
      says: "wanted to end the process: Error: process.exit was called (FILE:5:",
    },
  ])("$what ends the session in order, named with its place, and with code 1", async ({ evaluate, says: sentence }) => {
    const { file, args } = inFolder(strategyOf(evaluate));
    const { exitCode, stdout, stderr } = await qts(...args, "--speed", "max", "--json");
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`the strategy ${file} ${sentence.replace("FILE", file)}`);
    expect(stderr).toContain("the session was stopped in order");
    expect(stderr).not.toContain("fault of its own");
    expect(JSON.parse(stdout)).toMatchObject({ orders: { open: 0 } });
  });
});

describe("a strategy that loops for ever", () => {
  it("is noticed from another thread; lockdown names the process, and its next start begins in LOCKDOWN", async () => {
    const { folder, args } = inFolder(strategyOf("for (;;);"));
    const home = join(folder, "home");
    const session = startQts(args);
    onTestFinished(() => void session.child.kill("SIGKILL"));
    await says(session, "QTS does not answer");
    expect(session.stderr()).toContain(`process ${session.child.pid} has not got past the strategy's evaluate since`);

    const { exitCode, stderr } = await qts("lockdown", "--reason", "it is stuck", "--home", home);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("the strategy's evaluate");
    expect(stderr).toContain(`ending it is safe: kill -9 ${session.child.pid}`);
    expect(existsSync(join(home, "KILL"))).toBe(true);

    session.child.kill("SIGKILL");
    await session.finished;
    const again = startQts(["run", "--home", home, "--port", "0", "--no-view"]);
    onTestFinished(() => void again.child.kill("SIGKILL"));
    await says(again, "the session has started");
    const { stdout } = await qts("status", "--home", home, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ safety: "LOCKDOWN", parts: { "kill-switch": { reason: "it is stuck" } } });
  });
});
