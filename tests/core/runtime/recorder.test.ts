import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { createMemoryJournal } from "#adapters/memory/journal.ts";
import type { Fact } from "#core/event/catalog.ts";
import type { JournalError } from "#core/ports.ts";
import { createRecorder } from "#core/runtime/recorder.ts";

const fact = (n: number): Fact => ({
  id: `f${n}`,
  type: "anomaly.raised",
  priority: "P0",
  at: n,
  source: "test",
  payload: { code: "AN001", reason: `number ${n}` },
});

const createSetup = () => {
  const journal = createMemoryJournal({});
  const failures: JournalError[] = [];
  const recorder = createRecorder({
    journal,
    clock: createSimulatedClock({ startAt: 0 }),
    onFailure: (error) => failures.push(error),
  });
  return { journal, recorder, failures };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the recorder", () => {
  it("numbers facts without a hole, in the order in which they were recorded", async () => {
    const { journal, recorder } = createSetup();
    for (const n of [1, 2, 3]) recorder.record(fact(n));
    expect(await recorder.whenDurable(3)).toBe(true);
    const records = [];
    for await (const record of journal.read(0)) records.push([record.seq, JSON.parse(record.body).id]);
    expect(records).toEqual([
      [1, "f1"],
      [2, "f2"],
      [3, "f3"],
    ]);
  });

  it("writes the last fact before a quiet hour without waiting for the next one", async () => {
    const { journal, recorder } = createSetup();
    recorder.record(fact(1));
    await turn();
    await turn();
    expect(journal.lastSeq).toBe(1);
    expect(recorder.pending()).toBe(0);
  });

  it("answers true for what is on disk already, and only then for what is not", async () => {
    const { recorder } = createSetup();
    recorder.record(fact(1));
    expect(recorder.pending()).toBe(1);
    expect(await recorder.whenDurable(1)).toBe(true);
    expect(recorder.pending()).toBe(0);
    expect(await recorder.whenDurable(1)).toBe(true);
  });

  it("answers false to everybody who waits when the journal refuses, once and for all, and says why once", async () => {
    const { journal, recorder, failures } = createSetup();
    journal.fail({ type: "journal.unavailable", reason: "no space left" });
    recorder.record(fact(1));
    recorder.record(fact(2));
    expect(await Promise.all([recorder.whenDurable(1), recorder.whenDurable(2)])).toEqual([false, false]);
    recorder.record(fact(3));
    expect(await recorder.whenDurable(3)).toBe(false);
    expect(failures).toEqual([{ type: "journal.unavailable", reason: "no space left" }]);
  });

  it("is refused when somebody else has appended: a stale owner writes nothing", async () => {
    const { journal, recorder, failures } = createSetup();
    await journal.append([{ seq: 1, at: 0, type: "anomaly.raised", body: "{}" }], { expectedSeq: 0 });
    recorder.record(fact(1));
    expect(await recorder.whenDurable(1)).toBe(false);
    expect(failures).toMatchObject([{ type: "journal.stale.owner" }]);
  });
});
