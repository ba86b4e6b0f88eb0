/** The frame around every command: finding it, helping, and one sentence for every mistake. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Command, exitCodes, portNumber, readOptions, UsageError, wholeNumber } from "#commands/command.ts";
import { durationMs } from "#commands/duration.ts";
import { nearest } from "#commands/nearest.ts";
import { commandTable, type TableRow } from "#commands/table.ts";
import { runLine } from "./console.ts";

const echo = (name: string): TableRow => {
  const command: Command = {
    name,
    summary: `does ${name}`,
    help: `help of ${name}\n`,
    run: async (args, io) => {
      io.out(`${name}: ${args.join(" ")}`);
      return exitCodes.ok;
    },
  };
  return { name, load: async () => command };
};
const table = ["archive check", "override", "run", "status"].map(echo);
const run = (...argv: string[]) => runLine(argv, {}, table);

describe("a command line", () => {
  it.each([
    { argv: [], out: "run: " },
    { argv: ["--speed", "max"], out: "run: --speed max" },
    { argv: ["run", "--speed", "max"], out: "run: --speed max" },
    { argv: ["archive", "check", "DIR"], out: "archive check: DIR" },
    { argv: ["override", "clear"], out: "override: clear" },
    { argv: ["status", "--debug", "--json"], out: "status: --json" },
  ])("of $argv runs $out", async ({ argv, out }) => {
    expect(await run(...argv)).toEqual({ exitCode: 0, out, err: "" });
  });

  it.each([
    { argv: ["stauts"], says: '"stauts" is not a command of qts (did you mean `qts status`?)' },
    { argv: ["archive", "chek"], says: '"archive chek" is not a command of qts (did you mean `qts archive check`?)' },
    { argv: ["archive", "xylophone"], says: '"archive xylophone" is not a command of qts; there is `qts archive check`.' },
    { argv: ["archive", "--json"], says: "qts archive needs one more word: `qts archive check`" },
    { argv: ["archive"], says: "qts archive needs one more word: `qts archive check`" },
    { argv: ["xylophone"], says: '"xylophone" is not a command of qts; `qts --help` lists them all.' },
  ])("of $argv is refused with a sentence and exit code 2", async ({ argv, says }) => {
    const { exitCode, out, err } = await run(...argv);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
    expect(err).toContain(says);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });

  it("helps: an overview of all commands, and each command's own page", async () => {
    const overview = await run("--help");
    for (const { name } of table) expect(overview.out).toContain(`does ${name}`);
    expect(overview.exitCode).toBe(0);
    for (const argv of [
      ["archive", "check", "--help"],
      ["help", "archive", "check"],
      ["archive", "check", "-h"],
    ])
      expect((await run(...argv)).out).toBe("help of archive check\n");
    expect((await run("status", "--", "--help")).out).toBe("status: -- --help");
    for (const argv of [
      ["archive", "--help"],
      ["help", "archive"],
    ])
      expect(await run(...argv)).toEqual({ exitCode: 0, out: "help of archive check\n", err: "" });
  });

  it("ends a crash with one sentence, and shows the stack only when asked", async () => {
    const broken: TableRow = {
      name: "run",
      load: async () => ({
        name: "run",
        summary: "",
        help: "",
        run: () => Promise.reject(new Error("the roof fell in\nand more")),
      }),
    };
    const quiet = await runLine(["run"], {}, [broken]);
    expect(quiet.exitCode).toBe(1);
    expect(quiet.err).toBe(
      "qts stopped because of a fault of its own: the roof fell in. Please report it with the command you ran (run it again with --debug for the details).\n",
    );
    expect((await runLine(["run", "--debug"], {}, [broken])).err).toContain("command-line.test.ts");
    expect((await runLine(["run"], { env: { QTS_DEBUG: "1" } }, [broken])).err).toContain("command-line.test.ts");
  });
});

describe("the commands of qts", () => {
  it("stand in alphabetical order, under the name they call themselves, each with a page of help", async () => {
    const names = commandTable.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    for (const row of commandTable) {
      const command = await row.load();
      expect(command.name).toBe(row.name);
      expect(command.help, row.name).toContain(`qts ${row.name}`);
      expect(command.help.endsWith("\n"), row.name).toBe(true);
      expect(command.summary, row.name).not.toBe("");
    }
  });

  it("refuse an unknown option with exit code 2, whatever the command", async () => {
    for (const { name } of commandTable) {
      const { exitCode, out, err } = await runLine([...name.split(" "), "--no-such-option"]);
      expect({ name, exitCode, out }).toEqual({ name, exitCode: 2, out: "" });
      expect(err, name).toContain("--no-such-option");
    }
  });
});

describe("options", () => {
  const read = (...args: string[]) =>
    readOptions("status", args, { home: { type: "string" }, json: { type: "boolean" }, reason: { type: "string" } }, [
      "DIR",
      "GLOB?",
    ]);
  const sentence = (...args: string[]): string => {
    try {
      read(...args);
    } catch (error) {
      if (error instanceof UsageError) return error.message;
      throw error;
    }
    return "no complaint";
  };

  it("are values by name, with the positional arguments beside them", () => {
    const { values, positionals } = read("d", "--home=/srv/qts", "--json");
    expect({ ...values }).toEqual({ home: "/srv/qts", json: true });
    expect(positionals).toEqual(["d"]);
  });

  it.each([
    {
      args: ["d", "--hoem", "x"],
      says: "--hoem is not an option here (did you mean --home?); `qts status --help` lists the options.",
    },
    { args: ["d", "-x"], says: "-x is not an option here; `qts status --help` lists the options." },
    { args: ["d", "--home"], says: "--home needs a value; `qts status --help` lists the options." },
    { args: ["d", "--reason", "--json"], says: "--reason needs a value; `qts status --help` lists the options." },
    {
      args: ["d", "--reason", "-1"],
      says: "--reason needs a value; a number below zero is written --reason=-1; `qts status --help` lists the options.",
    },
    { args: ["d", "--home", ""], says: "--home is empty and needs a value; `qts status --help` shows how it is called." },
    { args: ["d", "--json=yes"], says: "--json takes no value; `qts status --help` lists the options." },
    { args: [], says: "qts status needs DIR; `qts status --help` shows how it is called." },
    { args: ["a", "b", "c"], says: 'qts status does not know what to do with "c"; `qts status --help` shows how it is called.' },
  ])("of $args: $says", ({ args, says }) => {
    expect(sentence(...args)).toBe(says);
  });

  it("that count something say what they want; a port has an end", () => {
    expect(wholeNumber("run", "seed", "7")).toBe(7);
    expect(wholeNumber("run", "seed", undefined)).toBeUndefined();
    expect(() => wholeNumber("run", "seed", "7.5")).toThrow('--seed is "7.5" and must be a whole number');
    expect(portNumber("run", "65535")).toBe(65_535);
    expect(() => portNumber("run", "65536")).toThrow("--port is 65536 and must be at most 65535");
  });

  it.each([
    { text: "90m", ms: 5_400_000 },
    { text: "12h", ms: 43_200_000 },
    { text: "3d", ms: 259_200_000 },
    { text: "1d12h", ms: 129_600_000 },
    { text: "1.5h", ms: 5_400_000 },
  ])("read $text as $ms ms", ({ text, ms }) => {
    expect(durationMs("for", text)).toBe(ms);
  });

  it.each(["", "3", "3 d", "-1h", "0h", "3w", "h", "1e9d", `${"9".repeat(20)}d`])("do not take %j for a time", (text) => {
    expect(() => durationMs("for", text)).toThrow(UsageError);
  });

  it("guess what was meant only when it is close", () => {
    expect(nearest("lockdwn", ["lockdown", "release"])).toBe("lockdown");
    expect(nearest("conf", ["config check", "status"])).toBe("config check");
    expect(nearest("x", ["lockdown", "release"])).toBeUndefined();
    expect(nearest("", ["run"])).toBeUndefined();
    expect(nearest("anything", [])).toBeUndefined();
  });
});

describe("the process", () => {
  const qts = (args: readonly string[], options: object = {}) =>
    spawnSync(process.execPath, [join(import.meta.dirname, "../../src/qts.js"), ...args], { encoding: "utf8", ...options });

  it("turns a command's answer into output and exit code", () => {
    const version = qts(["--version"]);
    expect([version.status, version.stderr]).toEqual([0, ""]);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const mistake = qts(["stauts"]);
    expect([mistake.status, mistake.stdout]).toEqual([2, ""]);
  });

  it("writes everything before it ends, and does not mind a reader that has seen enough", () => {
    const whole = qts(["config", "show", "--json"]);
    expect(() => JSON.parse(whole.stdout)).not.toThrow();
    const shell = spawnSync(
      "sh",
      ["-c", `"${process.execPath}" "${join(import.meta.dirname, "../../src/qts.js")}" config show | head -1`],
      {
        encoding: "utf8",
      },
    );
    expect(shell.stderr).toBe("");
    expect(shell.stdout).toMatch(/^# QTS configuration/);
  });
});
