/** What every Journal keeps its word about, whatever it is made of. */
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Journal, JournalRecord } from "#core/ports.ts";

export interface JournalUnderTest {
  /** A journal on the same storage each time; the one before may still be open. */
  readonly open: () => Promise<Journal>;
  readonly dispose: () => Promise<void>;
}

export const record = (seq: number, body = `{"n":${seq}}`): JournalRecord => ({
  seq,
  at: 1_381_152_600_000 + seq,
  type: "order.filled",
  body,
});
export const records = (from: number, through: number): JournalRecord[] =>
  Array.from({ length: through - from + 1 }, (_, i) => record(from + i));

export const journalContract = (create: () => Promise<JournalUnderTest>): void => {
  let storage: JournalUnderTest;
  let journal: Journal;
  beforeEach(async () => {
    storage = await create();
    journal = await storage.open();
  });
  afterEach(async () => {
    await journal.close();
    await storage.dispose();
  });

  const reopen = async (): Promise<void> => {
    await journal.close();
    journal = await storage.open();
  };
  const all = (afterSeq = 0): Promise<JournalRecord[]> => Array.fromAsync(journal.read(afterSeq));

  it("is empty when it is new", async () => {
    expect(journal.lastSeq).toBe(0);
    expect(await all()).toEqual([]);
    expect(await journal.loadSnapshot()).toEqual({ ok: true, value: undefined });
  });

  it("gives back what was appended, in order and after a restart", async () => {
    expect(await journal.append(records(1, 3), { expectedSeq: 0 })).toEqual({ ok: true, value: { lastSeq: 3 } });
    expect(await journal.append([record(4)], { expectedSeq: 3 })).toEqual({ ok: true, value: { lastSeq: 4 } });
    await reopen();
    expect(journal.lastSeq).toBe(4);
    expect(await all()).toEqual(records(1, 4));
    expect(await all(2)).toEqual(records(3, 4));
    expect(await all(4)).toEqual([]);
  });

  it("serves appends that wait together, each in its order", async () => {
    const answers = await Promise.all(records(1, 200).map((one) => journal.append([one], { expectedSeq: one.seq - 1 })));
    expect(answers.map((answer) => answer.ok && answer.value.lastSeq)).toEqual(records(1, 200).map(({ seq }) => seq));
    expect(await all()).toEqual(records(1, 200));
  });

  it("keeps every text as it was given", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.json(), { minLength: 1, maxLength: 20 }), async (bodies) => {
        const from = journal.lastSeq;
        const given = bodies.map((body, i) => record(from + i + 1, body));
        await journal.append(given, { expectedSeq: from });
        expect(await all(from)).toEqual(given);
      }),
      { numRuns: 20 },
    );
  });

  it("refuses an owner who did not see the last record, and stores nothing of it", async () => {
    await journal.append(records(1, 3), { expectedSeq: 0 });
    expect(await journal.append([record(2)], { expectedSeq: 1 })).toEqual({
      ok: false,
      error: { type: "journal.stale.owner", expectedSeq: 1, actualSeq: 3 },
    });
    expect(await all()).toEqual(records(1, 3));
  });

  it("lets only one of two owners append, and tells the other", async () => {
    await journal.append(records(1, 2), { expectedSeq: 0 });
    const second = await storage.open();
    expect(await second.append([record(3)], { expectedSeq: 2 })).toMatchObject({ ok: true });
    const stale = { ok: false, error: { type: "journal.stale.owner", expectedSeq: 2, actualSeq: 3 } };
    expect(await journal.append([record(3, '{"mine":true}')], { expectedSeq: 2 })).toEqual(stale);
    expect(await journal.saveSnapshot({ seq: 2, at: 1, body: "{}" })).toEqual(stale);
    expect(await Array.fromAsync(second.read(0))).toEqual(records(1, 3));
    await second.close();
  });

  it("takes a record that does not follow its predecessor for a bug", async () => {
    await expect(journal.append([record(2)], { expectedSeq: 0 })).rejects.toThrow("record 2 was appended where 1 belongs");
  });

  it("loads the newest snapshot, also after a restart", async () => {
    await journal.append(records(1, 10), { expectedSeq: 0 });
    for (const seq of [4, 7, 9])
      expect(await journal.saveSnapshot({ seq, at: seq, body: `{"state":${seq}}` })).toEqual({ ok: true, value: undefined });
    await reopen();
    expect(await journal.loadSnapshot()).toEqual({ ok: true, value: { seq: 9, at: 9, body: '{"state":9}' } });
  });

  it("answers after it was closed, with a refusal", async () => {
    await journal.append([record(1)], { expectedSeq: 0 });
    await journal.close();
    expect(await journal.append([record(2)], { expectedSeq: 1 })).toMatchObject({
      ok: false,
      error: { type: "journal.unavailable" },
    });
    expect(await journal.saveSnapshot({ seq: 1, at: 1, body: "{}" })).toMatchObject({
      ok: false,
      error: { type: "journal.unavailable" },
    });
    await journal.close();
  });
};
