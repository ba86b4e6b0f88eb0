import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readLedger } from "#adapters/paper/oracle.ts";
import { sessionReportSchema } from "#commands/session-report.ts";
import { emptyFolder, qts, says, startQts } from "./qts.ts";

const regularTicks = 265_610;

const ledgerOf = (home: string) => readLedger(join(home, "paper", "session-0001.jsonl"));

const positionsFromFills = (fills: readonly { readonly symbol: string; readonly side: string; readonly quantity: number }[]) => {
  const positions: Record<string, number> = {};
  for (const { symbol, side, quantity } of fills)
    positions[symbol] = (positions[symbol] ?? 0) + (side === "buy" ? quantity : -quantity);
  return Object.fromEntries(Object.entries(positions).filter(([, quantity]) => quantity !== 0));
};

const run = (home: string, ...more: readonly string[]) => [
  "run",
  "--speed",
  "max",
  "--port",
  "0",
  "--home",
  home,
  "--json",
  ...more,
];

describe("a session from start to report", () => {
  it("plays the day, persists every tick, ends every order, and its positions are the sum of the venue's fills (A2)", async () => {
    const home = join(emptyFolder(), "home");
    const { exitCode, stdout } = await qts(...run(home));
    expect(exitCode).toBe(0);
    const report = sessionReportSchema.parse(JSON.parse(stdout));
    expect(report.recovered).toBe(false);
    expect(report.market.ticks).toBe(regularTicks);
    expect(report.archive).toEqual({ received: regularTicks, persisted: regularTicks, refused: 0, errored: 0 });
    const { total, filled, canceled, rejected, denied, expired, unknown, open } = report.orders;
    expect(total).toBeGreaterThan(10);
    expect(filled).toBeGreaterThan(0);
    expect({ unknown, open }).toEqual({ unknown: 0, open: 0 });
    expect(filled + canceled + rejected + denied + expired).toBe(total);
    expect(report.positions).toEqual(positionsFromFills(ledgerOf(home).fills));
    expect(report.maintenance.backedUp).toBeGreaterThan(0);
    expect(report.maintenance.verified).toBe(report.maintenance.backedUp);
    for (const lane of Object.values(report.lanes))
      expect(lane.accepted).toBe(lane.handled + lane.dropped + lane.collapsed + lane.sampled + lane.deadLettered);

    // The same home again: the day was over, so a new session begins.
    const again = await qts(...run(home));
    expect(sessionReportSchema.parse(JSON.parse(again.stdout))).toMatchObject({
      recovered: false,
      market: { ticks: regularTicks },
    });

    // The same seed gives the same day, to the last unit of money.
    const second = sessionReportSchema.parse(JSON.parse((await qts(...run(join(emptyFolder(), "home")))).stdout));
    expect({ orders: second.orders, positions: second.positions, pnlMinor: second.pnlMinor }).toEqual({
      orders: report.orders,
      positions: report.positions,
      pnlMinor: report.pnlMinor,
    });
  });

  it("stops cleanly on SIGTERM with the same report, and the next start goes on where it stopped", async () => {
    const home = join(emptyFolder(), "home");
    const session = startQts(["run", "--speed", "600", "--port", "0", "--home", home, "--json"]);
    await says(session, "the session has started");
    session.child.kill("SIGTERM");
    const { exitCode, stdout } = await session.finished;
    expect(exitCode).toBe(0);
    const first = sessionReportSchema.parse(JSON.parse(stdout));
    expect(first.archive.received).toBe(first.archive.persisted);

    const second = sessionReportSchema.parse(JSON.parse((await qts(...run(home))).stdout));
    expect(second.recovered).toBe(true);
    expect(first.market.ticks + second.market.ticks).toBe(regularTicks);
  });

  it("writes nothing outside its home", async () => {
    const folder = emptyFolder();
    const home = join(folder, "home");
    const session = startQts(["run", "--speed", "600", "--port", "0", "--home", home, "--json"]);
    await says(session, "the session has started");
    session.child.kill("SIGINT");
    expect((await session.finished).exitCode).toBe(0);
    expect(readdirSync(folder)).toEqual(["home"]);
    expect(readdirSync(home).sort()).toEqual([
      "backup",
      "config",
      "control",
      "home.json",
      "journal",
      "lock.sqlite",
      "ops",
      "paper",
    ]);
  });
});

describe("killed at any moment", () => {
  // Moments in ms after the start; primes spread over the run, so that they meet intake, orders, journal and archive alike.
  const moments = [23, 53, 97, 131, 173, 211, 257, 307, 353, 401];

  it("loses no order, sends none twice and keeps every tick once, over ten kills on one home (A5, O6, O14)", async () => {
    const home = join(emptyFolder(), "home");
    for (const afterMs of moments) {
      const session = startQts(run(home, "--session", "all"));
      await says(session, "the session has started");
      const ended = new Promise((resolve) => setTimeout(resolve, afterMs));
      await Promise.race([ended, session.finished]);
      session.child.kill("SIGKILL");
      await session.finished;
    }
    const last = await qts(...run(home, "--session", "all"));
    expect(last.exitCode, last.stderr).toBe(0);
    const report = sessionReportSchema.parse(JSON.parse(last.stdout));
    // All of it was one session: none of the runs before reached the end of the day.
    expect(readdirSync(join(home, "paper")).sort()).toEqual(["session-0001.feed", "session-0001.jsonl"]);
    expect(report.recovered).toBe(true);
    expect({ unknown: report.orders.unknown, open: report.orders.open }).toEqual({ unknown: 0, open: 0 });
    const ledger = ledgerOf(home);
    expect(ledger.duplicateSubmits).toEqual([]);
    expect(report.positions).toEqual(positionsFromFills(ledger.fills));
    // Every order that the venue knows is one of ours, once.
    expect(report.orders.total - report.orders.denied).toBe(ledger.orders.length);

    const check = await qts("archive", "check", join(home, "config", "observer"), "--json");
    expect(check.exitCode, check.stdout).toBe(0);
    expect(JSON.parse(check.stdout)).toMatchObject({ streams: { scalp: { rows: 274_894 } } });
  });
});

describe("mistakes get one clear sentence and their exit code", () => {
  const sentence = async (args: readonly string[], exitCode: number): Promise<string> => {
    const result = await qts(...args);
    expect(result.exitCode, result.stderr).toBe(exitCode);
    expect(result.stdout).toBe("");
    const lines = result.stderr.trim().split("\n");
    expect(lines).toHaveLength(1);
    expect(result.stderr).not.toMatch(/\n\s+at /);
    return lines[0] as string;
  };

  it("an unknown option, a wrong speed", async () => {
    expect(await sentence(["run", "--spede", "max"], 2)).toContain("--speed");
    expect(await sentence(["run", "--speed", "fast"], 2)).toContain('"fast"');
  });

  it("an unknown configuration key and a wrong unit, with nothing written", async () => {
    const folder = emptyFolder();
    const config = join(folder, "qts.yaml");
    const home = join(folder, "home");
    writeFileSync(config, "archive: { writeEverySeconds: 1 }\n");
    expect(await sentence(["run", "--config", config, "--home", home], 78)).toContain("archive.writeEverySeconds");
    writeFileSync(config, "risk: { priceCollarShare: 30 }\n");
    expect(await sentence(["run", "--config", config, "--home", home], 78)).toContain("risk.priceCollarShare is 30");
    expect(readdirSync(folder)).toEqual(["qts.yaml"]);
  });

  it("a recorded day that is not there", async () => {
    const folder = emptyFolder();
    const config = join(folder, "qts.yaml");
    writeFileSync(config, "session: { day: kr-20260101 }\n");
    expect(await sentence(["run", "--config", config, "--home", join(folder, "home")], 78)).toContain(
      'session.day is "kr-20260101": there is no such recorded day; choose one of us-equity-20131007',
    );
    expect(readdirSync(folder)).toEqual(["qts.yaml"]);
  });

  it("a home that is a file", async () => {
    const file = join(emptyFolder(), "home");
    writeFileSync(file, "");
    expect(await sentence(["run", "--home", file], 4)).toContain(file);
  });

  it("a second instance on the same home, with the owner shown; the first one goes on", async () => {
    const home = join(emptyFolder(), "home");
    const first = startQts(["run", "--speed", "60", "--port", "0", "--home", home, "--json"]);
    await says(first, "the session has started");
    expect(await sentence(["run", "--port", "0", "--home", home], 4)).toContain(String(first.child.pid));
    first.child.kill("SIGTERM");
    expect((await first.finished).exitCode).toBe(0);
  });

  it("a port that is taken", async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
    );
    try {
      expect(await sentence(["run", "--port", String(port), "--home", join(emptyFolder(), "home")], 4)).toContain(String(port));
    } finally {
      server.close();
    }
  });

  it("a damaged journal, with the evidence kept", async () => {
    const home = join(emptyFolder(), "home");
    mkdirSync(join(home, "journal"), { recursive: true });
    writeFileSync(
      join(home, "journal", "session-0001.sqlite"),
      "this is not a database, and it is long enough to look like one".repeat(100),
    );
    expect(await sentence(["run", "--port", "0", "--home", home], 4)).toContain("session-0001.sqlite");
    expect(readFileSync(join(home, "journal", "session-0001.sqlite"), "utf8")).toContain("this is not a database");
  });
});
