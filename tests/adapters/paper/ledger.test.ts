import { appendFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Ledger, type OpenedLedger, openLedger } from "#adapters/paper/ledger.ts";
import { readLedger } from "#adapters/paper/oracle.ts";
import { scratch } from "./world.ts";

const opening = { type: "opened", at: 1, version: 1, seed: 7, cashMinor: 1000, positions: {} } as const;
const duplicate = (orderId: string) => ({ type: "duplicated", at: 2, orderId }) as const;

const open = async (path: string): Promise<OpenedLedger> => {
  const opened = await openLedger({ path, hold: (work) => work });
  if (!opened.ok) throw new Error(opened.error.reason);
  return opened.value;
};
const path = (): string => join(scratch(), "paper", "session-0001.jsonl");

const begun = async (at: string): Promise<Ledger> => {
  const { ledger } = await open(at);
  ledger.append(opening);
  for (const orderId of ["a", "b", "c"]) ledger.append(duplicate(orderId));
  await ledger.flushed();
  return ledger;
};

describe("the paper ledger", () => {
  it("numbers its records from 1 and gives them back when it is opened again", async () => {
    const at = path();
    await (await begun(at)).close();
    const { history, ledger } = await open(at);
    expect(history.map(({ n, type }) => [n, type])).toEqual([
      [1, "opened"],
      [2, "duplicated"],
      [3, "duplicated"],
      [4, "duplicated"],
    ]);
    expect(ledger.append(duplicate("d")).n).toBe(5);
    await ledger.close();
  });

  it("counts a record as durable only after it was flushed", async () => {
    const { ledger } = await open(path());
    ledger.append(opening);
    expect(ledger.durableN).toBe(0);
    await ledger.flushed();
    expect(ledger.durableN).toBe(1);
    await ledger.close();
  });

  it("lets market time stand still from the first record of a burst until all of it is durable", async () => {
    const held: Promise<unknown>[] = [];
    const hold = <T>(work: Promise<T>): Promise<T> => {
      held.push(work);
      return work;
    };
    const opened = await openLedger({ path: path(), hold });
    if (!opened.ok) throw new Error(opened.error.reason);
    const { ledger } = opened.value;
    ledger.append(opening);
    ledger.append(duplicate("a"));
    expect(held).toHaveLength(1);
    await held[0];
    expect(ledger.durableN).toBe(2);
    await ledger.close();
  });

  it("cuts a torn tail when it is opened, says how much, and goes on behind the last whole record", async () => {
    const at = path();
    await (await begun(at)).close();
    const whole = readFileSync(at);
    const lastLineBytes = whole.length - 1 - whole.lastIndexOf("\n", whole.length - 2);
    for (let cut = 1; cut < lastLineBytes; cut += 1) {
      writeFileSync(at, whole);
      truncateSync(at, whole.length - cut);
      const { history, tornBytes, ledger } = await open(at);
      expect(history).toHaveLength(3);
      expect(tornBytes).toBe(lastLineBytes - cut);
      ledger.append(duplicate("again"));
      await ledger.close();
      expect(readLedger(at)).toMatchObject({ duplicateSubmits: ["a", "b", "again"], tornBytes: 0, damage: undefined });
    }
  });

  it("takes a last line of garbage for a torn tail as well", async () => {
    const at = path();
    await (await begun(at)).close();
    appendFileSync(at, `{"n":5,"at":3,"type":"duplicated","ord${"\u0000".repeat(500)}\n`);
    const { history, tornBytes, ledger } = await open(at);
    expect(history).toHaveLength(4);
    expect(tornBytes).toBeGreaterThan(500);
    ledger.append(duplicate("d"));
    await ledger.close();
    expect(readLedger(at)).toMatchObject({ duplicateSubmits: ["a", "b", "c", "d"], tornBytes: 0, damage: undefined });
  });

  it("refuses to open over damage in the middle, and leaves the file as it is", async () => {
    const at = path();
    await (await begun(at)).close();
    const lines = readFileSync(at, "utf8").split("\n");
    for (const [line, damaged] of [
      [2, "{}"],
      [2, lines[2] ?? ""],
      [3, ""],
    ] as const) {
      const text = lines.map((given, index) => (index === line - 1 ? damaged : given)).join("\n");
      writeFileSync(at, text);
      const opened = await openLedger({ path: at, hold: (work) => work });
      expect(opened).toMatchObject({ ok: false, error: { type: "ledger.corrupt", line } });
      expect(readFileSync(at, "utf8")).toBe(text);
      expect(readLedger(at).damage).toContain(`line ${line}`);
    }
  });

  it("says in one sentence when the file cannot be used", async () => {
    const at = path();
    mkdirSync(at, { recursive: true });
    const opened = await openLedger({ path: at, hold: (work) => work });
    expect(opened).toMatchObject({ ok: false, error: { type: "ledger.unavailable" } });
    expect(!opened.ok && opened.error.reason).toContain(at);
  });

  it("records nothing more after a write has failed, and says why", async () => {
    const at = path();
    const ledger = await begun(at);
    await ledger.close();
    ledger.append(duplicate("lost"));
    await ledger.flushed();
    expect(ledger.failure).toMatchObject({ type: "ledger.unavailable" });
    expect(ledger.durableN).toBe(4);
    expect(readLedger(at).records).toHaveLength(4);
  });
});
