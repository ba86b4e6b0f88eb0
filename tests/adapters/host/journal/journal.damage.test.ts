/**
 * A journal whose bytes were changed behind its back. A copy of the files of an open journal is what a crash leaves.
 */
import { copyFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openJournal } from "#adapters/host/journal/journal.ts";
import { inspectWal } from "#adapters/host/journal/wal.ts";
import { record, records } from "../../journal.contract.ts";
import { directory, file, open } from "./setup.ts";

const fill = async (path: string, count: number, ...snapshots: number[]): Promise<void> => {
  const journal = await open({ file: path });
  await journal.append(records(1, count), { expectedSeq: 0 });
  for (const seq of snapshots) await journal.saveSnapshot({ seq, at: seq, body: `{"state":${seq}}` });
  await journal.close();
};

const change = (sql: string): void => {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
};

describe("damage in the records", () => {
  it.each([
    { what: "a changed body", sql: "UPDATE facts SET body = '{}' WHERE seq = 7", seq: 7 },
    { what: "a changed time", sql: "UPDATE facts SET at = at + 1 WHERE seq = 3", seq: 3 },
    { what: "a changed type", sql: "UPDATE facts SET type = 'order.denied' WHERE seq = 1", seq: 1 },
    { what: "a missing record", sql: "DELETE FROM facts WHERE seq = 5", seq: 5 },
    { what: "a missing first record", sql: "DELETE FROM facts WHERE seq = 1", seq: 1 },
    { what: "a lost tail", sql: "DELETE FROM facts WHERE seq > 8", seq: 9 },
    { what: "a record that moved", sql: "UPDATE facts SET seq = 11 WHERE seq = 10", seq: 10 },
  ])("refuses to open with $what, and names record $seq", async ({ sql, seq }) => {
    await fill(file, 10);
    change(sql);
    expect(await openJournal({ file })).toMatchObject({ ok: false, error: { type: "journal.corrupt", seq } });
  });

  it("refuses a page that is not what SQLite wrote, and leaves the file as it is", async () => {
    await fill(file, 2000);
    const bytes = readFileSync(file);
    bytes.fill(0xa5, bytes.length - 8192, bytes.length - 4096);
    writeFileSync(file, bytes);
    const opened = await openJournal({ file });
    expect(opened).toMatchObject({ ok: false, error: { type: "journal.corrupt" } });
    expect(!opened.ok && opened.error.type === "journal.corrupt" && opened.error.seq).toBeGreaterThan(1);
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  it("finds any one bit that flips in a record", async () => {
    await fill(file, 300);
    const whole = readFileSync(file);
    // The row as SQLite stores it: time (6 bytes), type, body, checksum.
    const row = whole.indexOf('order.filled{"n":300}');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -6, max: 24 }), fc.integer({ min: 0, max: 7 }), async (offset, bit) => {
        const bytes = Buffer.from(whole);
        bytes[row + offset] = (bytes[row + offset] as number) ^ (1 << bit);
        writeFileSync(file, bytes);
        expect(await openJournal({ file })).toMatchObject({ ok: false, error: { type: "journal.corrupt" } });
      }),
      { numRuns: 30 },
    );
  });

  it("stops a reader at damage that appears while it is open", async () => {
    const journal = await open();
    await journal.append(records(1, 10), { expectedSeq: 0 });
    change("UPDATE facts SET body = '{}' WHERE seq = 7");
    await expect(Array.fromAsync(journal.read(0))).rejects.toMatchObject({ cause: { type: "journal.corrupt", seq: 7 } });
    expect(await Array.fromAsync(journal.read(7))).toEqual(records(8, 10));
    await journal.close();
  });

  it("does not mind damage that recovery does not need: a snapshot already includes the record", async () => {
    await fill(file, 10, 8);
    change("UPDATE facts SET body = '{}' WHERE seq = 3");
    const journal = await open();
    expect(await Array.fromAsync(journal.read(8))).toEqual(records(9, 10));
    await journal.close();
  });

  it("refuses a file that is not a journal", async () => {
    change("CREATE TABLE something (else_ TEXT)");
    expect(await openJournal({ file })).toMatchObject({
      ok: false,
      error: { type: "journal.unavailable", reason: expect.stringContaining("something else") },
    });
    writeFileSync(file, "name,price\n".repeat(1000));
    expect(await openJournal({ file })).toMatchObject({ ok: false, error: { type: "journal.corrupt" } });
  });
});

describe("damage in the snapshots", () => {
  it("falls back to the snapshot before a damaged one, and says so", async () => {
    await fill(file, 10, 5, 9);
    change("UPDATE snapshots SET body = '{\"state\":8}' WHERE seq = 9");
    const journal = await open();
    expect(await journal.loadSnapshot()).toEqual({ ok: true, value: { seq: 5, at: 5, body: '{"state":5}' } });
    expect(journal.notices).toEqual([expect.stringContaining("the snapshot at record 9")]);
    await journal.close();
  });

  it("goes back to the first record when no snapshot is whole", async () => {
    await fill(file, 10, 5, 9);
    change("UPDATE snapshots SET crc = crc + 1");
    const journal = await open();
    expect(await journal.loadSnapshot()).toEqual({ ok: true, value: undefined });
    await journal.close();
  });

  it("refuses when a snapshot knows more than the journal", async () => {
    await fill(file, 10, 9);
    change("DELETE FROM facts WHERE seq > 6; DELETE FROM meta WHERE key = 'closed'");
    expect(await openJournal({ file })).toMatchObject({ ok: false, error: { type: "journal.corrupt", seq: 7 } });
  });
});

describe("a write-ahead log after a crash", () => {
  /** Ten transactions of one record each, as they lie on the disk when the machine stops. */
  const crash = async (): Promise<string> => {
    const journal = await open({ file: join(directory, "live.sqlite") });
    for (const one of records(1, 10)) await journal.append([one], { expectedSeq: one.seq - 1 });
    copyFileSync(join(directory, "live.sqlite"), file);
    copyFileSync(join(directory, "live.sqlite-wal"), `${file}-wal`);
    await journal.close();
    return `${file}-wal`;
  };
  const frameBytes = 24 + 4096;
  const garble = (wal: string, offset: number, length = 4): void => {
    const bytes = readFileSync(wal);
    bytes.fill(0x5a, offset, offset + length);
    writeFileSync(wal, bytes);
  };

  it("has everything that was acknowledged", async () => {
    const wal = await crash();
    expect(inspectWal(wal)).toMatchObject({ type: "whole" });
    const journal = await open();
    expect(await Array.fromAsync(journal.read(0))).toEqual(records(1, 10));
    expect(journal.notices).toEqual([]);
    await journal.close();
  });

  it("cuts a transaction that was not finished, says so, and goes on after it", async () => {
    const wal = await crash();
    truncateSync(wal, statSync(wal).size - 1000);
    const journal = await open();
    expect(await Array.fromAsync(journal.read(0))).toEqual(records(1, 9));
    expect(journal.notices).toEqual([expect.stringContaining("was not finished and has been cut")]);
    expect(await journal.append([record(10)], { expectedSeq: 9 })).toMatchObject({ ok: true });
    await journal.close();
  });

  it("cuts a last transaction whose bytes are wrong", async () => {
    const wal = await crash();
    garble(wal, statSync(wal).size - 100);
    const journal = await open();
    expect(journal.lastSeq).toBe(9);
    expect(journal.notices).toHaveLength(1);
    await journal.close();
  });

  it("refuses damage before a transaction that was acknowledged, where SQLite would drop all that follows", async () => {
    const wal = await crash();
    const frames = Math.floor((statSync(wal).size - 32) / frameBytes);
    for (const frame of [0, 1, Math.floor(frames / 2), frames - 2]) {
      const whole = readFileSync(wal);
      garble(wal, 32 + frame * frameBytes + 24 + 2000);
      const garbled = readFileSync(wal);
      expect(await openJournal({ file })).toMatchObject({
        ok: false,
        error: { type: "journal.corrupt", reason: expect.stringContaining("synced") },
      });
      expect(readFileSync(wal).equals(garbled)).toBe(true);
      writeFileSync(wal, whole);
    }
  });

  it("refuses a log whose header is damaged", async () => {
    const wal = await crash();
    garble(wal, 16);
    expect(await openJournal({ file })).toMatchObject({
      ok: false,
      error: { type: "journal.corrupt", reason: expect.stringContaining("header") },
    });
  });

  it("either opens with a prefix of what was written, or refuses: at every length the log may be cut to", async () => {
    const wal = await crash();
    const whole = readFileSync(wal);
    const base = readFileSync(file);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), async (length) => {
        writeFileSync(file, base);
        writeFileSync(wal, whole.subarray(0, length));
        rmSync(`${file}-shm`, { force: true });
        const journal = await open();
        const found = await Array.fromAsync(journal.read(0));
        expect(found).toEqual(records(1, found.length));
        await journal.close();
      }),
      { numRuns: 40, examples: [[0], [31], [32], [33], [whole.length - 1]] },
    );
  });
});
