import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { type HostJournal, openJournal } from "#adapters/host/journal/journal.ts";
import { openSessionJournal, sessionsOf } from "#adapters/host/journal/sessions.ts";
import { record, records } from "../../journal.contract.ts";
import { directory, file, open } from "./setup.ts";

const openKeeping = (recordsKept: number): Promise<HostJournal> => open({ snapshotsKept: 2, recordsKept });
const rows = (sql: string): unknown[] => {
  const db = new DatabaseSync(file, { readOnly: true });
  const found = db.prepare(sql).all();
  db.close();
  return found;
};
/** Records in batches of 5000 with a snapshot after each. */
const fill = async (journal: HostJournal, through: number): Promise<void> => {
  while (journal.lastSeq < through) {
    const from = journal.lastSeq;
    await journal.append(records(from + 1, from + 5000), { expectedSeq: from });
    await journal.saveSnapshot({ seq: from + 5000, at: 0, body: `{"state":${from + 5000}}` });
  }
};
/** Housekeeping runs between requests; each question gives it a turn. */
const settle = async (journal: HostJournal, isDone: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 1000 && !isDone(); turn++) await journal.loadSnapshot();
};
const firstSeq = (): number => (rows("SELECT min(seq) AS seq FROM facts")[0] as { seq: number }).seq;

describe("a journal that runs for long", () => {
  it("keeps the newest snapshots and forgets older ones", async () => {
    const journal = await openKeeping(1_000_000);
    await fill(journal, 20_000);
    expect(rows("SELECT seq FROM snapshots ORDER BY seq")).toEqual(
      [{ seq: 15_000 }, { seq: 20_000 }].map((row) => Object.assign(Object.create(null), row)),
    );
    await journal.close();
  });

  it("keeps records that no snapshot needs as long as there are not more than recordsKept", async () => {
    const journal = await openKeeping(20_000);
    await fill(journal, 20_000);
    await settle(journal, () => firstSeq() > 1);
    expect(firstSeq()).toBe(1);
    await journal.close();
  });

  it("removes records that neither the kept snapshots nor recordsKept need, and starts from what is left", async () => {
    const journal = await openKeeping(1000);
    await fill(journal, 40_000);
    await settle(journal, () => firstSeq() === 35_001);
    expect(firstSeq()).toBe(35_001);
    await journal.close();
    const reopened = await openKeeping(1000);
    expect(reopened.lastSeq).toBe(40_000);
    expect(await reopened.loadSnapshot()).toMatchObject({ ok: true, value: { seq: 40_000 } });
    expect((await Array.fromAsync(reopened.read(35_000))).length).toBe(5000);
    await expect(Array.fromAsync(reopened.read(0))).rejects.toMatchObject({
      cause: { type: "journal.corrupt", seq: 1, reason: expect.stringContaining("removed") },
    });
    await reopened.close();
  });

  it("uses the room of removed records again: 200,000 need less than 50,000 that all stay", async () => {
    const unbounded = await openKeeping(1_000_000);
    await fill(unbounded, 50_000);
    await unbounded.close();
    const sizeOfAll = statSync(file).size;
    rmSync(file);
    const journal = await openKeeping(1000);
    for (let through = 20_000; through <= 200_000; through += 20_000) {
      await fill(journal, through);
      await settle(journal, () => firstSeq() === through - 4999);
    }
    await journal.close();
    expect(statSync(file).size).toBeLessThan(sizeOfAll);
  });

  it("refuses to start when its records were removed and every snapshot is damaged", async () => {
    const journal = await openKeeping(1000);
    await fill(journal, 20_000);
    await settle(journal, () => firstSeq() > 1);
    await journal.close();
    const db = new DatabaseSync(file);
    db.exec("UPDATE snapshots SET body = 'x'");
    db.close();
    expect(await openJournal({ file })).toMatchObject({
      ok: false,
      error: { type: "journal.corrupt", reason: expect.stringContaining("no snapshot can be read") },
    });
  });

  it("reads many records in order while appends go on, up to the last one there was at the beginning", async () => {
    const journal = await openKeeping(1_000_000);
    const count = 100_000;
    for (let from = 0; from < count; from += 10_000)
      await journal.append(records(from + 1, from + 10_000), { expectedSeq: from });
    let expected = 0;
    for await (const { seq } of journal.read(0)) {
      expected += 1;
      if (seq !== expected) throw new Error(`record ${seq} came where ${expected} belongs`);
      if (seq % 5000 === 0) await journal.append([record(journal.lastSeq + 1)], { expectedSeq: journal.lastSeq });
    }
    expect(expected).toBe(count);
    expect(journal.lastSeq).toBe(count + 20);
    await journal.close();
  });
});

describe("the journals of a home", () => {
  const openSession = async (options?: { readonly fresh?: boolean }) => {
    const opened = await openSessionJournal({ journal: directory }, options);
    if (!opened.ok) throw new Error("the session does not open", { cause: opened.error });
    return opened.value;
  };

  it("begins with session 0001", async () => {
    expect(sessionsOf({ journal: join(directory, "absent") })).toEqual([]);
    const { journal, session, continued } = await openSession();
    expect({ session, continued }).toEqual({ session: "0001", continued: false });
    await journal.close();
    expect(sessionsOf({ journal: directory })).toEqual([{ session: "0001", file: join(directory, "session-0001.sqlite") }]);
  });

  it("goes on with a session that was interrupted (O14)", async () => {
    const first = await openSession();
    await first.journal.append([record(1)], { expectedSeq: 0 });
    await first.journal.close();
    const second = await openSession();
    expect(second).toMatchObject({ session: "0001", continued: true });
    expect(second.journal.lastSeq).toBe(1);
    await second.journal.close();
  });

  it("begins a new session after one that came to its end", async () => {
    const first = await openSession();
    await first.journal.append([record(1)], { expectedSeq: 0 });
    expect(await first.markEnded("the data came to its end")).toEqual({ ok: true, value: undefined });
    await first.journal.close();
    const second = await openSession();
    expect(second).toMatchObject({ session: "0002", continued: false });
    expect(second.journal.lastSeq).toBe(0);
    await second.journal.close();
    expect(sessionsOf({ journal: directory }).map(({ session }) => session)).toEqual(["0001", "0002"]);
  });

  it("begins a new session when a fresh one is asked for, even beside a damaged one", async () => {
    const first = await openSession();
    await first.journal.append(records(1, 3), { expectedSeq: 0 });
    await first.journal.close();
    const db = new DatabaseSync(first.journal.file);
    db.exec("UPDATE facts SET body = 'x'");
    db.close();
    expect(await openSessionJournal({ journal: directory })).toMatchObject({
      ok: false,
      error: { type: "journal.corrupt", seq: 1 },
    });
    const fresh = await openSession({ fresh: true });
    expect(fresh).toMatchObject({ session: "0002", continued: false });
    await fresh.journal.close();
  });

  it("takes session 10000 for newer than 9999", async () => {
    for (const session of ["9999", "10000"]) {
      const opened = await openJournal({ file: join(directory, `session-${session}.sqlite`) });
      if (opened.ok) await opened.value.close();
    }
    const { journal, session } = await openSession();
    expect(session).toBe("10000");
    await journal.close();
  });
});
