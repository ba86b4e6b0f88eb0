/** Nothing is written through what somebody has planted: links, pipes, devices and files that others may write. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { partialPath, writeFileDurably } from "#adapters/host/durable-files.ts";
import { openJournal } from "#adapters/host/journal/journal.ts";
import { acquireLease } from "#adapters/host/lease.ts";
import { holdersOf } from "#adapters/host/lock-holders.ts";
import { createLog } from "#adapters/host/log.ts";
import { createOwn, openOwn } from "#adapters/host/own-files.ts";
import { openLedger } from "#adapters/paper/ledger.ts";

let directory: string;
let file: string;
let precious: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "qts-own-"));
  file = join(directory, "file");
  precious = join(directory, "precious");
  writeFileSync(precious, "precious");
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What somebody may have put where QTS writes. */
const planted: readonly { readonly what: string; readonly plant: () => void }[] = [
  { what: "a link to a file of ours", plant: () => symlinkSync(precious, file) },
  { what: "a link to nowhere", plant: () => symlinkSync(join(directory, "new"), file) },
  { what: "a pipe", plant: () => void execFileSync("mkfifo", [file]) },
  {
    what: "a file that others may write",
    plant: () => {
      writeFileSync(file, "");
      chmodSync(file, 0o666);
    },
  },
];

/** Everything that opens a file by a name that can be known beforehand. */
const writers: readonly { readonly name: string; readonly write: (path: string) => Promise<boolean> }[] = [
  {
    name: "the maintenance log",
    write: async (path) => (await createMaintenanceFiles().appendDurably(path, "a line\n")).ok,
  },
  { name: "the paper ledger", write: async (path) => (await openLedger({ path, hold: (work) => work })).ok },
  { name: "the journal", write: async (path) => (await openJournal({ file: path })).ok },
  {
    name: "the log",
    write: async (path) => {
      const log = createLog({ level: "info", to: path });
      log.logger.info("a line");
      await log.close(100);
      return log.dropped() === 0;
    },
  },
];

describe("files of ours", () => {
  for (const { what, plant } of planted) {
    it.each(writers)(`are not written through ${what}: $name`, async ({ write }) => {
      plant();
      expect(await write(file)).toBe(false);
      expect(readFileSync(precious, "utf8")).toBe("precious");
      expect(existsSync(join(directory, "new"))).toBe(false);
    });
  }

  it("are not written through a link in the place of the lease's lock", () => {
    symlinkSync(precious, join(directory, "lock.sqlite"));
    expect(acquireLease({ home: directory, command: "qts run", now: 0 })).toMatchObject({
      ok: false,
      error: { type: "lease.unavailable" },
    });
    expect(readFileSync(precious, "utf8")).toBe("precious");
  });

  it("are made under a name that nobody can have guessed, and replace a link instead of following it", () => {
    expect(partialPath(file)).not.toBe(partialPath(file));
    symlinkSync(precious, file);
    writeFileDurably(file, Buffer.from("ours"));
    expect([readFileSync(file, "utf8"), readFileSync(precious, "utf8")]).toEqual(["ours", "precious"]);
    expect(readdirSync(directory).sort()).toEqual(["file", "precious"]);
  });

  it("are made only where nothing has the name, a hard link neither", () => {
    linkSync(precious, file);
    expect(() => createOwn(file)).toThrow("EEXIST");
    expect(readFileSync(precious, "utf8")).toBe("precious");
  });

  it("go on where they ended, and are for their owner alone", () => {
    const umask = process.umask(0);
    try {
      for (const text of ["one\n", "two\n"]) {
        const fd = openOwn(file, "append");
        writeFileSync(fd, text);
        closeSync(fd);
      }
    } finally {
      process.umask(umask);
    }
    expect(readFileSync(file, "utf8")).toBe("one\ntwo\n");
    chmodSync(file, 0o640);
    expect(() => closeSync(openOwn(file, "append"))).not.toThrow();
  });
});

describe("who holds a lock", () => {
  it("is read from the kernel's list: those that hold one of the files, not those that wait, each once", () => {
    const [, inode] = execFileSync("stat", ["-c", "%Hd %Ld %i", file.replace("file", "precious")], { encoding: "utf8" })
      .trim()
      .split(/ (?=\d+$)/) as [string, string];
    const [major, minor] = execFileSync("stat", ["-c", "%Hd %Ld", precious], { encoding: "utf8" })
      .trim()
      .split(" ")
      .map(Number) as [number, number];
    const device = [major, minor].map((part) => part.toString(16).padStart(2, "0")).join(":");
    const locks = [
      `1: POSIX  ADVISORY  READ 999999991 ${device}:${inode} 128 128`,
      `2: POSIX  ADVISORY  READ 999999991 ${device}:${inode} 129 129`,
      `2: -> POSIX  ADVISORY  WRITE 999999992 ${device}:${inode} 128 128`,
      `3: FLOCK  ADVISORY  WRITE 999999993 ${device}:1${inode} 0 EOF`,
      `4: OFDLCK ADVISORY  WRITE -1 ${device}:${inode} 0 EOF`,
      `5: POSIX  ADVISORY  WRITE ${process.pid} ${device}:${inode} 0 EOF`,
    ].join("\n");
    expect(holdersOf([precious, join(directory, "nothing")], () => locks)).toEqual([{ pid: 999999991 }]);
    expect(
      holdersOf([precious], () => {
        throw new Error("no /proc");
      }),
    ).toEqual([]);
  });
});
