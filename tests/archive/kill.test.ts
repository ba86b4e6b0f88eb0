import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { command } from "#commands/archive-check.ts";
import { createRandom } from "#core/random.ts";
import { temporaryDirectory, tree } from "./setup.ts";

const run = promisify(execFile);
const recorder = join(import.meta.dirname, "recorder.ts");

interface Ended {
  readonly expected: { readonly [symbol: string]: number };
}

/** One process; undefined when it was killed. */
const record = async (directory: string, number: number, killAfter: number): Promise<Ended | undefined> => {
  try {
    const { stdout } = await run(process.execPath, [recorder, directory, String(number), String(killAfter), "30"]);
    return JSON.parse(stdout) as Ended;
  } catch (error) {
    const { signal } = error as { signal?: string };
    if (signal !== "SIGKILL") throw error;
    return undefined;
  }
};

// Some thirty processes: seconds on a quiet machine, minutes on a busy one.
it("after every kill -9 goes on where the rows end: each trade of the source is on disk exactly once (A5)", async () => {
  const seed = 20131007;
  const random = createRandom(seed);
  const directory = temporaryDirectory();
  let kills = 0;
  let ended: Ended | undefined;
  for (let number = 1; ended === undefined; number++) {
    expect(number, `seed ${seed}: the recording makes no progress`).toBeLessThan(200);
    ended = await record(directory, number, 500 + Math.floor(random() * 2500));
    if (ended === undefined) kills += 1;
  }
  expect(kills).toBeGreaterThanOrEqual(20);

  const seen = new Map<string, number>();
  const rowNumbers = new Set<number>();
  for (const [path, text] of Object.entries(tree(directory))) {
    if (!path.startsWith("scalp/") || !path.endsWith(".jsonl")) continue;
    expect(text === "" || text.endsWith("\n"), path).toBe(true);
    for (const line of text.split("\n").slice(0, -1)) {
      const { meta, context, observation } = JSON.parse(line) as {
        meta: { sequence: number };
        context: { symbol: string };
        observation: { inputs: { sequence: number } };
      };
      rowNumbers.add(meta.sequence);
      const key = `${context.symbol} ${observation.inputs.sequence}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
  }
  expect([...seen].filter(([, times]) => times !== 1)).toEqual([]);
  for (const [symbol, count] of Object.entries(ended.expected)) {
    const missing = Array.from({ length: count }, (_, index) => index + 1).filter((number) => !seen.has(`${symbol} ${number}`));
    expect(missing, `seed ${seed}, after ${kills} kills: ${symbol}`).toEqual([]);
  }
  expect(seen.size).toBe(Object.values(ended.expected).reduce((sum, count) => sum + count, 0));

  // Row numbers go on across runs without a hole.
  expect(rowNumbers.size).toBe(seen.size);
  expect(Math.max(...rowNumbers)).toBe(seen.size);

  let told = "";
  const args = [
    directory,
    "--json",
    ...Object.entries(ended.expected).flatMap(([symbol, count]) => ["--expect", `${symbol}=${count}`]),
  ];
  const exitCode = await command.run(args, {
    out: (text) => (told += text),
    err: (text) => (told += text),
    env: {},
    cwd: directory,
  });
  expect(exitCode, told).toBe(0);
  expect(JSON.parse(told)).toMatchObject({ ok: true, duplicates: 0, missing: { declared: 0, silent: 0 } });
});
