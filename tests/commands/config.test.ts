/** `qts config check` and `show`: every problem at once, each with its key, value and remedy. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
