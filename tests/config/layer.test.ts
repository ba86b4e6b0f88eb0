/** What YAML could hide from the schema, or use to hang and exhaust its reader, is refused by name. */
import { describe, expect, it } from "vitest";
import { parseConfig } from "#config/config.ts";

const problemsOf = (...layers: readonly (string | object)[]) => {
  const parsed = parseConfig(...layers);
  return parsed.ok ? [] : parsed.problems.map(({ key, problem }) => `${key} ${problem}`);
};

describe("a configuration file is refused", () => {
  it("with a hidden __proto__, at any depth, in lists and where any name may stand", () => {
    const text = `
__proto__: { live: { enabled: true } }
killSwitch: { __proto__: { tripped: true } }
instruments: [{ symbol: SPY, market: NYSE, currency: USD, priceScale: 4, tickSize: 100, lotSize: 1, __proto__: { a: 1 } }]
broker: { paper: { basePriceMinor: { __proto__: 5 } } }
`;
    expect(problemsOf(text).map((line) => line.split(" is not a key of QTS")[0])).toEqual([
      "__proto__",
      "killSwitch.__proto__",
      "instruments.0.__proto__",
      "broker.paper.basePriceMinor.__proto__",
    ]);
    expect(problemsOf(JSON.parse('{ "risk": { "__proto__": { "ordersPerMinuteMax": 1 } } }'))).toHaveLength(1);
  });

  it.each(["constructor", "toString", "hasOwnProperty"])("with the name of something that every object has: %s", (name) => {
    expect(problemsOf(`${name}: 1`)[0]).toMatch(/is not a key of QTS/);
    expect(problemsOf(`risk: { ${name}: { a: 1 } }`)[0]).toMatch(/is not a key of QTS/);
    const row = { market: "NYSE", currency: "USD", priceScale: 4, tickSize: 100, lotSize: 1 };
    expect(problemsOf({ instruments: [{ symbol: name, ...row }] })).toEqual([
      `instruments.0.symbol is "${name}": is no name for a symbol`,
    ]);
  });

  it.each([
    { what: "a symbol twice", text: rows("SPY", "IBM", "SPY"), says: 'instruments.2.symbol is "SPY": row 1 has this symbol' },
    { what: "a key twice", text: "http:\n  port: 1\nlog: {}\nhttp: {}", says: "http stands there twice, in lines 1 and 4" },
    { what: "a key twice, further in", text: "risk: { a: 1, a: 2 }", says: "risk.a stands there twice, in lines 1 and 1" },
    {
      what: "a base price twice",
      text: "broker: { paper: { basePriceMinor: { A: 1, A: 2 } } }",
      says: "basePriceMinor.A stands",
    },
    { what: "two documents", text: "log: {}\n---\nhttp: {}", says: "(file) holds a second YAML document, from line 2 on" },
    { what: "a tag", text: "log: !secret { level: info }", says: "(file) is not YAML: Unresolved tag: !secret at line 1" },
    { what: "a key that is a list", text: "log:\n  ? [a]\n  : 1", says: "log has a key that is no name, in line 2" },
    { what: "a group inside itself", text: "log: &a { level: *a }", says: "log.level holds itself: *a in line 1" },
    { what: "a list inside itself", text: "a: &a [1, [*a]]", says: "a.1.0 holds itself" },
    { what: "an alias to nothing", text: "log: *a", says: "(file) is not YAML: Unresolved alias" },
    { what: "a bomb of anchors", text: bomb(), says: "(file) repeats an anchor more than 100 times" },
    { what: "groups without end", text: `a: ${"[".repeat(20_000)}`, says: "(file) nests too deeply at line 1" },
    { what: "groups too deep", text: `a: ${"[".repeat(50)}${"]".repeat(50)}`, says: "nests deeper than any key of QTS" },
  ])("with $what", ({ text, says }) => {
    expect(problemsOf(text)[0]).toContain(says);
  });

  it.each([".nan", ".inf", "-.inf"])("with %s where a number belongs, shown as it was written", (value) => {
    const text = `risk: { priceCollarShare: ${value} }\nsession: { speed: ${value} }\noperating: { targetCagr: ${value} }`;
    const problems = problemsOf(text);
    expect(problems).toHaveLength(3);
    for (const problem of problems) expect(problem).toContain(` is ${value}: must be`);
  });

  it.each(["25:99", "24:00", "12:60", "7:30", "12:30:00", "noon"])("with a time of day that there is none: %s", (time) => {
    expect(problemsOf({ maintenance: { dailyAt: time } })).toEqual([
      `maintenance.dailyAt is "${time}": must be a time of day, HH:MM from 00:00 to 23:59`,
    ]);
  });

  it("with times that no date can hold, and waits at which Node's timers fire at once", () => {
    expect(
      problemsOf({
        operating: { cooldownHours: 1e300, overrideDaysMax: 1e9 },
        market: { pastMsMax: 9e15 },
        broker: { exchange: { silenceMsMax: 2 ** 31, url: "ws://127.0.0.1:99999" } },
      }).map((line) => line.split(" is ")[0]),
    ).toEqual([
      "operating.cooldownHours",
      "operating.overrideDaysMax",
      "broker.exchange.url",
      "broker.exchange.silenceMsMax",
      "market.pastMsMax",
    ]);
  });
});

it("anchors that are used as they are meant are fine", () => {
  const parsed = parseConfig("archive: { gaps: { scalp: &g { minorMs: 1, majorMs: 2, criticalMs: 3 }, swing: *g } }");
  expect(parsed.ok && parsed.config.archive.gaps.swing).toEqual({ minorMs: 1, majorMs: 2, criticalMs: 3 });
});

function rows(...symbols: readonly string[]): string {
  const row = "market: NYSE, currency: USD, priceScale: 4, tickSize: 100, lotSize: 1";
  return `instruments:\n${symbols.map((symbol) => `  - { symbol: ${symbol}, ${row} }`).join("\n")}\n`;
}

function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(", ")}]`);
  return `a0: &a0 [x]\n${levels.join("\n")}\n`;
}
