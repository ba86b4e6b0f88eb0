/** A live session as a person has it: the real process, a real socket, and a venue on loopback. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openVenue, type Venue } from "../adapters/wire/upbit-venue.ts";
import { emptyFolder, qts, type Running, says, startQts } from "./qts.ts";

const start = (folder: string, venue: Pick<Venue, "url">, ...more: readonly string[]): Running => {
  const config = join(folder, "qts.yaml");
  writeFileSync(
    config,
    `feeds: { upbit: { url: "${venue.url}" } }\nmarket: { reconnect: { firstMs: 10, capMs: 50 }, pastMsMax: 86400000 }\n`,
  );
  const session = startQts([
    "run",
    "--feed",
    "upbit",
    "--symbols",
    "KRW-BTC",
    "--config",
    config,
    "--port",
    "0",
    "--json",
    "--home",
    join(folder, "home"),
    ...more,
  ]);
  onTestFinished(() => void session.child.kill("SIGKILL"));
  return session;
};

/** Trades until the archive has said that it received some, which nobody can tell from outside but the archive's own rows. */
const rowsOf = async (folder: string): Promise<{ readonly scalp: number; readonly report: ArchiveReport }> => {
  const { stdout, exitCode, stderr } = await qts("archive", "check", join(folder, "home"), "--json");
  if (stdout === "") throw new Error(`archive check said nothing (${exitCode}): ${stderr}`);
  const report = JSON.parse(stdout) as ArchiveReport;
  return { scalp: report.streams.scalp.rows, report };
};

interface ArchiveReport {
  readonly ok: boolean;
  readonly streams: { readonly scalp: { readonly rows: number } };
  readonly gaps: { readonly lost: number };
  readonly missing: { readonly silent: number };
  readonly problems: readonly string[];
}

describe("qts run --feed upbit", () => {
  it("is killed in the middle of the market, goes on, declares what it missed, and ends in order on Ctrl-C", async () => {
    const folder = emptyFolder();
    const venue = await openVenue();
    const killed = start(folder, venue);
    await venue.asked(1);
    for (let n = 0; n < 30; n++) venue.trade();
    while ((await rowsOf(folder)).scalp === 0);
    venue.trade();
    killed.child.kill("SIGKILL");
    await killed.finished;

    // Nobody listens: these are lost, and nothing in the numbers tells.
    for (let n = 0; n < 5; n++) venue.trade();

    const session = start(folder, venue);
    await venue.asked(2);
    for (let n = 0; n < 10; n++) venue.trade();
    const before = (await rowsOf(folder)).scalp;
    while ((await rowsOf(folder)).scalp < before + 1) venue.trade();

    // The venue hangs up: asked again, and declared again.
    venue.close(1001, "restart");
    await venue.asked(3);
    const after = (await rowsOf(folder)).scalp;
    while ((await rowsOf(folder)).scalp <= after) venue.trade();

    session.child.kill("SIGINT");
    const { exitCode, stdout, stderr } = await session.finished;
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ recovered: true, archive: { errored: 0 } });

    const { report } = await rowsOf(folder);
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ ok: true, missing: { silent: 0 } });
    expect(report.gaps.lost).toBeGreaterThanOrEqual(2);
  });

  it("without a network says so in one sentence, keeps trying, and ends in order", async () => {
    const session = start(emptyFolder(), { url: "ws://127.0.0.1:1" });
    await says(session, "nobody answers at ws://127.0.0.1:1");
    await says(session, "the session has started");
    session.child.kill("SIGINT");
    const { exitCode, stdout, stderr } = await session.finished;
    expect(exitCode, stderr).toBe(0);
    expect(stderr).not.toContain("    at ");
    expect(JSON.parse(stdout)).toMatchObject({ market: { ticks: 0 }, safety: "WARNING" });
  });

  it("with a clock that is minutes off records nothing and says the offset, also in its health, and goes on once it is right", async () => {
    const folder = emptyFolder();
    let aheadMs = 312_000;
    const venue = await openVenue({ now: () => Date.now() + aheadMs });
    const session = start(folder, venue);
    await says(session, "health of market clock: this machine's clock is 5 min 1");
    expect(venue.connections()).toBe(0);
    aheadMs = 0;
    await venue.asked(1);
    venue.trade();
    while ((await rowsOf(folder)).scalp === 0);
    session.child.kill("SIGINT");
    const { exitCode, stderr } = await session.finished;
    expect(exitCode, stderr).toBe(0);
    expect((await rowsOf(folder)).report).toMatchObject({ ok: true, missing: { silent: 0 } });
  });

  it("does not go on with a session of another feed, and says how to", async () => {
    const folder = emptyFolder();
    const session = start(folder, { url: "ws://127.0.0.1:1" });
    await says(session, "the session has started");
    session.child.kill("SIGINT");
    await session.finished;
    const { exitCode, stderr } = await qts("run", "--port", "0", "--home", join(folder, "home"));
    expect(exitCode).toBe(4);
    expect(stderr).toContain("lives on the feed upbit, not on replay: go on with `--feed upbit`");
  });

  it.each([
    [["--feed", "upbit", "--symbols", "KRWBTC"], 2, '--symbols has "KRWBTC": Upbit\'s markets in won are written like KRW-BTC'],
    [["--feed", "nyse"], 2, '--feed is "nyse" and must be replay or upbit'],
    [["--symbols", "KRW-BTC"], 2, "--symbols is for a live feed"],
  ])("refuses %j with its sentence", async (args, code, sentence) => {
    const { exitCode, stderr } = await qts("run", ...args, "--home", join(emptyFolder(), "home"));
    expect(stderr).toContain(sentence);
    expect(exitCode).toBe(code);
  });
});
