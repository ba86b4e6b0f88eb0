/** What `qts run` says at its end, and in which order: nothing is held any more while a journal is read again. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { isLeaseHeld } from "#adapters/host/lease.ts";
import { tellHowItWent } from "#commands/run-end.ts";
import { parseConfig } from "#config/config.ts";
import { runLine } from "./console.ts";

const kept = join(import.meta.dirname, "../fixtures/homes/0.1.0/home");
const parsed = parseConfig();
if (!parsed.ok) throw new Error("the default configuration is not valid");
const { config } = parsed;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qts-run-end-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

/** A day of two trades, played to its end in this process. */
const play = async (out: (text: string, home: string) => void, ...more: readonly string[]) => {
  const [days, home] = [join(folder, "days"), join(folder, "home")];
  writeFileSync(join(folder, "g.csv"), "time,price,qty\n1700000000,1,1\n1700000001,1,1\n");
  writeFileSync(join(folder, "qts.yaml"), "log: { level: error }\n");
  expect((await runLine(["import", join(folder, "g.csv"), "--symbol", "G", "--days-dir", days])).exitCode).toBe(0);
  const run = ["run", "--day", "g-20231114", "--days-dir", days, "--home", home, "--config", join(folder, "qts.yaml")];
  return runLine([...run, "--speed", "max", "--port", "0", "--without-ops", "--no-view", ...more], {
    cwd: folder,
    out: (text) => out(text, home),
  });
};

describe("the end of a session", () => {
  it("prints its report and lets home and journal go before it reads the whole journal again (M15)", async () => {
    const said: (readonly [string, boolean])[] = [];
    const { exitCode } = await play((text, home) => said.push([text, isLeaseHeld(home)]));
    expect(exitCode).toBe(0);
    expect(said.map(([text, isHeld]) => [/^\n?\s*(Session report|equity)/.exec(text)?.[1], isHeld])).toEqual([
      ["Session report", true],
      ["equity", false],
    ]);
  });

  it("that has its report has it also when the journal cannot be read again, and ends as it would have (M15)", async () => {
    let printed = "";
    const ruin = (text: string, home: string): void => {
      printed += text;
      // As a disk would that fails from now on; what SQLite has open it has.
      for (const end of ["", "-wal"]) rmSync(join(home, `journal/session-0001.sqlite${end}`), { force: true });
    };
    const { exitCode, err } = await play(ruin);
    expect(printed).toMatch(/^\nSession report\n/);
    expect(err).toMatch(/^qts: how the session went is not told: [^\n]+; `qts report --home [^\n]+` tells it at any time\.\n$/);
    expect(exitCode).toBe(0);
    for (const name of ["home", "days"]) rmSync(join(folder, name), { recursive: true });
    expect((await play(ruin, "--report", "r.html")).exitCode).toBe(1);
  });
});

describe("telling how a session went", () => {
  const tell = async (stopping?: AbortSignal, overdue = new AbortController().signal) => {
    let [out, err] = ["", ""];
    const io = { out: (text: string) => (out += text), err: (text: string) => (err += text), cwd: folder };
    const end = { home: join(folder, "home"), session: "0001", config, page: "r.html", isQuiet: false };
    return { isTold: await tellHowItWent(end, io, stopping, overdue), out, err };
  };
  beforeEach(() => cpSync(kept, join(folder, "home"), { recursive: true }));

  it("is lines for a person and the page that was asked for", async () => {
    expect(await tell()).toMatchObject({ isTold: true, err: "", out: expect.stringMatching(/^ {2}equity/) });
    expect(readFileSync(join(folder, "r.html"), "utf8")).toMatch(/^<!doctype html>/);
  });

  it.each([
    ["a person does not want to wait", AbortSignal.abort("SIGINT"), undefined, "QTS was told to stop while the journal was read"],
    ["it takes too long", undefined, AbortSignal.abort(), "reading the journal takes too long"],
  ])("is given up in one sentence when %s (M15)", async (_, stopping, overdue, why) => {
    const { isTold, out, err } = await tell(stopping, overdue);
    expect({ isTold, out }).toEqual({ isTold: false, out: "" });
    expect(err).toBe(
      `qts: how the session went is not told: ${why}; \`qts report --home ${join(folder, "home")}\` tells it at any time.\n`,
    );
  });
});
