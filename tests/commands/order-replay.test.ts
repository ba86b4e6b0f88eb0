import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { command } from "#commands/order-replay.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "qts-order-replay-"));
});
afterEach(() => rm(folder, { recursive: true }));

const run = async (text: string, ...args: string[]) => {
  await writeFile(join(folder, "facts.jsonl"), text);
  const [out, err]: [string[], string[]] = [[], []];
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line), env: {}, cwd: folder };
  const exit = await command.run(["facts.jsonl", ...args], io);
  return { exit, out: out.join(""), err: err.join("") };
};
const wish = { orderId: "o1", symbol: "SPY", side: "buy", orderType: "limit", quantity: 10, limitPriceMinor: 100, strategy: "s" };
const flat = (type: string, at: number, fields: object): string => JSON.stringify({ type, at, ...fields });
const whole = (type: string, at: number, payload: object): string =>
  JSON.stringify({ id: "x", type, priority: "P0", at, source: "test", payload });
const lines = [
  flat("order.intended", 1, wish),
  whole("order.approved", 2, { orderId: "o1", epoch: 1 }),
  "",
  flat("order.submitted", 3, { orderId: "o1", brokerOrderId: "B1" }),
  flat("order.partially.filled", 4, { orderId: "o1", fillId: "f1", quantity: 3, priceMinor: 100 }),
  flat("order.partially.filled", 5, { orderId: "o1", fillId: "f1", quantity: 3, priceMinor: 100 }),
  flat("order.cancel.requested", 6, { orderId: "o1" }),
  flat("order.filled", 7, { orderId: "o2", fillId: "f9", quantity: 1, priceMinor: 100 }),
];

describe("qts order replay", () => {
  it("prints one JSON object per fact, with status, quantities, average price, pending request and refusal (O15)", async () => {
    const { exit, out } = await run(lines.join("\n"), "--json");
    expect(exit).toBe(0);
    const rows = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(
      rows.map(({ line, status, cumulative, leaves, averagePrice, pending, refusalCode }) => [
        line,
        status,
        cumulative,
        leaves,
        averagePrice,
        pending,
        refusalCode,
      ]),
    ).toEqual([
      [1, "initialized", 0, 10, null, null, null],
      [2, "submitting", 0, 10, null, null, null],
      [4, "submitted", 0, 10, null, null, null],
      [5, "partiallyFilled", 3, 7, 100, null, null],
      [6, "partiallyFilled", 3, 7, 100, null, "duplicate"],
      [7, "pendingCancel", 3, 7, 100, "cancel", null],
      [8, null, null, null, null, null, "order.not.here"],
    ]);
    expect(rows[4].refused).toBe("The same report came before. Fill f1.");
    expect(rows[0]).toMatchObject({ at: 1, type: "order.intended", order: "o1", ordered: 10, refused: null });
  });

  it("reads files with a byte order mark and CRLF", async () => {
    const { exit, out } = await run(`\uFEFF${lines.join("\r\n")}\r\n`);
    expect(exit).toBe(0);
    expect(out).toBe((await run(lines.join("\n"))).out);
  });

  it("reads a flat deadline, whose id is its own and not the fact's", async () => {
    const unknown = flat("order.submit.unknown", 3, { orderId: "o1", reason: "time-out" });
    const due = flat("timer.due", 120_003, { id: "order.unknown:o1", dueAt: 120_003 });
    const { exit, out } = await run([...lines.slice(0, 2), unknown, due].join("\n"));
    expect(exit).toBe(0);
    expect(out).toMatch(/4 timer\.due +o1 +unknown/);
  });

  it("prints the same as text", async () => {
    const { out } = await run(lines.join("\n"));
    const text = out.trimEnd().split("\n");
    expect(text).toHaveLength(7);
    expect(text[4]).toMatch(
      /6 order\.partially\.filled +o1 +partiallyFilled +cumulative 3 +leaves 7 +average 100 +pending - +refused duplicate: The same report/,
    );
    expect(text[5]).toMatch(/pending cancel$/);
  });

  test.each(["2024-11-03T01:30:00", "2024-11-03T01:30", "2024-11-03 01:30:00.000Z", "2024-11-02T20:30:00-05:00"])(
    "reads the time %s as `qts operating replay` does: UTC unless it has an offset (O15)",
    async (at) => {
      const { out } = await run(JSON.stringify({ type: "order.intended", at, ...wish }), "--json");
      expect(JSON.parse(out).at).toBe(Date.UTC(2024, 10, 3, 1, 30));
    },
  );

  it("tells facts about the connection to the orders they concern, and skips facts that concern none", async () => {
    const { out } = await run(
      [
        flat("session.started", 0, { session: "s", epoch: 1, recovered: false }),
        ...lines.slice(0, 2),
        flat("broker.disconnected", 3, { broker: "b", reason: "gone" }),
        flat("broker.connected", 4, { broker: "b" }),
      ].join("\n"),
      "--json",
    );
    const rows = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows.map(({ line, status }) => [line, status])).toEqual([
      [2, "initialized"],
      [3, "submitting"],
      [4, "unknown"],
    ]);
  });

  test.each([
    ["not json", "the line is not JSON"],
    ["[]", "the line is not a JSON object"],
    [flat("order.exploded", 1, {}), "order.exploded is not a fact of the catalogue (docs/reference/events.md)"],
    [JSON.stringify({ at: 1 }), "type is missing"],
    [
      JSON.stringify({ type: "order.accepted", orderId: "o1" }),
      "at is missing and must be epoch milliseconds from 0 on, or a time like 2013-10-07T14:30:00Z",
    ],
    [
      flat("order.accepted", -1, { orderId: "o1" }),
      "at is -1 and must be epoch milliseconds from 0 on, or a time like 2013-10-07T14:30:00Z",
    ],
    [flat("order.accepted", 1, {}), "order.accepted: orderId is missing"],
    [
      flat("order.filled", 1, { orderId: "o1", fillId: "f", quantity: 1.5, priceMinor: 1 }),
      "order.filled: quantity is 1.5 and must be a whole number ≥ 0",
    ],
    ...["2024-02-30T00:00:00Z", "1", "2024-11-03T24:00:00", "Sun, 03 Nov 2024 01:30:00 GMT", ""].map((text) => [
      JSON.stringify({ type: "order.accepted", at: text, orderId: "o1" }),
      `at is "${text}" and must be epoch milliseconds from 0 on, or a time like 2013-10-07T14:30:00Z`,
    ]),
    [
      flat("order.filled", 1, { orderId: "o1", fillId: "f", priceMinor: 1 }).replace("}", ',"quantity":9007199254740993}'),
      "order.filled: quantity is 9007199254740993, which is too large: whole numbers are exact up to 9007199254740991",
    ],
    [
      flat("order.filled", 1, { orderId: "o1", fillId: "f", quantity: 1 }).replace("}", ',"priceMinor":-1e999}'),
      "order.filled: priceMinor is -1e999, which is too large: whole numbers are exact up to 9007199254740991",
    ],
    [
      '{"type":"order.accepted","at":17000000000000000001,"orderId":"o1"}',
      "at is 17000000000000000001, which is too large: whole numbers are exact up to 9007199254740991",
    ],
  ])("names the line and what is wrong with %s, and exits with 1 (O15)", async (bad, sentence) => {
    const { exit, out, err } = await run(`${lines[0]}\n\n${bad}\n`, "--json");
    expect(exit).toBe(1);
    expect(err).toBe(`facts.jsonl, line 3: ${sentence}.\n`);
    expect(out.trim().split("\n")).toHaveLength(1);
  });

  it("says that a file cannot be read", async () => {
    const err: string[] = [];
    const exit = await command.run(["nothing.jsonl"], { out: () => {}, err: (text) => err.push(text), env: {}, cwd: folder });
    expect(exit).toBe(1);
    expect(err.join("")).toBe("nothing.jsonl cannot be read: there is no such file.\n");
  });
});
