/** `qts inspect`, against a house that answers over a real control socket. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ControlServer, createControlServer } from "#adapters/host/control/server.ts";
import { pageToken, publishPage } from "#adapters/host/page/inspector.token.ts";
import { exampleStatus } from "../adapters/host/page/example-status.ts";
import { runLine } from "./console.ts";

let cwd: string;
let control: string;
let server: ControlServer;
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), "qts-inspect-"));
  control = join(cwd, "var", "control");
  server = createControlServer({ directory: control });
  await server.listen(async () => ({ exitCode: 0, body: exampleStatus() }));
});
afterEach(async () => {
  await server.close();
  rmSync(cwd, { recursive: true, force: true });
});

const qts = (...argv: string[]) => runLine(argv, { cwd });
const tokenNow = (): string => {
  const token = pageToken(control);
  if (!token.ok) throw new Error(token.error);
  return token.value;
};

describe("qts inspect", () => {
  it("prints the page's address with the token of the home", async () => {
    const token = tokenNow();
    publishPage(control, "http://127.0.0.1:8420/");
    expect(await qts("inspect")).toEqual({ exitCode: 0, out: `http://127.0.0.1:8420/#token=${token}\n`, err: "" });
    expect(JSON.parse((await qts("inspect", "--json")).out)).toEqual({ url: `http://127.0.0.1:8420/#token=${token}` });
  });

  it("prints a new token when it is asked for one", async () => {
    const old = tokenNow();
    publishPage(control, "http://127.0.0.1:8420/");
    const { out } = await qts("inspect", "--new-token");
    expect(out).toBe(`http://127.0.0.1:8420/#token=${tokenNow()}\n`);
    expect(out).not.toContain(old);
  });

  it("says that nothing runs, also where a killed process left its address", async () => {
    tokenNow();
    publishPage(control, "http://127.0.0.1:8420/");
    await server.close();
    const { exitCode, out, err } = await qts("inspect");
    expect({ exitCode, out }).toEqual({ exitCode: 3, out: "" });
    expect(err).toContain("No QTS is running");
  });

  it("says that a house of an earlier version has no page", async () => {
    const { exitCode, err } = await qts("inspect");
    expect(exitCode).toBe(4);
    expect(err).toContain("start it again");
  });
});
