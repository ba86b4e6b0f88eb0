/**
 * `npm run bench [-- NAME…] [--json] [--write]`: runs the benchmarks named, or all, one after the other, and prints their
 * tables. `--write` also puts them into docs/reference/performance.md, between the markers of each benchmark.
 *
 * Figures depend on the machine and on what else it does, so the machine is named and nothing is asserted.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import type { Bench, BenchRow } from "./contract.ts";

const asMarkdown = (rows: readonly BenchRow[]): string => {
  const lines: string[] = [];
  for (const table of new Set(rows.map((row) => row.table))) {
    const own = rows.filter((row) => row.table === table);
    const columns = Object.keys(own[0] ?? {}).filter((column) => column !== "table");
    const cells = (row: BenchRow): string => `| ${columns.map((column) => String(row[column] ?? "")).join(" | ")} |`;
    lines.push(`\n${table}\n`, `| ${columns.join(" | ")} |`, `|${columns.map(() => "---").join("|")}|`, ...own.map(cells));
  }
  return lines.join("\n");
};

const page = join(import.meta.dirname, "../../docs/reference/performance.md");

/** Replaces what stands between `<!-- BEGIN MEASURED: name -->` and its end; a benchmark without markers is not on the page. */
const writeToPage = (name: string, measured: string): boolean => {
  const begin = `<!-- BEGIN MEASURED: ${name} -->`;
  const end = `<!-- END MEASURED: ${name} -->`;
  const text = readFileSync(page, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) return false;
  writeFileSync(page, `${text.slice(0, from + begin.length)}\n${measured.trim()}\n${text.slice(to)}`);
  return true;
};

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const isJson = process.argv.includes("--json");
const isWritten = process.argv.includes("--write");
const files = globSync("*.bench.ts", { cwd: import.meta.dirname }).sort();
const benches = await Promise.all(
  files.map(async (file) => ((await import(join(import.meta.dirname, file))) as { readonly bench: Bench }).bench),
);
const unknown = wanted.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(", ")}; there are: ${benches.map(({ name }) => name).join(", ")}\n`);
  process.exit(64);
}

const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}, Node ${process.versions.node}`;
const results: Record<string, readonly BenchRow[]> = {};
if (!isJson) process.stdout.write(`${machine}; load average ${loadavg()[0]?.toFixed(1)}\n`);
for (const bench of benches) {
  if (wanted.length > 0 && !wanted.includes(bench.name)) continue;
  if (!isJson) process.stdout.write(`\n${bench.name}: ${bench.describe}\n`);
  const loadBefore = loadavg()[0]?.toFixed(1);
  const rows = await bench.run();
  results[bench.name] = rows;
  const note = `Measured ${new Date().toISOString().slice(0, 10)} on ${machine}, load average ${loadBefore} before. Again: \`npm run bench -- ${bench.name}\`.`;
  if (isWritten && !writeToPage(bench.name, `${note}\n${asMarkdown(rows)}`))
    process.stderr.write(`${page} has no markers for ${bench.name}\n`);
  if (!isJson) process.stdout.write(`${asMarkdown(rows)}\n`);
}
if (isJson) process.stdout.write(`${JSON.stringify({ machine, at: new Date().toISOString(), results }, undefined, 2)}\n`);
