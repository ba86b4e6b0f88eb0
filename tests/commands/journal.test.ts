import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSessionJournal, type SessionJournal } from "#adapters/host/journal/sessions.ts";
import { UsageError } from "#commands/command.ts";
import { command } from "#commands/journal.ts";
import type { JournalRecord } from "#core/ports.ts";

let home: string;
let session: SessionJournal;
const open = Date.UTC(2013, 9, 7, 13, 30);

const fact = (seq: number, type: string, payload: object): JournalRecord => {
  const at = open + seq * 60_000;
  return { seq, at, type, body: JSON.stringify({ id: `f${seq}`, type, priority: "P0", at, source: "test", payload }) };
};
const facts = [
  fact(1, "order.intended", { orderId: "o-1", symbol: "SPY", quantity: 100 }),
  fact(2, "order.intended", { orderId: "o-2", symbol: "IBM", quantity: 50 }),
  fact(3, "order.filled", { orderId: "o-1", priceMinor: 1_680_000, reason: "two words" }),
  fact(4, "safety.changed", { to: "WARNING", elapsedMs: 0.0009220000065397471 }),
  fact(5, "order.canceled", { orderId: "o-2" }),
];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "qts-command-"));
  mkdirSync(join(home, "journal"));
  const opened = await openSessionJournal({ journal: join(home, "journal") });
  if (!opened.ok) throw new Error("the journal does not open", { cause: opened.error });
  session = opened.value;
  await session.journal.append(facts, { expectedSeq: 0 });
});
afterEach(async () => {
  await session.journal.close();
  rmSync(home, { recursive: true });
});

const qts = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
  let out = "";
  let err = "";
  const io = { out: (text: string) => (out += text), err: (text: string) => (err += text), env: { QTS_HOME: home }, cwd: "/" };
  const code = await command.run(args, io);
  return { code, out, err };
};
const seqs = (out: string): number[] =>
  out
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => Number(line.trim().split(" ")[0]));

describe("qts journal, while the journal is being written", () => {
  it("lists the newest facts, oldest first, one readable line each", async () => {
    const { code, out } = await qts();
    expect(code).toBe(0);
    expect(seqs(out)).toEqual([1, 2, 3, 4, 5]);
    expect(out.split("\n")[2]).toBe(
      '      3  2013-10-07 13:33:00.000  P0  order.filled  orderId=o-1 priceMinor=1680000 reason="two words"',
    );
    expect(out.split("\n")[3]).toMatch(/ to=WARNING elapsedMs=0\.000922$/);
    expect(seqs((await qts("list", "--limit", "2")).out)).toEqual([4, 5]);
  });

  it.each([
    { args: ["--order", "o-2"], found: [2, 5] },
    { args: ["--type", "order."], found: [1, 2, 3, 5] },
    { args: ["--type", "order.intended"], found: [1, 2] },
    { args: ["--type", "order"], found: [] },
    { args: ["--since", "2013-10-07T13:33"], found: [3, 4, 5] },
    { args: ["--since", "2013-10-07T09:34-04:00", "--type", "order."], found: [5] },
    { args: ["--type", "order.", "--limit", "1"], found: [5] },
    { args: ["--limit", "0"], found: [1, 2, 3, 4, 5] },
  ])("finds $found with $args", async ({ args, found }) => {
    expect(seqs((await qts("list", ...args)).out)).toEqual(found);
  });

  it("says when nothing is found, and what to do about a half name", async () => {
    expect(await qts("--order", "o-9")).toEqual({ code: 0, out: "", err: "No fact of session 0001 is of order o-9.\n" });
    expect((await qts("--type", "order")).err).toBe(
      "No fact of session 0001 is of type order; `--type order.` takes all below it.\n",
    );
    expect((await qts("--since", "2030-01-01")).err).toBe("No fact of session 0001 is from 2030-01-01T00:00:00 on.\n");
  });

  it("gives machines one JSON object per line", async () => {
    const { out } = await qts("--json", "--order", "o-1");
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { seq: 1, type: "order.intended", fact: { payload: { symbol: "SPY" } } },
      { seq: 3, type: "order.filled" },
    ]);
  });

  it("shows one fact whole", async () => {
    const { code, out } = await qts("show", "3");
    expect(code).toBe(0);
    expect(out).toContain('"priceMinor": 1680000');
    expect(JSON.parse((await qts("show", "3", "--json")).out)).toMatchObject({ seq: 3, fact: { id: "f3" } });
    expect(await qts("show", "6")).toMatchObject({ code: 1, err: "There is no record 6: the journal holds 1 to 5.\n" });
  });

  it("verifies every session and says what is whole", async () => {
    await session.journal.saveSnapshot({ seq: 4, at: 0, body: "{}" });
    await session.markEnded("the data came to its end");
    expect(await qts("verify")).toEqual({
      code: 0,
      out: "session 0001: whole; facts 1 to 5, 1 snapshots; ended: the data came to its end\n",
      err: "",
    });
  });

  it("finds damage and names the record", async () => {
    await session.journal.saveSnapshot({ seq: 4, at: 0, body: "{}" });
    const db = new DatabaseSync(session.journal.file);
    db.exec("UPDATE facts SET body = '{}' WHERE seq = 2; UPDATE snapshots SET body = 'x'");
    db.close();
    const { code, out, err } = await qts("verify");
    expect(code).toBe(1);
    expect(out).toContain("session 0001: DAMAGED");
    expect(err).toContain("damaged at record 2");
    expect(err).toContain("the snapshot at record 4 is damaged");
    expect(await qts("list", "--limit", "0")).toMatchObject({ code: 1, err: expect.stringContaining("damaged at record 2") });
    expect(JSON.parse((await qts("verify", "--json")).out)).toMatchObject({
      sessions: [{ session: "0001", problems: [expect.any(String), expect.any(String)] }],
    });
  });

  it("says where the file is", async () => {
    expect(await qts("path")).toEqual({ code: 0, out: `${join(home, "journal", "session-0001.sqlite")}\n`, err: "" });
  });

  it("leaves the writer alone: it goes on appending, and the next look sees it", async () => {
    await qts();
    await session.journal.append([fact(6, "safety.changed", { to: "NORMAL" })], { expectedSeq: 5 });
    expect(seqs((await qts("--limit", "1")).out)).toEqual([6]);
  });
});

describe("qts journal, afterwards", () => {
  it("reads a journal that was closed, and leaves no file beside it", async () => {
    await session.journal.close();
    expect(seqs((await qts()).out)).toEqual([1, 2, 3, 4, 5]);
    expect(await qts("verify")).toMatchObject({ code: 0 });
    expect(readdirSync(join(home, "journal"))).toEqual(["session-0001.sqlite"]);
  });

  it("says when there is no journal, or no such session", async () => {
    expect(await qts("--home", join(home, "nowhere"))).toMatchObject({
      code: 1,
      err: expect.stringContaining("`qts run` begins one"),
    });
    expect(await qts("--session", "7")).toMatchObject({
      code: 1,
      err: expect.stringContaining("has no session 7; there are 0001"),
    });
  });

  it.each([
    { args: ["lst"], words: "did you mean list?" },
    { args: ["show"], words: "needs the number" },
    { args: ["path", "3"], words: "does not know what to do" },
    { args: ["--since", "yesterday"], words: "must be a time like" },
    { args: ["--since", "2013-02-30"], words: "must be a time like" },
    { args: ["--limit", "-1"], words: "--limit" },
  ])("refuses $args with a sentence", async ({ args, words }) => {
    await expect(qts(...args)).rejects.toThrow(UsageError);
    await expect(qts(...args)).rejects.toThrow(words);
  });
});
