/** The first start on a fresh checkout: what is missing is installed or named, whatever npm was told to leave out. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { emptyFolder, qts } from "./qts.ts";

const root = join(import.meta.dirname, "../..");
let folder: string;

/** A checkout of two packages, one of them for another platform, and an npm that installs what its arguments ask for. */
beforeEach(() => {
  folder = emptyFolder();
  mkdirSync(join(folder, "src"));
  mkdirSync(join(folder, "bin"));
  cpSync(join(root, "src/install.js"), join(folder, "src/install.js"));
  cpSync(join(root, "src/qts.js"), join(folder, "src/qts.js"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const packages = {
    "": {},
    "node_modules/tested": { dev: true },
    "node_modules/other": { optional: true, os: ["none"] },
    "node_modules/wasm": { optional: true },
  };
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages }));
});
const npm = (script: string): void => {
  writeFileSync(join(folder, "bin/npm"), `#!/bin/sh\necho "$@" >>"${join(folder, "asked")}"\ncd "${folder}"\n${script}\n`);
  chmodSync(join(folder, "bin/npm"), 0o755);
};
const all =
  "mkdir -p node_modules/tested && echo {} >node_modules/tested/package.json && echo {} >node_modules/.package-lock.json";
const node = (file: string, ...before: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...before, join(folder, "src", file)], {
    encoding: "utf8",
    env: { PATH: `${join(folder, "bin")}:${dirname("/bin/sh")}:/usr/bin` },
  });
  return { status, stdout, stderr };
};
/** As if this were an older Node. */
const old = (): readonly string[] => {
  writeFileSync(
    join(folder, "old.cjs"),
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.1.0" } });',
  );
  return ["--require", join(folder, "old.cjs")];
};

describe("the install before the first start", () => {
  it("says what is installed, that it is once, and asks for what a setting may leave out", () => {
    npm(all);
    const { status, stdout, stderr } = node("install.js");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toMatch(
      /^Installing what QTS needs, this once: 1 packages and its own Node, about \d+ MB in node_modules\.\n/,
    );
    const asked = readFileSync(join(folder, "asked"), "utf8");
    for (const option of ["--include=dev", "--include=optional", "--dry-run=false", "--bin-links=true", "--global=false"])
      expect(asked).toContain(option);
    expect(asked).not.toContain("ignore-scripts");
    expect(node("install.js")).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("is done again when a part of it is missing, although npm counts it as done", () => {
    mkdirSync(join(folder, "node_modules"));
    writeFileSync(join(folder, "node_modules/.package-lock.json"), "{}");
    npm(all);
    expect(node("install.js").status).toBe(0);
    expect(existsSync(join(folder, "node_modules/tested/package.json"))).toBe(true);
  });

  it("names what is still missing, and fails when npm fails, so that the next start tries again", () => {
    npm("mkdir -p node_modules && echo {} >node_modules/.package-lock.json");
    const left = node("install.js");
    expect(left.status).toBe(1);
    expect(left.stderr).toContain("qts: npm left out 1 packages (tested): unset the setting of npm that does");
    npm("echo no network >&2; exit 7");
    const failed = node("install.js");
    expect(failed.status).toBe(7);
    expect(failed.stderr).toContain("no network\nqts: what QTS needs could not be installed");
  });

  it("without install scripts, on a machine with an old Node: one sentence with the command that fetches the pinned one", () => {
    npm(all);
    const before = old();
    const { status, stderr } = node("install.js", ...before);
    expect(status).toBe(78);
    expect(stderr).toMatch(
      /qts: its own Node is missing.* Node 20\.1\.0 .*: `npm rebuild node --ignore-scripts=false` fetches it\.\n$/,
    );
    expect(node("install.js").status).toBe(0);
    expect(node("qts.js", ...before)).toMatchObject({
      status: 78,
      stderr: expect.stringContaining("its own Node is not installed; `npm rebuild node --ignore-scripts=false`"),
    });
  });
});

it("qts itself names the package that is not installed, and the command that installs it", () => {
  writeFileSync(join(folder, "src/main.ts"), 'import "tested";\n');
  expect(node("qts.js")).toMatchObject({
    status: 78,
    stderr: expect.stringMatching(/^qts cannot start.* \(tested\): `npm run install-if-needed` in .* installs it\.\n$/),
  });
});

it("keeps what was compiled beside its packages, where nobody but their owner can put anything", async () => {
  const empty = emptyFolder();
  const file = join(empty, "strategy.mjs");
  writeFileSync(
    file,
    'import module from "node:module"; export const createStrategy = 0; throw new Error("at " + module.getCompileCacheDir());',
  );
  writeFileSync(join(empty, "qts.yaml"), `execution: { strategy: ${JSON.stringify(file)} }\n`);
  const { stderr } = await qts("config", "check", "--config", join(empty, "qts.yaml"));
  expect(stderr).toContain(`at ${join(root, "node_modules/.cache/qts")}`);
});
