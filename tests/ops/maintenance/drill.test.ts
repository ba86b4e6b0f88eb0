/** The restore drill: what lies on the shelf is read again before it is needed. */

import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { drillRestore, drillTurn } from "#ops/maintenance/backup/drill.ts";
import { createWorkshop, evening, type Workshop } from "./workshop.ts";

let shop: Workshop;
beforeEach(() => {
  shop = createWorkshop();
});
afterEach(() => shop.dispose());

const drill = (share: number, turn: number) => {
  const { files, worker } = shop.host();
  return drillRestore(files, worker, { backupRoot: shop.backup, share, turn, at: evening });
};

describe("the restore drill", () => {
  it("goes through all archives in as many turns as the share asks for", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 50 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.nat(1_000),
        (count, share, first) => {
          const archives = Array.from({ length: count }, (_, index) => index);
          const size = Math.ceil(count * share);
          const turns = size === 0 ? 0 : Math.ceil(count / size) + 1;
          const seen = Array.from({ length: turns }, (_, turn) => drillTurn(archives, share, first * count + turn)).flat();
          expect(new Set(seen).size).toBe(count);
        },
      ),
    );
  });

  it("reads a share back, finds what has rotted, and lets the next run archive it again (M5)", async () => {
    for (const name of ["a", "b", "c", "d"]) {
      shop.write(`${name}.jsonl`);
      await shop.run();
    }
    expect(await drill(0.5, 0)).toEqual({ ok: true, value: { archives: 2, files: 2, archivesTotal: 4, damaged: [] } });
    const archive = join(shop.backup, "backup-000003.tar.gz");
    const fd = openSync(archive, "r+");
    writeSync(fd, Buffer.from([0xff]), 0, 1, statSync(archive).size >> 1);
    closeSync(fd);
    expect(await drill(0.5, 0)).toMatchObject({ ok: true, value: { damaged: [] } });
    expect(await drill(0.5, 1)).toMatchObject({
      ok: true,
      value: { archives: 2, damaged: [{ archive: "backup-000003.tar.gz" }] },
    });
    expect((await shop.run()).backedUp.map(({ path }) => path)).toEqual(["c.jsonl"]);
    expect(await drill(1, 0)).toMatchObject({
      ok: true,
      value: { archives: 4, archivesTotal: 5, damaged: [{ reason: "the archive was found damaged" }] },
    });
  });
});
