import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HomeProblem, openHome } from "#adapters/host/home.ts";
import { cannotMount, cannotProtect, run } from "./privilege.ts";

let directory: string;
let home: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "qts-home-"));
  home = join(directory, "var");
});
afterEach(() => rmSync(directory, { recursive: true }));

const problemOf = (path: string): HomeProblem => {
  const opened = openHome(path);
  if (opened.ok) throw new Error(`${path} was accepted`);
  expect(opened.error.type).toBe("home.unusable");
  return opened.error;
};
const listing = (): string[] => readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();

describe("a home", () => {
  it("is created with every directory of the contract, and nothing else", () => {
    const opened = openHome(home);
    expect(opened).toMatchObject({
      ok: true,
      value: { path: home, archive: join(home, "config", "observer"), maintenanceLogs: join(home, "ops", "logs", "maintenance") },
    });
    expect(listing().map((path) => path.slice("var".length + 1))).toEqual([
      "",
      "backup",
      "config",
      "config/observer",
      "control",
      "journal",
      "ops",
      "ops/logs",
      "ops/logs/maintenance",
      "paper",
    ]);
    expect(statSync(join(home, "control")).mode & 0o777).toBe(0o700);
  });

  it("is taken as it is when it exists, and keeps what lies in it", () => {
    openHome(home);
    writeFileSync(join(home, "journal", "kept"), "kept");
    expect(openHome(home)).toMatchObject({ ok: true });
    expect(existsSync(join(home, "journal", "kept"))).toBe(true);
  });

  it("is not created under a parent that does not exist", () => {
    const { path, problem } = problemOf(join(directory, "mistyped", "var"));
    expect(path).toBe(join(directory, "mistyped"));
    expect(problem).toContain(`mkdir -p ${path}`);
    expect(listing()).toEqual([]);
  });

  it("is refused where a file lies, and the file stays", () => {
    writeFileSync(home, "mine");
    expect(problemOf(home).problem).toBe(
      `${home} is a file, and QTS needs a directory there; move it away or give another --home.`,
    );
    expect(listing()).toEqual(["var"]);
  });

  it("is refused where one of its directories is a file, with everything that was created removed again", () => {
    mkdirSync(home);
    writeFileSync(join(home, "ops"), "mine");
    expect(problemOf(home).path).toBe(join(home, "ops"));
    expect(listing()).toEqual(["var", "var/ops"]);
  });

  it("is refused behind a symbolic link that leads nowhere", () => {
    symlinkSync(join(directory, "nowhere"), home);
    expect(problemOf(home).problem).toContain("symbolic link");
  });

  it("names the owner, the mode and the user when it may not be written", () => {
    mkdirSync(home, { mode: 0o555 });
    const opened = asNobody(() => openHome(home));
    expect(opened).toMatchObject({ ok: false, error: { path: home } });
    const problem = opened.ok ? "" : opened.error.problem;
    expect(problem).toContain(`${home} belongs to uid ${statSync(home).uid} with mode 0555, and QTS runs as`);
    expect(problem).toContain("chown");
    expect(listing()).toEqual(["var"]);
  });

  it.skipIf(cannotMount).each([
    { what: "on a read-only file system", options: "ro", words: "read-only file system" },
    { what: "on a file system without inodes", options: "nr_inodes=3", words: "out of inodes" },
  ])("is refused $what (needs root, to mount a tmpfs)", ({ options, words }) => {
    mkdirSync(home);
    run("mount", "-t", "tmpfs", "-o", `size=64k,${options}`, "tmpfs", home);
    try {
      expect(problemOf(home).problem).toContain(words);
      expect(readdirSync(home)).toEqual([]);
    } finally {
      run("umount", home);
    }
  });

  it.skipIf(cannotMount)("is refused on a full disk (needs root, to mount a tmpfs)", () => {
    mkdirSync(home);
    run("mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", home);
    try {
      writeFileSync(join(home, "ballast"), Buffer.alloc(8192));
      expect(problemOf(home).problem).toContain("the disk is full");
      expect(readdirSync(home)).toEqual(["ballast"]);
    } finally {
      run("umount", home);
    }
  });

  it.skipIf(cannotProtect)("is refused when it is immutable (needs root and chattr)", () => {
    openHome(home);
    run("chattr", "+i", join(home, "journal"));
    try {
      expect(problemOf(home).problem).toContain("chattr -i");
    } finally {
      run("chattr", "-i", join(home, "journal"));
    }
  });
});

/** Root may write everywhere; permissions are tried as the user nobody. The directory above must let nobody pass. */
const asNobody = <T>(work: () => T): T => {
  if (process.geteuid?.() !== 0) return work();
  run("chmod", "755", directory);
  process.seteuid?.(65534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
};
