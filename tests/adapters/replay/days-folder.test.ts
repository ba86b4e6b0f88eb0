import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeFolders, writeFileDurably } from "#adapters/host/durable-files.ts";
import { type OwnFiles, openImport, settleImports } from "#adapters/replay/days-folder.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qts-days-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const files: OwnFiles = {
  makeFolders,
  write: writeFileDurably,
  append: () => {
    throw new Error("nothing is spooled here");
  },
};
/** No process has it: ids end below. */
const deadPid = 4_194_305;
const leave = (name: string, ...files: readonly string[]): void => {
  mkdirSync(join(folder, name));
  for (const file of files) writeFileSync(join(folder, name, file), name);
};

it("gives every day its name at once, and leaves nothing else", () => {
  const own = openImport(join(folder, "days"), files);
  own.write("a-20240101", Buffer.from("1"));
  own.write("a-20240102", Buffer.from("2"));
  expect(readdirSync(join(folder, "days")).filter((name) => !name.startsWith("."))).toEqual([]);
  own.publish();
  own.discard();
  expect(readdirSync(join(folder, "days"))).toEqual(["a-20240101.qtsday", "a-20240102.qtsday"]);
});

it("leaves nothing of an import that is given up", () => {
  const own = openImport(folder, files);
  own.write("a-20240101", Buffer.from("1"));
  own.discard();
  expect(readdirSync(folder)).toEqual([]);
});

it("ends what killed imports began: a whole one gets its names, a half one goes, a living one stays", () => {
  writeFileSync(join(folder, "a-20240101.qtsday"), "older");
  leave(`.import-${deadPid}`, "h-20240101.qtsday", "2024-01-02.rows");
  leave(`.import-${deadPid + 1}.whole`, "a-20240101.qtsday", "a-20240102.qtsday");
  leave(`.import-${process.ppid}`, "2024-01-02.rows");
  leave("another-folder");
  settleImports(folder);
  settleImports(folder);
  expect(readdirSync(folder).sort()).toEqual([
    `.import-${process.ppid}`,
    "a-20240101.qtsday",
    "a-20240102.qtsday",
    "another-folder",
  ]);
  expect(readFileSync(join(folder, "a-20240101.qtsday"), "utf8")).toBe(`.import-${deadPid + 1}.whole`);
  settleImports(join(folder, "nowhere"));
});
