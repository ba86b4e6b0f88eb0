/** A strategy's file that cannot be used is refused before anything is made, with the place of the mistake and code 78. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createGuestFaults } from "#commands/guest-faults.ts";
import { openSessionInputs } from "#commands/session-inputs.ts";
import { parseConfig } from "#config/config.ts";

const strategy = 'export const createStrategy = () => ({ name: "x", evaluate: () => [] });';

const open = async (text: string, over: object = {}) => {
  const folder = mkdtempSync(join(tmpdir(), "qts-strategy-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "mine.ts");
  writeFileSync(file, text);
  const parsed = parseConfig({ execution: { strategy: file } });
  if (!parsed.ok) throw new Error("the configuration is not valid");
  const opened = await openSessionInputs(parsed.config, { cwd: folder, env: {}, ...over });
  return { file, opened };
};

describe("a strategy's file", () => {
  it("is taken when it makes a strategy", async () => {
    expect((await open(strategy)).opened).toMatchObject({ ok: true, value: { strategy: { name: "x" } } });
  });

  it("has its name only while it is loaded, and the recorded days have theirs while they are checked (M15)", async () => {
    const said: string[] = [];
    const enter = (place: string) => {
      said.push(`in ${place}`);
      return () => void said.push(`out of ${place}`);
    };
    await open(strategy, { enter });
    const days = "the check of the recorded days";
    expect(said).toEqual([`in ${days}`, `out of ${days}`, "in the strategy's module", "out of the strategy's module"]);
  });

  it.each([
    { what: "imports what is not there", text: 'import "./none.ts";\n', says: "none.ts' imported from FILE" },
    { what: "throws as it is loaded", text: 'throw new Error("no key");\n', says: "Error: no key (mine.ts:1:7)" },
    { what: "exports nothing", text: "export {};\n", says: "does not export createStrategy" },
    {
      what: "throws in createStrategy",
      text: 'export const createStrategy = () => {\n  throw new Error("no key");\n};\n',
      says: "createStrategy threw Error: no key (mine.ts:2:9)",
    },
    { what: "returns a promise", text: strategy.replace("= ()", "= async ()"), says: "createStrategy returned a promise" },
    { what: "returns no strategy", text: "export const createStrategy = () => 7;\n", says: "createStrategy returned a number" },
    { what: "has no evaluate", text: 'export const createStrategy = () => ({ name: "x" });\n', says: "has no function evaluate" },
  ])("that $what is refused with the place", async ({ text, says }) => {
    const { file, opened } = await open(text);
    expect(opened).toMatchObject({ ok: false, error: { exitCode: 78, problems: [{ key: "execution.strategy" }] } });
    const problem = opened.ok ? "" : (opened.error.problems[0]?.problem ?? "");
    expect(problem).toContain(says.replace("FILE", file));
    expect(problem).not.toContain("\n");
  });

  it("whose top level waits for what never comes is not waited for", async () => {
    const { opened } = await open(`await new Promise(() => {});\n${strategy}`, { loadMsMax: 20 });
    expect(opened).toMatchObject({
      ok: false,
      error: { exitCode: 78, problems: [{ problem: expect.stringContaining("a top-level await waits for what does not come") }] },
    });
  });

  it("is not waited for by a person who wants to stop", async () => {
    const { opened } = await open(`await new Promise(() => {});\n${strategy}`, { signal: AbortSignal.timeout(20) });
    expect(opened).toMatchObject({ ok: false, error: { problems: [{ problem: expect.stringContaining("told to stop") }] } });
  });

  it("that fails outside of its calls while it is loaded is refused with that fault", async () => {
    const guests = createGuestFaults();
    const loading = open(`await new Promise(() => {});\n${strategy}`, { guests });
    await expect.poll(() => guests.tell("the strategy wanted to end the process")).toBe(true);
    expect((await loading).opened).toMatchObject({
      ok: false,
      error: { problems: [{ problem: expect.stringContaining("wanted to end the process") }] },
    });
  });
});
