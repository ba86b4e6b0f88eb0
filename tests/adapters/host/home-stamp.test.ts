import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openHome } from "#adapters/host/home.ts";
import { homeFormat, readHomeStamp, stampHome, stampProblem } from "#adapters/host/home-stamp.ts";
import { qts } from "../../e2e/qts.ts";

const keptHome = join(import.meta.dirname, "../../fixtures/homes/0.1.0/home");

let folder: string;
let home: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qts-stamp-"));
  home = join(folder, "home");
  cpSync(keptHome, home, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Every name with its bytes and the time of its last change, folders included. */
const bytesOf = (path: string): unknown =>
  readdirSync(path, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const found = statSync(join(path, name));
      return [name, found.mtimeMs, found.isDirectory() ? "folder" : readFileSync(join(path, name), "base64")];
    });
const stampOf = (stamp: unknown): void => writeFileSync(join(home, "home.json"), JSON.stringify(stamp));

describe("a home's stamp", () => {
  it("is absent in a home of 0.1.0, which any version may open", () => {
    expect(readHomeStamp(home)).toBeUndefined();
    expect(stampProblem(home)).toBeUndefined();
    expect(stampProblem(join(folder, "nowhere"))).toBeUndefined();
  });

  it("says the format and who wrote last, and is not written again by the same version", () => {
    expect(stampHome(home, "0.2.0")).toMatchObject({ ok: true });
    expect(readHomeStamp(home)).toEqual({ format: homeFormat, version: "0.2.0" });
    const before = bytesOf(home);
    expect(stampHome(home, "0.2.0")).toMatchObject({ ok: true });
    expect(bytesOf(home)).toEqual(before);
    stampHome(home, "0.2.1");
    expect(readHomeStamp(home)).toEqual({ format: homeFormat, version: "0.2.1" });
  });

  it("of the same format by a later version is no reason to refuse: the journal says whether it can be read", () => {
    stampOf({ format: homeFormat, version: "9.9.9" });
    expect(stampProblem(home)).toBeUndefined();
  });

  it.each(["", "{", "null", "[]", '{"format":"1","version":"0.2.0"}', '{"format":1}'])(
    "that reads %j is nobody's, and says what to do",
    (text) => {
      writeFileSync(join(home, "home.json"), text);
      expect(stampProblem(home)).toMatch(/home\.json cannot be read .*remove that file/);
    },
  );

  it("that cannot be written is a sentence, not a crash", () => {
    mkdirSync(join(home, "home.json"));
    expect(stampHome(home, "0.2.0")).toMatchObject({ ok: false, error: expect.stringContaining("home.json") });
  });
});

describe("a home of a newer format", () => {
  const makeNewer = {
    "by its stamp": () => stampOf({ format: homeFormat + 1, version: "9.9.9" }),
    "by its journal": () => {
      // The header's user version, where SQLite keeps it.
      const version = Buffer.alloc(4);
      version.writeUInt32BE(99);
      const handle = openSync(join(home, "journal", "session-0001.sqlite"), "r+");
      writeSync(handle, version, 0, 4, 60);
      closeSync(handle);
    },
  };

  it.each(Object.entries(makeNewer))("%s is refused and left as it is, to the last byte", (_name, change) => {
    change();
    const before = bytesOf(folder);
    expect(openHome(home)).toMatchObject({
      ok: false,
      error: { type: "home.foreign", problem: expect.stringContaining("newer QTS") },
    });
    expect(bytesOf(folder)).toEqual(before);
  });

  it.each([{ command: "run --port 0" }, { command: "run --port 0 --new-session" }, { command: "exchange" }])(
    "is refused by qts $command with exit code 4 and its own sentence; nothing is written",
    async ({ command }) => {
      makeNewer["by its stamp"]();
      const before = bytesOf(folder);
      const { exitCode, stderr } = await qts(...command.split(" "), "--home", home);
      expect(stderr).toContain(`belongs to a newer QTS: version 9.9.9 keeps it in format ${homeFormat + 1}`);
      expect(stderr).not.toContain("damaged");
      expect(exitCode).toBe(4);
      expect(bytesOf(folder)).toEqual(before);
    },
  );
});
