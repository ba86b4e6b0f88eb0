import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createArchiveFiles } from "#adapters/host/archive-files.ts";
import { type HomeProblem, openHome } from "#adapters/host/home.ts";
import { openJournal } from "#adapters/host/journal/journal.ts";
import { acquireLease } from "#adapters/host/lease.ts";
import { createLog } from "#adapters/host/log.ts";
import { openLedger } from "#adapters/paper/ledger.ts";
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

  it("is its owner's alone, folders and files, whatever the umask", async () => {
    const umask = process.umask(0);
    try {
      openHome(home);
      const lease = acquireLease({ home, command: "qts run", now: 0 });
      const journal = await openJournal({ file: join(home, "journal", "session-0001.sqlite") });
      const ledger = await openLedger({ path: join(home, "paper", "session-0001.jsonl"), hold: (work) => work });
      const log = createLog({ level: "info", to: join(home, "ops", "logs", "qts.log") });
      log.logger.info("a line");
      const segment = await createArchiveFiles().create(join(home, "config", "observer", "a", "b.jsonl"));
      const modes = readdirSync(home, { recursive: true, encoding: "utf8" }).map((path) => {
        const { mode } = statSync(join(home, path));
        return (mode & 0o777) === (statSync(join(home, path)).isDirectory() ? 0o700 : 0o600) ? "" : `${path} ${mode.toString(8)}`;
      });
      await log.close();
      if (lease.ok) await lease.value.release();
      if (journal.ok) await journal.value.close();
      if (ledger.ok) await ledger.value.ledger.close();
      if (segment.ok) await segment.value.close();
      expect(modes.filter((problem) => problem !== "")).toEqual([]);
      expect(modes.length).toBeGreaterThan(15);
    } finally {
      process.umask(umask);
    }
  });

  it("of an earlier QTS, open to whoever passes by, is shut at the next start", () => {
    openHome(home);
    writeFileSync(join(home, "journal", "session-0001.sqlite"), "");
    for (const path of ["", "control", "journal"]) chmodSync(join(home, path), 0o755);
    chmodSync(join(home, "journal", "session-0001.sqlite"), 0o644);
    expect(openHome(home)).toMatchObject({ ok: true });
    const modes = ["", "control", "journal", "journal/session-0001.sqlite"].map(
      (path) => statSync(join(home, path)).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o700, 0o700, 0o600]);
  });

  it("of an earlier QTS under umask 002, writable by its user's own group, is shut too; by another group, it is refused", () => {
    openHome(home);
    const journal = join(home, "journal");
    chmodSync(journal, 0o775);
    const isOwnGroup = statSync(journal).gid === statSync(journal).uid;
    if (isOwnGroup) {
      expect(openHome(home)).toMatchObject({ ok: true });
      expect(statSync(journal).mode & 0o777).toBe(0o700);
    }
    if (isOwnGroup && process.geteuid?.() !== 0) return;
    if (isOwnGroup) chownSync(journal, 0, 65534);
    chmodSync(journal, 0o775);
    expect(problemOf(home).problem).toContain("may be written by others (mode 0775)");
  });

  it.each(["", "control", "journal", "lock.sqlite", "journal/session-0001.sqlite", "ops/logs/qts.log"])(
    "is refused while others may write its %j, with the remedy, and stays as it was found",
    (path) => {
      openHome(home);
      for (const name of ["lock.sqlite", "journal/session-0001.sqlite", "ops/logs/qts.log"]) writeFileSync(join(home, name), "");
      for (const mode of [0o722, 0o602]) {
        chmodSync(join(home, path), mode);
        expect(problemOf(home).problem).toContain(`may be written by others (mode 0${mode.toString(8)}): chmod -R go-w`);
        expect(statSync(join(home, path)).mode & 0o777).toBe(mode);
      }
    },
  );

  it.skipIf(process.geteuid?.() !== 0)("is refused when it belongs to somebody else (needs root, to give it away)", () => {
    openHome(home);
    chownSync(join(home, "control"), 65534, 65534);
    expect(problemOf(home).problem).toContain(`${join(home, "control")} belongs to uid 65534, and QTS runs as`);
  });

  it("is refused below a folder in which everybody may put another in its place", () => {
    openHome(home);
    chmodSync(directory, 0o777);
    expect(problemOf(home).problem).toContain(`${directory} may be written by everybody (mode 0777)`);
    chmodSync(directory, 0o1777);
    expect(openHome(home)).toMatchObject({ ok: true });
  });

  it("keeps a kill switch of whoever made it, and a person's own files as they are", () => {
    openHome(home);
    writeFileSync(join(home, "KILL"), "stop");
    chmodSync(join(home, "KILL"), 0o666);
    writeFileSync(join(home, "notes.txt"), "mine");
    chmodSync(join(home, "notes.txt"), 0o664);
    expect(openHome(home)).toMatchObject({ ok: true });
    expect(statSync(join(home, "notes.txt")).mode & 0o777).toBe(0o664);
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
    run("mount", "-t", "tmpfs", "-o", `size=64k,mode=0700,${options}`, "tmpfs", home);
    try {
      expect(problemOf(home).problem).toContain(words);
      expect(readdirSync(home)).toEqual([]);
    } finally {
      run("umount", home);
    }
  });

  it.skipIf(cannotMount)("is refused on a full disk (needs root, to mount a tmpfs)", () => {
    mkdirSync(home);
    run("mount", "-t", "tmpfs", "-o", "size=8k,mode=0700", "tmpfs", home);
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
