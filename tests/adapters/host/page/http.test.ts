/** What a browser, a scraper and a load balancer get from QTS, over a real socket on loopback. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpServer, type HttpOptions, type HttpServer } from "#adapters/host/page/http.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import { exampleStatus } from "./example-status.ts";

const open: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

const serve = async (status: () => HouseStatus = exampleStatus, over: Partial<HttpOptions> = {}): Promise<string> => {
  const server = createHttpServer({
    host: "127.0.0.1",
    port: 0,
    status,
    metrics: async () => "qts_trading_open 1\n",
    ...over,
  });
  open.push(server);
  const address = await server.listen();
  if (!address.ok) throw new Error(address.error.sentence);
  return address.value.url;
};

/** With a Host header of our choice, which fetch does not allow. */
const statusFor = (url: string, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    request(`${url}status`, { headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode as number);
    })
      .on("error", reject)
      .end();
  });

describe("HTTP on loopback (A12)", () => {
  it("gives the status of the house as JSON", async () => {
    const answer = await fetch(`${await serve()}status`);
    expect(answer.headers.get("content-type")).toContain("application/json");
    expect(await answer.json()).toEqual(exampleStatus());
  });

  it("is alive with received and persisted as the first figures, and with the checks where ops runs (A12)", async () => {
    const url = await serve(exampleStatus, { health: () => [{ name: "disk", state: "ok" }] });
    const answer = await fetch(`${url}health`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      status: "alive",
      archive: { received: 120334, persisted: 120330, persistedShare: 120330 / 120334 },
      checks: [{ name: "disk", state: "ok" }],
    });
  });

  it("stays alive while trading is closed, but is not ready and says why", async () => {
    const url = await serve(() => exampleStatus({ trading: { open: false, why: "the broker has not been reconciled yet" } }));
    expect((await fetch(`${url}health`)).status).toBe(200);
    const answer = await fetch(`${url}ready`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ ready: false, reasons: ["the broker has not been reconciled yet"] });
  });

  it("is ready while trading is open", async () => {
    const answer = await fetch(`${await serve()}ready`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ ready: true, reasons: [] });
  });

  it("gives metrics as text for Prometheus", async () => {
    const answer = await fetch(`${await serve()}metrics`);
    expect(answer.headers.get("content-type")).toContain("text/plain");
    expect(await answer.text()).toBe("qts_trading_open 1\n");
  });

  it("serves the built page, compressed for whoever takes that, with assets that never change", async () => {
    const page = mkdtempSync(join(tmpdir(), "qts-page-"));
    mkdirSync(join(page, "assets"));
    writeFileSync(join(page, "index.html"), '<!doctype html><script src="/assets/index-1a2b.js"></script>');
    writeFileSync(join(page, "assets/index-1a2b.js"), "document.title = 'QTS';");
    const url = await serve(exampleStatus, { page });
    rmSync(page, { recursive: true });
    const answer = await fetch(url);
    expect(answer.headers.get("content-encoding")).toBe("gzip");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.text()).toContain("/assets/index-1a2b.js");
    const asset = await fetch(`${url}assets/index-1a2b.js`, { headers: { "accept-encoding": "identity" } });
    expect(asset.headers.get("content-type")).toContain("text/javascript");
    expect(asset.headers.get("content-encoding")).toBeNull();
    expect(asset.headers.get("cache-control")).toContain("immutable");
    expect(await asset.text()).toBe("document.title = 'QTS';");
  });

  it("loads nothing from elsewhere and may run nothing inline", async () => {
    const policy = (await fetch(await serve())).headers.get("content-security-policy") as string;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toContain("unsafe");
  });

  it("says how the page is built where it has not been, and has the figures all the same", async () => {
    const url = await serve(exampleStatus, { page: "/nowhere" });
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("npm run page");
    expect((await fetch(`${url}status`)).status).toBe(200);
  });

  it("answers to its own names only, so that a web page cannot reach it under a borrowed name", async () => {
    const url = await serve();
    const port = new URL(url).port;
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`, "localhost"])
      expect(await statusFor(url, host), host).toBe(200);
    for (const host of [`evil.example:${port}`, `127.0.0.1.evil.example`, "localhost.evil.example", "10.0.0.1"])
      expect(await statusFor(url, host), host).toBe(403);
  });

  it("says which port is taken and how to take another", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const server = createHttpServer({
      host: "127.0.0.1",
      port,
      status: exampleStatus,
      metrics: async () => "",
    });
    expect(await server.listen()).toEqual({
      ok: false,
      error: {
        type: "port.taken",
        sentence: `Port ${port} on 127.0.0.1 is taken by another program: start with \`--port 0\` for any free port, or set http.port in the configuration.`,
      },
    });
    await server.close();
    await new Promise((resolve) => other.close(resolve));
  });

  it("refuses to change anything: there is no other method than GET", async () => {
    const url = await serve();
    for (const method of ["POST", "PUT", "DELETE"]) expect((await fetch(`${url}status`, { method })).status, method).toBe(404);
  });

  it("answers a page that cannot be made with a sentence and goes on", async () => {
    const url = await serve(exampleStatus, { metrics: () => Promise.reject(new Error("no figures yet")) });
    const answer = await fetch(`${url}metrics`);
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({ error: "This page could not be made: no figures yet" });
    expect((await fetch(`${url}status`)).status).toBe(200);
  });

  it("closes while a client still holds its connection", async () => {
    const server = createHttpServer({
      host: "127.0.0.1",
      port: 0,
      status: exampleStatus,
      metrics: async () => "",
    });
    const address = await server.listen();
    if (!address.ok) throw new Error(address.error.sentence);
    await (await fetch(`${address.value.url}ready`)).text();
    await server.close();
    await server.close();
    await expect(fetch(`${address.value.url}ready`)).rejects.toThrow();
  });
});
