/** `qts config check` and `show`: every problem at once, each with its key, value and remedy. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { defaultYaml, parseConfig } from "#config/config.ts";
import { runLine } from "./console.ts";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "qts-config-"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const qts = (...argv: string[]) => runLine(argv, { cwd });
const file = (text: string): string => {
  writeFileSync(join(cwd, "qts.yaml"), text);
  return join(cwd, "qts.yaml");
};

describe("qts config check", () => {
  it("passes a good file, and the defaults", async () => {
    expect(await qts("config", "check", "--config", file("http: { port: 9000 }"))).toEqual({
      exitCode: 0,
      out: `${join(cwd, "qts.yaml")} is valid.\n`,
      err: "",
    });
    expect((await qts("config", "check")).exitCode).toBe(0);
  });

  it("names every problem with its key and value, and ends with 78", async () => {
    file("http: { prot: 9000, port: 99999 }\noperating: { rules: { balancedToDefensive: { drawdownAbove: 5 } } }\n");
    const { exitCode, out, err } = await qts("config", "check", "--config", "qts.yaml");
    expect({ exitCode, out }).toEqual({ exitCode: 78, out: "" });
    expect(err).toContain("http.prot is not a key of QTS");
    expect(err).toContain("(did you mean http.port?)");
    expect(err).toContain("http.port is 99999: must be at most 65535.");
    expect(err).toContain("operating.rules.balancedToDefensive.drawdownAbove is 5: ");
    expect(err).toContain("write 0.05 for 5 %");
    expect(err).toContain("3 problems; `qts config show` prints every key");
  });

  it("tells machines the same", async () => {
    file("htpt: {}");
    const { exitCode, out, err } = await qts("config", "check", "--config", "qts.yaml", "--json");
    expect([exitCode, err]).toEqual([78, ""]);
    expect(JSON.parse(out)).toMatchObject({ exitCode: 78, file: join(cwd, "qts.yaml"), problems: [{ key: "htpt" }] });
  });

  it.each([
    { what: "is absent", name: "absent.yaml", says: "absent.yaml cannot be read: there is no such file" },
    { what: "is a directory", name: ".", says: "cannot be read: it is a directory" },
  ])("says so when the file $what", async ({ name, says }) => {
    const { exitCode, err } = await qts("config", "check", "--config", name);
    expect(exitCode).toBe(78);
    expect(err).toContain(says);
  });

  it("says so when the file is not YAML", async () => {
    const { exitCode, err } = await qts("config", "check", "--config", file("http: [unclosed"));
    expect(exitCode).toBe(78);
    expect(err).toContain(`${join(cwd, "qts.yaml")} is not YAML: `);
  });
});

describe("qts config check and qts run give one answer", () => {
  const home = "home";
  it.each([
    { what: "a day that is not there", text: "session: { day: mars-20990101 }", key: "session.day" },
    { what: "a day outside the folder of days", text: "session: { day: ../days/us-equity-20131007 }", key: "session.day" },
    { what: "a strategy file that is not there", text: "execution: { strategy: ./none.ts }", key: "execution.strategy" },
    { what: "a strategy that is a directory", text: "execution: { strategy: . }", key: "execution.strategy" },
    { what: "a module that is no strategy", text: "execution: { strategy: ./empty.ts }", key: "execution.strategy" },
    { what: "no such time of day", text: 'maintenance: { dailyAt: "25:99" }', key: "maintenance.dailyAt" },
    { what: "a hidden key", text: "killSwitch: { __proto__: { tripped: true } }", key: "killSwitch.__proto__" },
    { what: "a key twice", text: "log: {}\nlog: {}", key: "log" },
    {
      what: "instruments that the recorded day does not have",
      text: "instruments: [{ symbol: '005930', market: KRX, currency: KRW, priceScale: 0, tickSize: 1, lotSize: 1 }]",
      key: "instruments",
    },
    {
      what: "prices counted in other units than the recorded day's",
      text: "instruments: [{ symbol: SPY, market: NYSE, currency: USD, priceScale: 2, tickSize: 1, lotSize: 1 }]",
      key: "instruments",
    },
    { what: "all keys to real orders and no real broker", text: "live: { enabled: true }", key: "live.enabled" },
  ])("for $what: 78 with the key, and no home is made", async ({ text, key }) => {
    writeFileSync(join(cwd, "empty.ts"), "export const nothing = 1;\n");
    const env = { QTS_LIVE_ACK: "I-accept-real-orders" };
    for (const argv of [
      ["config", "check", "--config", file(text)],
      ["run", "--config", file(text), "--home", home, "--port", "0"],
    ]) {
      const { exitCode, out, err } = await runLine(argv, { cwd, env });
      expect({ exitCode, out, home: existsSync(join(cwd, home)) }).toEqual({ exitCode: 78, out: "", home: false });
      expect(err).toMatch(new RegExp(`^${key.replaceAll(".", "\\.")} `));
    }
  });

  it("a file with thousands of unknown keys: the first fifty are named, the rest counted", async () => {
    const name = file(Array.from({ length: 20_000 }, (_, n) => `key${n}: 1\n`).join(""));
    const { exitCode, err } = await qts("config", "check", "--config", name);
    expect(exitCode).toBe(78);
    expect(err.split("\n")).toHaveLength(53);
    expect(err).toContain("… and 19,950 more.\n20000 problems;");
    const { out } = await qts("config", "check", "--config", name, "--json");
    expect(JSON.parse(out)).toMatchObject({ exitCode: 78, problemCount: 20_000 });
    expect(JSON.parse(out).problems).toHaveLength(50);
  });

  it("a file without an end, and one that is larger than any configuration", async () => {
    expect((await qts("config", "check", "--config", "/dev/zero")).err).toContain("/dev/zero cannot be read: it");
    expect((await qts("config", "check", "--config", file("#".repeat(2 ** 19 + 1)))).err).toContain("is larger than 0.5 MiB");
    const keys = file(Array.from({ length: 100_000 }, (_, n) => `key${n}: 1\n`).join(""));
    expect((await qts("config", "check", "--config", keys)).exitCode).toBe(78);
  });

  it("what could move a terminal's cursor is printed by its number", async () => {
    const { err } = await qts("config", "check", "--config", file('"\\e[2J": 1\nlog: { level: "\\e[2J" }'));
    expect(err).toContain("\\u001b[2J is not a key of QTS");
    expect(err).not.toContain("\x1b");
  });
});

describe("qts config show", () => {
  it("prints the defaults with their comments", async () => {
    expect((await qts("config", "show")).out).toBe(defaultYaml());
  });

  it("prints the user's values among the defaults, comments kept, as YAML that means the same", async () => {
    const text =
      "http: { port: 9000 }\nbroker: { paper: { basePriceMinor: { SPY: 1680000 } } }\nexecution: { intervalMs: 500 }\n";
    const { out } = await qts("config", "show", "--config", file(text));
    expect(out).toContain("# Health, status, metrics and the dashboard.");
    const shown = parseConfig(out);
    expect(shown).toEqual(parseConfig(text));
    expect(parse(out)).toMatchObject({ http: { port: 9000 }, execution: { intervalMs: 500 } });
  });

  it("prints JSON", async () => {
    const { out } = await qts("config", "show", "--config", file("http: { port: 9000 }"), "--json");
    const config = parseConfig("http: { port: 9000 }");
    expect(config.ok && JSON.parse(out)).toEqual(config.ok && config.config);
  });

  it("prints nothing of a file with problems", async () => {
    expect(await qts("config", "show", "--config", file("x: 1"))).toMatchObject({ exitCode: 78, out: "" });
  });
});
