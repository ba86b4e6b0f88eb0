/**
 * Names and words of others on their way to a terminal: shown, never sent. Every command of the table is called with hostile
 * text wherever it takes any, so that a command which prints some of it raw is found when it is added.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { showReply } from "#commands/ask.ts";
import { runCommandLine } from "#commands/command-line.ts";
import { commandTable } from "#commands/table.ts";
import { runLine } from "./console.ts";

/** Clears the screen in two ways, sets the title, turns the direction, and begins a line that would look like one of ours. */
const hostile = "a\u001b[2J\u009b2J\u001b]0;t\u0007\u202eb\r\nFORGED all is well";
const commanding = /(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

const expectHarmless = (text: string): void => {
  expect(text).not.toMatch(commanding);
  expect(text.split("\n").filter((line) => line.startsWith("FORGED"))).toEqual([]);
};

let root: string;
let file: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "qts-foreign-"));
  file = join(root, `${hostile}.txt`);
  writeFileSync(file, `timestamp,${hostile}\n"${hostile}",1\n`);
  mkdirSync(join(root, hostile, "config", "observer"), { recursive: true });
  mkdirSync(join(root, hostile, "journal"));
  writeFileSync(join(root, hostile, "journal", "session-0001.sqlite"), "no database");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Every way of calling a command that refuses or only looks: none of them starts a session or waits for a server. */
const callsOf = (name: string): readonly (readonly string[])[] => {
  const words = name.split(" ");
  const home = ["--home", join(root, hostile)];
  const people = ["--operator", hostile, "--reason", hostile];
  return [
    [...words, `--${hostile}`],
    [...words, hostile, hostile, hostile],
    [...words, file],
    [...words, hostile],
    [...words, "--config", file],
    [...words, "--port", hostile],
    [...words, "--json", "--config", file],
    [...words, hostile, ...home],
    [...words, "--home", file],
    [...words, hostile, "--home", file],
    [...words, "--ledger", join(root, hostile, "none", hostile, hostile)],
    [...words, "verify", ...home],
    [...words, "--map", hostile, "--expect", hostile, join(root, hostile)],
    [...words, join(root, hostile)],
    [...words, "--backup", join(root, hostile), "--data", file],
    [...words, "list", "--session", hostile, ...home],
    [...words, hostile, "--outcome", hostile, ...people, ...home],
    [...words, hostile, "--outcome", "absent", ...people, ...home],
    ...(name === "run" || name === "exchange" || name === "stop-trading"
      ? []
      : [
          [...words, ...home],
          [...words, ...people, ...home],
        ]),
  ];
};

describe("text of others", () => {
  it.each(commandTable.map(({ name }) => name))("`qts %s` prints hostile arguments, names and files harmlessly", async (name) => {
    for (const call of callsOf(name)) {
      const { out, err } = await runLine(call, { cwd: root });
      expectHarmless(out);
      expectHarmless(err);
    }
  });

  it.each([true, false])("what a server answers is printed harmlessly, well or badly (%s)", (isDone) => {
    let printed = "";
    const write = (text: string): void => {
      printed += text;
    };
    const io = { out: write, err: write, env: {}, cwd: "/" };
    showReply({ ok: true, value: { exitCode: isDone ? 0 : 4, body: { sentence: hostile } } }, {}, io);
    showReply({ ok: false, error: { type: "refused", sentence: hostile } }, {}, io);
    expectHarmless(printed);
    expect(printed).toContain("\\u001b[2J");
  });

  it("whatever a command prints raw commands no terminal: the last door is the command line's", async () => {
    let printed = "";
    const write = (text: string): void => {
      printed += text;
    };
    const careless = {
      name: "careless",
      summary: "",
      help: "",
      run: async (_: unknown, io: { out: (text: string) => void; err: (text: string) => void }) => {
        io.out(`${hostile}\n`);
        io.err(`${hostile}\n`);
        throw new Error(hostile);
      },
    };
    await runCommandLine(["careless"], [{ name: "careless", load: async () => careless }], {
      out: write,
      err: write,
      env: {},
      cwd: "/",
    });
    expect(printed).not.toMatch(commanding);
    expect(printed.match(/\\u001b/g)).toHaveLength(6);
  });
});
