import { execFileSync, spawn } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
/** Who may start a process that outlives it: with its reason. */
const others: { readonly [file: string]: string } = {
  "tests/mortal.ts": "here it is",
  "tests/mortal.test.ts": "to see it die",
  "tests/e2e/lost-output.test.ts": "a terminal that is closed is what is tried",
  "tests/bench/events.bench.ts": "no test",
};

describe("a process that a test starts", () => {
  it("is started as one that dies with the test, wherever it is", () => {
    const starters = globSync("tests/**/*.ts", { cwd: root }).filter((file) =>
      /import \{[^}]*\bspawn\b[^}]*\} from "node:child_process"/.test(readFileSync(join(root, file), "utf8")),
    );
    expect(starters.filter((file) => !Object.hasOwn(others, file))).toEqual([]);
  });

  it.skipIf(process.platform !== "linux")("is gone once its starter is killed (needs setpriv)", async () => {
    const script = `
      import { spawnMortal } from ${JSON.stringify(join(root, "tests/mortal.ts"))};
      const child = spawnMortal("sleep", ["600"], { stdio: "ignore" });
      process.stdout.write(String(child.pid) + "\\n");
      setInterval(() => {}, 1000);
    `;
    const starter = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = await new Promise<number>((resolve) => {
      starter.stdout.once("data", (text: Buffer) => resolve(Number(text)));
    });
    expect(execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" })).toMatch(/sleep 600/);
    const ended = new Promise((resolve) => starter.once("exit", resolve));
    starter.kill("SIGKILL");
    await ended;
    // A dead one that its new parent has not yet looked at is a zombie.
    const isThere = (): boolean =>
      existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    while (isThere()) await new Promise((resolve) => setImmediate(resolve));
  });
});
