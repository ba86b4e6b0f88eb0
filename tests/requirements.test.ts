/** docs/requirements.md names tests: files that are there, and for the events each sentence word for word. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs/requirements.md"), "utf8");
const rows = page.split("\n").filter((line) => /^\| [A-Z]\d/.test(line));

it("names no test file that is not there", () => {
  const files = [...page.matchAll(/\btests\/[\w./-]+\.(?:ts|yaml)\b/g)].map(([path]) => path);
  expect(files.length).toBeGreaterThan(150);
  expect([...new Set(files)].filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

it("names for every requirement of the events tests whose sentences are there, word for word", () => {
  const missing = rows
    .filter((row) => row.startsWith("| E"))
    .flatMap((row) => {
      let file = "";
      const [id = "", , cell = ""] = row.slice(1, -1).split(" | ");
      return cell.split(" · ").flatMap((part) => {
        const named = /^(tests\/[\w./-]+): /.exec(part.trim());
        if (named?.[1] !== undefined) file = named[1];
        const sentence = part.trim().slice(named?.[0].length ?? 0);
        const text = file === "" ? "" : readFileSync(join(root, file), "utf8").replaceAll("\\", "");
        return text.includes(sentence) ? [] : [`${id.trim()}: ${file}: ${sentence}`];
      });
    });
  expect(missing).toEqual([]);
});

it("leaves out no requirement of the events", () => {
  const ids = new Set(rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/\bE\d+/g)].map(([id]) => id)));
  expect([...ids].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)))).toEqual(
    Array.from({ length: 11 }, (_, index) => `E${index + 1}`),
  );
});
