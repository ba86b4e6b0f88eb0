/** Files that a command was given to read, whatever they are: each is read to its end, or the first signal ends the reading. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readLines, readText } from "#adapters/host/input.ts";
import { runLine } from "../../commands/console.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "qts-input-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (text: string | Uint8Array): string => {
  writeFileSync(join(folder, "file"), text);
  return join(folder, "file");
};
let pipes = 0;
const pipe = (): string => {
  pipes += 1;
  const path = join(folder, `pipe-${pipes}`);
  execFileSync("mkfifo", [path]);
  return path;
};
const linesOf = async (path: string, signal?: AbortSignal) => {
  const lines: string[] = [];
  const read = await readLines(path, signal, (line) => {
    lines.push(line);
    return true;
  });
  return { read, lines };
};

describe("a file", () => {
  it.each([
    { text: "", lines: [] },
    { text: "a", lines: ["a"] },
    { text: "a\n", lines: ["a"] },
    { text: "a\r\n\nb", lines: ["a", "", "b"] },
    { text: `${"é".repeat(100_000)}\nend\n`, lines: ["é".repeat(100_000), "end"] },
  ])("is read line by line, whatever its last line ends with", async ({ text, lines }) => {
    expect(await linesOf(file(text))).toEqual({ read: { ok: true, value: undefined }, lines });
  });

  it("is left when its reader has seen enough", async () => {
    const seen: string[] = [];
    await readLines(file("a\nb\nc\n"), undefined, (line) => seen.push(line) < 2);
    expect(seen).toEqual(["a", "b"]);
  });

  it("without an end is refused, as text and as one line, before it fills the memory", async () => {
    expect(await readText("/dev/zero", 1000)).toMatchObject({ error: { type: "input.too.large" } });
    expect((await linesOf("/dev/zero")).read).toMatchObject({ error: { type: "input.too.large" } });
  });

  it("that is not there, or a directory, says why", async () => {
    expect(await readText(join(folder, "none"), 9)).toMatchObject({
      error: { type: "input.unreadable", error: { code: "ENOENT" } },
    });
    expect(await readText(folder, 9)).toMatchObject({ error: { type: "input.unreadable", error: { code: "EISDIR" } } });
  });
});

describe("a pipe", () => {
  it("whose writer comes later is waited for, and read to its end", async () => {
    const path = pipe();
    const reading = linesOf(path);
    const writer = await open(path, "w");
    await writer.write("a\nb");
    await writer.close();
    expect((await reading).lines).toEqual(["a", "b"]);
  });

  it.each([
    "order replay",
    "operating replay",
    "config check --config",
    "config show --config",
    "doctor --config",
    "exchange --config",
    "run --config",
    "operating replay x.csv --config",
  ])("without a writer: the first signal ends `qts %s PIPE`", async (words) => {
    const stopping = new AbortController();
    const path = pipe();
    const running = runLine([...words.split(" "), path], { cwd: folder, signal: stopping.signal });
    // Opens once the command has opened its end.
    const writer = await open(path, "w");
    stopping.abort("SIGTERM");
    const { exitCode, out, err } = await running;
    await writer.close();
    expect({ exitCode, out }).toEqual({ exitCode: 143, out: "" });
    expect(err).toMatch(/^(Stopped before .* was read to its end|.* was not read to its end: QTS was told to stop)\.\n$/);
  });
});
