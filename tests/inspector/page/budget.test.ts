/** What a first look at the page costs, built as `npm start` builds it. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { pageFiles } from "#adapters/host/page/files.ts";

const root = join(import.meta.dirname, "../../..");

it("costs at most 120 kB as it is sent, all of it compressed, and leaves no style or script inline (I24)", () => {
  execFileSync(process.execPath, [join(root, "inspector/build.ts"), "--strict"], { cwd: root, stdio: "pipe" });
  const files = [...pageFiles()];
  const sent = files.reduce((sum, [, { gzip }]) => sum + gzip.length, 0);
  expect(files.map(([path]) => path.replace(/-[\w-]{8}\./, ".")).sort()).toEqual(["/", "/assets/index.css", "/assets/index.js"]);
  expect(sent).toBeLessThanOrEqual(120_000);
  for (const [path, { gzip, body }] of files) expect(gzip.length, path).toBeLessThan(body.length);
  const page = String(files.find(([path]) => path === "/")?.[1].body);
  expect(page).not.toMatch(/<style|<script(?![^>]*src=)|style=/);
});
