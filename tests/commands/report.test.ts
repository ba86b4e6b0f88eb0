import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "#commands/command-line.ts";
import { performancePage } from "#commands/report-page.ts";
import { moneyTextOf, spanText } from "#commands/report-text.ts";
import { commandTable } from "#commands/table.ts";
import type { Performance } from "#core/performance-figures.ts";

const kept = join(import.meta.dirname, "../fixtures/homes/0.1.0");
const expected = JSON.parse(readFileSync(join(kept, "expected.json"), "utf8")) as {
  readonly positions: { readonly [symbol: string]: number };
  readonly safety: string;
};
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qts-report-"));
  cpSync(join(kept, "home"), join(folder, "home"), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const qts = async (...args: string[]) => {
  let [out, err] = ["", ""];
  const io = {
    out: (text: string) => (out += text),
    err: (text: string) => (err += text),
    env: { QTS_HOME: join(folder, "home") },
    cwd: folder,
  };
  const code = await runCommandLine(["report", ...args], commandTable, io);
  return { code, out, err };
};

describe("qts report", () => {
  it("tells how a session of an older version went, from a copy of its home alone", async () => {
    const { code, out } = await qts();
    expect(code).toBe(0);
    expect(out).toMatch(/^Session 0001\n {2}equity {7}1,000,000\.00 USD → 999,997\.82 USD/);
    expect(out).toMatch(/NORMAL → LOCKDOWN, FS122: kim: kept for the next version/);
    const { performance } = JSON.parse((await qts("--json")).out) as { readonly performance: Performance };
    expect(Object.fromEntries(performance.positions.map(({ symbol, quantity }) => [symbol, quantity]))).toEqual(
      expected.positions,
    );
    expect(performance.safety.changes.at(-1)?.to).toBe(expected.safety);
  });

  it("writes one page that asks nothing of anybody, and writes through no link", async () => {
    expect(await qts("--html", "r.html")).toMatchObject({ code: 0, err: "" });
    const page = readFileSync(join(folder, "r.html"), "utf8");
    expect(page).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|<link|<img|https?:|url\(|@import/);
    symlinkSync(join(folder, "r.html"), join(folder, "link.html"));
    const { code, err } = await qts("--html", "link.html");
    expect(code).toBe(1);
    expect(err).toMatch(/^qts: the report .*link\.html cannot be written: /);
  });

  it("says which sessions there are when the one that was asked for is not there", async () => {
    expect(await qts("--session", "7")).toMatchObject({
      code: 1,
      err: `${join(folder, "home/journal")} has no session 7; there are 0001.\n`,
    });
  });
});

it("a page shows text that is not ours as text, never as markup", () => {
  const empty = { lasted: { NORMAL: 1 }, changes: [], changeCount: 0 };
  const why = `FS122: <script>alert(1)</script>"'\u202e`;
  const point = { at: 1, equityMinor: 1 };
  const page = performancePage(
    {
      ...{ from: 0, to: 10, facts: 1, startMinor: 1, endMinor: 1, feesMinor: 0, drawdown: null, curve: [point] },
      trades: { count: 0, won: 0, lost: 0, bestMinor: 0, worstMinor: 0, wonMinor: 0, lostMinor: 0 },
      orders: {
        ...{ intended: 1, sent: 0, denied: 1, filled: 0, partlyFilled: 0, unfilled: 0, lotsSent: 0, lotsFilled: 0 },
        denials: [{ code: "<b>", count: 1, reason: why }],
        firstFillMs: null,
        betterThanLimitMinor: 0,
      },
      positions: [],
      safety: { ...empty, changes: [{ at: 5, from: "NORMAL", to: "<i>", why }], changeCount: 1 },
      operating: empty,
      days: [],
      fills: [{ at: 3, symbol: "<u>", side: "buy", quantity: 1, priceMinor: 1 }],
      fillCount: 1,
    },
    { session: "<s>", version: "1", money: moneyTextOf("<m>", 2), priceOf: () => "<p>", notes: ["<n>"] },
  );
  expect(page.match(/<(?:script|b|i|u|s|m|n)>|\u202e/g)).toBe(null);
  expect(page).toContain("&#60;script&#62;");
});

it.each([
  [0, "0 s"],
  [134, "0.134 s"],
  [61_000, "1 min 1 s"],
  [90_061_000, "1 d 1 h"],
])("a span of %d ms reads %s", (ms, text) => {
  expect(spanText(ms)).toBe(text);
});
