/** Somebody's own data, from the file to a session over several days, its archive, and back. */
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openRecordedDay } from "#adapters/replay/recorded-days.ts";
import { createRandom } from "#core/random.ts";
import { emptyFolder, qts, startQts } from "./qts.ts";

const minuteMs = 60_000;
/** A trade every ten seconds in the first 20 minutes of each day, on a Friday and the Monday after. */
const csvOf = (symbol: string): string => {
  const random = createRandom(7);
  const rows = ["time,price,quantity,symbol"];
  for (const day of ["2018-01-19", "2018-01-22"]) {
    const opensAt = Date.parse(`${day}T00:00:00Z`);
    for (let ms = 0; ms < 20 * minuteMs; ms += 10_000)
      rows.push(`${opensAt + ms},${5000 + Math.floor(random() * 20) * 10},${1 + Math.floor(random() * 50)},${symbol}`);
  }
  return `${rows.join("\n")}\n`;
};

describe("your own data", () => {
  it("is imported, played over a weekend, recorded whole, and imported again from that archive, row by row", async () => {
    const folder = emptyFolder();
    const [days, home, config] = [join(folder, "days"), join(folder, "home"), join(folder, "qts.yaml")];
    writeFileSync(join(folder, "mine.csv"), csvOf("000660"));
    // Asking the strategy each second of a weekend would prove nothing more.
    writeFileSync(config, "execution: { intervalMs: 60000 }\n");
    const imported = await qts("import", join(folder, "mine.csv"), "--market", "KRX", "--symbol", "000660", "--days-dir", days);
    expect(imported).toMatchObject({ exitCode: 0, stderr: "" });

    const range = ["--days", "000660-20180119..20180122", "--days-dir", days, "--config", config];
    const ran = await qts("run", ...range, "--speed", "max", "--home", home, "--port", "0", "--without-ops", "--json");
    expect(ran.exitCode, ran.stderr).toBe(0);
    const report = JSON.parse(ran.stdout) as { readonly market: object; readonly archive: object };
    expect(report.market).toMatchObject({ ticks: 240, from: "2018-01-19T00:00:00.000Z", to: "2018-01-22T00:19:50.000Z" });
    expect(report.archive).toMatchObject({ received: 240, persisted: 240, refused: 0, errored: 0 });
    // Neither the night nor the weekend is silence, and the quiet afternoon is the data's own.
    expect(ran.stderr).not.toContain("AN010");

    expect(await qts("archive", "check", home, "--expect", "000660=240")).toMatchObject({ exitCode: 0 });
    const back = await qts("import", home, "--name", "back", "--days-dir", days);
    expect(back).toMatchObject({ exitCode: 0, stderr: "" });
    for (const date of ["20180119", "20180122"]) {
      const [before, after] = [openRecordedDay(`000660-${date}`, days), openRecordedDay(`back-${date}`, days)];
      if (!before.ok || !after.ok) throw new Error("a day is not there");
      for (const column of ["exchangeAt", "priceMinor", "quantity", "sequence", "suspicious"] as const)
        expect([...after.value[column]], column).toEqual([...before.value[column]]);
    }

    // Who reads the journal later knows what was traded, without being told.
    expect((await qts("report", "--home", home, "--days-dir", days)).stdout).toContain("1,000,000,000 KRW");
    const lost = await qts("report", "--home", home, "--days-dir", join(folder, "nowhere"));
    expect(lost).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("played 000660-20180119..20180122, which is not in"),
    });
  });

  it("that skips numbers leaves holes that the archive declares, also over a night", async () => {
    const folder = emptyFolder();
    const [days, home, config] = [join(folder, "days"), join(folder, "home"), join(folder, "qts.yaml")];
    writeFileSync(join(folder, "g.csv"), "time,price,qty,number\n1700000000,1,1,11\n1700000001,1,1,14\n1700090000,1,1,16\n");
    writeFileSync(config, "execution: { intervalMs: 60000 }\n");
    await qts("import", join(folder, "g.csv"), "--symbol", "G", "--keep-gaps", "--days-dir", days);
    const range = ["--days", "g-20231114..20231115", "--days-dir", days, "--config", config];
    const ran = await qts("run", ...range, "--speed", "max", "--home", home, "--port", "0", "--without-ops", "--json");
    expect(ran.exitCode, ran.stderr).toBe(0);
    const check = await qts("archive", "check", home, "--complete");
    expect(check).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("missing   declared 3 · silent 0") });
    expect(
      (await qts("import", home, "--name", "b", "--days-dir", days, "--price-scale", "2", "--quantity-scale", "0")).stderr,
    ).toContain("2 trades of G are missing");

    // A pause of the data is no connection that died.
    writeFileSync(config, "archive: { silenceMsMax: 400 }\n");
    const refused = await qts("run", ...range, "--home", join(folder, "other"), "--port", "0");
    expect(refused).toMatchObject({
      exitCode: 78,
      stderr: expect.stringMatching(/^archive\.silenceMsMax is 400, and .* set it to \d+\.\n$/),
    });
    expect(existsSync(join(folder, "other"))).toBe(false);
  });

  it("goes on after a stop on the same days, and is refused on others", async () => {
    const folder = emptyFolder();
    const [days, home] = [join(folder, "days"), join(folder, "home")];
    writeFileSync(join(folder, "mine.csv"), csvOf("000660"));
    await qts("import", join(folder, "mine.csv"), "--market", "KRX", "--symbol", "000660", "--days-dir", days);
    const common = ["--days-dir", days, "--home", home, "--port", "0", "--without-ops", "--json"];
    const first = startQts(["run", "--day", "000660-20180119", "--speed", "60", ...common]);
    await new Promise<void>((resolve) => {
      first.child.stderr?.on("data", () => {
        if (first.stderr().includes("the session has started")) resolve();
      });
    });
    first.child.kill("SIGINT");
    expect((await first.finished).exitCode).toBe(0);
    const other = await qts("run", "--day", "000660-20180122", "--speed", "max", ...common);
    expect(other).toMatchObject({ exitCode: 4 });
    expect(other.stderr).toContain(
      "lives on the feed replay 000660-20180119, not on replay 000660-20180122: go on with `--day 000660-20180119`",
    );
    const importAgain = (csv: string) => {
      writeFileSync(join(folder, "mine.csv"), csv);
      return qts("import", join(folder, "mine.csv"), "--market", "KRX", "--symbol", "000660", "--days-dir", days, "--replace");
    };
    await importAgain(csvOf("000660").replace(/,(\d+)\n/, ",1$1\n"));
    const changed = await qts("run", "--day", "000660-20180119", "--speed", "max", ...common);
    expect(changed).toMatchObject({ exitCode: 4 });
    expect(changed.stderr).toContain("000660-20180119 are not those that session 0001 on this home has played so far");
    await importAgain(csvOf("000660"));
    const again = await qts("run", "--day", "000660-20180119", "--speed", "max", ...common);
    expect(again.exitCode, again.stderr).toBe(0);
    expect((await qts("archive", "check", home, "--expect", "000660=120")).exitCode).toBe(0);
  });
});

describe("an import that is killed", () => {
  it("leaves no day, and nothing at all once the next one was there", async () => {
    const folder = emptyFolder();
    const days = join(folder, "days");
    const line = "1516320000000,5000,1,000660\n";
    writeFileSync(join(folder, "long.csv"), `time,price,quantity,symbol\n${line.repeat(3_000_000)}`);
    const killed = startQts(["import", join(folder, "long.csv"), "--days-dir", days]);
    await new Promise<void>((resolve) => {
      const look = (): void => {
        const own = existsSync(days) ? readdirSync(days)[0] : undefined;
        // It is in the middle: rows lie in the spool.
        if (own !== undefined && readdirSync(join(days, own)).some((name) => statSync(join(days, own, name)).size > 0)) resolve();
        else setImmediate(look);
      };
      look();
    });
    killed.child.kill("SIGKILL");
    expect((await killed.finished).signal).toBe("SIGKILL");
    expect(readdirSync(days)).toEqual([expect.stringMatching(/^\.import-\d+$/)]);
    expect((await qts("days", "--days-dir", days)).stdout).not.toContain("000660");

    writeFileSync(join(folder, "short.csv"), csvOf("000660"));
    expect((await qts("import", join(folder, "short.csv"), "--days-dir", days)).exitCode).toBe(0);
    expect(readdirSync(days).sort()).toEqual(["000660-20180119.qtsday", "000660-20180122.qtsday"]);
  });
});
