import { expect, it } from "vitest";
import { runCampaign } from "./kill.ts";

// `QTS_KILLS=200 npm test` asks for more; `node tests/faults/kill.ts --kills 200 --seed N` shows its progress.
// CI goes on with two hundred of its own (.ci/run).
const kills = Number(process.env.QTS_KILLS ?? (process.env.CI ? 4 : 12));
const seed = Number(process.env.QTS_SEED ?? 1 + Math.floor(Math.random() * 1_000_000));

it(
  `loses no order and sends none twice while worker, connection and exchange die ${kills} times (O5, O6, O14; seed ${seed})`,
  async () => {
    const outcome = await runCampaign({ kills, seed, killsPerDay: Math.max(6, Math.ceil(kills / 10)) });
    expect(outcome.violations).toEqual([]);
    expect(outcome.kills).toBe(kills);
    expect(outcome.orders).toBeGreaterThan(10);
  },
  // A limit against hanging: each day is played to its end after its kills, also on a busy machine.
  600_000 + 5_000 * kills,
);
