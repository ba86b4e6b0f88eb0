import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exitCodes, UsageError } from "#commands/command.ts";
import { command } from "#commands/operating-replay.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "qts-replay-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const run = async (...args: readonly string[]) => {
  const said = { out: "", err: "" };
  const code = await command.run(args, {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    env: {},
    cwd: folder,
  });
  return { code, ...said };
};
const file = (name: string, ...lines: readonly string[]): string => {
  writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
  return name;
};
const storm = () =>
  file("storm.csv", "timestamp,vix,safety", "2008-10-06,40,NORMAL", "2008-10-07,41,NORMAL", "2008-10-08,42,NORMAL");

describe("qts operating replay (S20)", () => {
  it("prints one line per transition, and a summary beside it", async () => {
    const { code, out, err } = await run(storm());
    expect(code).toBe(exitCodes.ok);
    expect(out).toBe("timestamp,from,to,rule,clauses\n2008-10-07,BALANCED,DEFENSIVE,B_TO_D,vix>30\n");
    expect(err).toContain(
      "3 evaluations, 1 transitions, DEFENSIVE at the end; AGGRESSIVE 0.0 %, BALANCED 50.0 %, DEFENSIVE 50.0 % of the time.",
    );
    expect(err).toContain("Not in the file, so unknown in every row: drawdown,");
  });

  it("prints the transitions and nothing else with --csv, and everything as one document with --json", async () => {
    expect((await run(storm(), "--csv")).err).toBe("");
    const { out, err } = await run(storm(), "--json", "--initial", "aggressive");
    expect(err).toBe("");
    expect(JSON.parse(out)).toMatchObject({
      file: "storm.csv",
      reading: "safety-first",
      initial: "AGGRESSIVE",
      evaluations: 3,
      final: "DEFENSIVE",
      transitions: [
        { timestamp: "2008-10-07", rule: "A_TO_B", clauses: ["vix>25"] },
        { timestamp: "2008-10-08", rule: "B_TO_D", clauses: ["vix>30"] },
      ],
    });
  });

  it("reads literally when told to", async () => {
    expect((await run(storm(), "--reading", "literal", "--csv")).out).toBe("timestamp,from,to,rule,clauses\n");
  });

  it("takes thresholds from a configuration", async () => {
    file("calm.yaml", "operating: { rules: { balancedToDefensive: { vixAbove: 90 } } }");
    expect((await run(storm(), "--config", "calm.yaml", "--csv")).out).toBe("timestamp,from,to,rule,clauses\n");
    file("broken.yaml", "operating: { reading: loud }");
    const broken = await run(storm(), "--config", "broken.yaml");
    expect([broken.code, broken.out]).toEqual([exitCodes.config, ""]);
    expect(broken.err).toContain("operating.reading");
    expect((await run(storm(), "--config", "none.yaml")).code).toBe(exitCodes.config);
  });

  it("refuses a bad cell with file, line, column and remedy, and decides nothing", async () => {
    const { code, out, err } = await run(file("percent.csv", "timestamp,drawdown", "2008-10-06,0.01", "2008-10-07,5"));
    expect([code, out]).toEqual([exitCodes.refused, ""]);
    expect(err).toBe("percent.csv:3: drawdown is 5: it is above 1: fractions, not percent; write 0.05 for 5 %.\n");
  });

  it("says which file cannot be read", async () => {
    expect(await run("none.csv")).toEqual({
      code: exitCodes.failed,
      out: "",
      err: "none.csv cannot be read: there is no such file.\n",
    });
    expect((await run(".")).err).toBe(". cannot be read: it is a directory; give the file.\n");
  });

  it.each([[[]], [["a.csv", "--reading", "loud"]], [["a.csv", "--initial", "BOLD"]], [["a.csv", "--csv", "--json"]]])(
    "does not guess what %j means",
    async (args) => {
      await expect(run(...args)).rejects.toThrow(UsageError);
    },
  );

  it("does not mind an empty series", async () => {
    expect(await run(file("empty.csv", "timestamp,vix"), "--csv")).toMatchObject({
      code: 0,
      out: "timestamp,from,to,rule,clauses\n",
    });
  });
});
