/** Disks and threads that fail: every wait ends, nothing acknowledged is lost, and the sentence says what to do. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { openJournal } from "#adapters/host/journal/journal.ts";
import { openStore } from "#adapters/host/journal/store.ts";
import { spawnMortal } from "../../../mortal.ts";
import { record, records } from "../../journal.contract.ts";
import { runAppender } from "../appender.ts";
import { cannotCutPower, cannotMount, cannotTrace, run } from "../privilege.ts";
import { directory, file, open } from "./setup.ts";

/** Reads the journal back and proves that it holds everything that was acknowledged. */
const expectWhole = async (path: string, acknowledged: number): Promise<void> => {
  const journal = await open({ file: path });
  expect(journal.lastSeq).toBeGreaterThanOrEqual(acknowledged);
  expect((await Array.fromAsync(journal.read(0))).map(({ seq }) => seq)).toEqual(
    records(1, journal.lastSeq).map(({ seq }) => seq),
  );
  await journal.close();
};
const unavailable = (words: string): object => ({
  ok: false,
  error: { type: "journal.unavailable", reason: expect.stringContaining(words) },
});

describe("the journal's thread", () => {
  it("ends every wait when it dies, and refuses from then on", async () => {
    let thread: Worker | undefined;
    const journal = await open({
      start: (workerData) => {
        thread = new Worker(new URL("../../../../src/adapters/host/journal/journal.worker.ts", import.meta.url), {
          workerData,
          execArgv: [],
        });
        return thread;
      },
    });
    await journal.append([record(1)], { expectedSeq: 0 });
    const waiting = records(2, 2000).map((one) => journal.append([one], { expectedSeq: one.seq - 1 }));
    await thread?.terminate();
    const answers = await Promise.all(waiting);
    expect(answers.at(-1)).toMatchObject(unavailable("the journal's thread is gone"));
    expect(await journal.saveSnapshot({ seq: 1, at: 1, body: "{}" })).toMatchObject({ ok: false });
    await journal.close();
    await expectWhole(file, 1 + answers.filter(({ ok }) => ok).length);
  });

  const pretending = (script: string) => (): Worker =>
    new Worker(
      `const { parentPort } = require("node:worker_threads");
      parentPort.postMessage([[0, { ok: true, value: { lastSeq: 0, ended: undefined, notices: [] } }]]);
      parentPort.on("message", (request) => { ${script} });`,
      { eval: true, execArgv: [] },
    );

  it("is not waited for when its disk never answers", async () => {
    const journal = await open({ deadlineMs: 50, start: pretending("") });
    expect(await journal.append([record(1)], { expectedSeq: 0 })).toMatchObject(unavailable("has not answered for 0.05 s"));
    expect(await journal.append([record(1)], { expectedSeq: 0 })).toMatchObject(unavailable("has not answered"));
    await journal.close();
  });

  it("says what it failed of", async () => {
    const journal = await open({ start: pretending("throw new Error('out of luck')") });
    expect(await journal.append([record(1)], { expectedSeq: 0 })).toMatchObject(unavailable("out of luck"));
    await journal.close();
  });
});

describe("the journal's disk", () => {
  let mounted: string | undefined;
  let image: string | undefined;
  afterEach(() => {
    if (mounted !== undefined) run("umount", "-l", mounted);
    if (image !== undefined) rmSync(image, { recursive: true });
    mounted = image = undefined;
  });
  const mount = (...args: readonly string[]): string => {
    run("mount", ...args, directory);
    mounted = directory;
    return join(directory, "journal.sqlite");
  };

  it("cannot be opened: the sentence names the file and the remedy", async () => {
    const missing = join(directory, "nowhere", "journal.sqlite");
    expect(await openJournal({ file: missing })).toMatchObject(unavailable(missing));
    expect(await openJournal({ file: missing })).toMatchObject(unavailable("check that its directory exists"));
  });

  it("is held by another process: appends wait, the holder is named, and all of it is written once it is free", async () => {
    const journal = await open();
    await journal.append([record(1)], { expectedSeq: 0 });
    const script = `const { DatabaseSync } = require("node:sqlite");
      const db = new DatabaseSync(process.argv[1]);
      db.exec("BEGIN IMMEDIATE");
      process.stdout.write("held");
      process.stdin.once("data", () => process.exit());`;
    const holder = spawnMortal(process.execPath, ["-e", script, file], { stdio: ["pipe", "pipe", "inherit"] });
    await once(holder.stdout, "data");
    const told: (string | undefined)[] = [];
    const said = Promise.withResolvers<void>();
    journal.onBusy?.((reason) => {
      told.push(reason);
      said.resolve();
    });
    const appends = [journal.append([record(2)], { expectedSeq: 1 }), journal.append([record(3)], { expectedSeq: 2 })];
    const snapshot = journal.saveSnapshot({ seq: 3, at: 3, body: "{}" });
    await said.promise;
    expect(told[0]).toContain(
      process.platform === "linux" ? `${file} is held by process ${holder.pid} (` : "is held by another process",
    );
    holder.stdin.end("go");
    expect(await Promise.all([...appends, snapshot])).toMatchObject([
      { ok: true },
      { ok: true, value: { lastSeq: 3 } },
      { ok: true },
    ]);
    expect(told.at(-1)).toBeUndefined();
    await journal.close();
    await expectWhole(file, 3);
  });

  it("is held for longer than anybody waits: refuses, and names the holder's file and the remedy", async () => {
    const journal = await open({ busyMsMax: 1 });
    const other = new DatabaseSync(file);
    other.exec("BEGIN IMMEDIATE");
    expect(await journal.append([record(1)], { expectedSeq: 0 })).toMatchObject(unavailable("end the program that holds it"));
    other.close();
    await journal.close();
  });

  it.each(["", "-wal"])("has lost the file%s: what would go nowhere is refused, and the sentence says why", async (suffix) => {
    const journal = await open();
    expect(await journal.append([record(1)], { expectedSeq: 0 })).toMatchObject({ ok: true });
    rmSync(`${file}${suffix}`);
    const refused = unavailable("it was deleted or replaced while it was in use");
    expect(await journal.append([record(2)], { expectedSeq: 1 })).toMatchObject(refused);
    writeFileSync(`${file}${suffix}`, "");
    expect(await journal.append([record(2)], { expectedSeq: 1 })).toMatchObject(refused);
    await journal.close();
  });

  it.skipIf(cannotMount)(
    "is full: what was acknowledged is kept, the rest is refused (needs root, to mount a small tmpfs)",
    async () => {
      const path = mount("-t", "tmpfs", "-o", "size=1m", "tmpfs");
      const journal = await open({ file: path });
      const body = JSON.stringify("x".repeat(2000));
      let acknowledged = 0;
      for (;;) {
        const appended = await journal.append([record(acknowledged + 1, body)], { expectedSeq: acknowledged });
        if (!appended.ok) {
          expect(appended).toMatchObject(unavailable("the disk is full; make room"));
          break;
        }
        acknowledged = appended.value.lastSeq;
      }
      expect(acknowledged).toBeGreaterThan(50);
      run("mount", "-o", "remount,size=8m", directory);
      // Nobody knows what a failed write left behind, so this owner stays refused although there is room again.
      expect(await journal.append([record(acknowledged + 1)], { expectedSeq: acknowledged })).toMatchObject(
        unavailable("the disk is full"),
      );
      await journal.close();
      await expectWhole(path, acknowledged);
    },
  );

  it.skipIf(cannotMount)(
    "is read-only: refuses to open, and can still be read by a person (needs root, to mount a tmpfs)",
    async () => {
      const path = mount("-t", "tmpfs", "-o", "size=8m", "tmpfs");
      const journal = await open({ file: path });
      await journal.append(records(1, 3), { expectedSeq: 0 });
      await journal.close();
      run("mount", "-o", "remount,ro", directory);
      expect(await openJournal({ file: path })).toMatchObject(unavailable("is not on a read-only disk"));
      const store = openStore(path, { readOnly: true });
      expect(store.chunk(0, store.lastSeq)).toMatchObject({ ok: true, value: { at: records(1, 3).map(({ at }) => at) } });
      store.close();
    },
  );

  it.skipIf(cannotTrace).each([1, 3, 40])(
    "answers a sync with an I/O error, at sync %i and after: refuses, and keeps what was acknowledged (needs strace)",
    async (when) => {
      const wrap = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        `inject=fsync,fdatasync:error=EIO:when=${when}+`,
      ];
      const { acknowledged, refused } = await runAppender(file, { wrap });
      expect(refused).toMatchObject({
        type: "journal.unavailable",
        reason: expect.stringContaining("the disk answered with an I/O error"),
      });
      await expectWhole(file, acknowledged);
    },
  );

  it.skipIf(cannotCutPower)(
    "loses its power: everything acknowledged was on the disk (needs root, losetup, mkfs.ext4 and python3, to shut a file system down)",
    async () => {
      image = mkdtempSync(join(tmpdir(), "qts-power-"));
      const disk = join(image, "disk.img");
      run("truncate", "-s", "64M", disk);
      run("mkfs.ext4", "-q", disk);
      const path = mount("-o", "loop", disk);
      // EXT4_IOC_SHUTDOWN without flushing: all that was not synced is gone, as after a power cut.
      const cut = `import fcntl, os, struct; fcntl.ioctl(os.open(${JSON.stringify(directory)}, os.O_RDONLY), 0x8004587d, struct.pack("I", 2))`;
      // The process refuses, or dies of its memory map; either way nothing is acknowledged any more.
      const { acknowledged } = await runAppender(path, {
        onLine: (lines) => {
          if (lines === 200) run("python3", "-c", cut);
        },
      });
      expect(acknowledged).toBeGreaterThan(200);
      run("umount", directory);
      mount("-o", "loop", disk);
      await expectWhole(path, acknowledged);
    },
  );
});
