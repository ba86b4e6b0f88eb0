/** How the house tells a thread that hangs from one that waits for its turn. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { isHung, ownThread, turnOf } from "#adapters/host/idle-thread.ts";

describe("work without progress", () => {
  it("is not hung while its thread waits for a processor, however long, and is when it computes and gets nowhere (M10)", () => {
    const span = 60_000;
    const ready = (ranMs: number) => ({ isReady: true, ranMs });
    expect(isHung(undefined, ready(90_000), span)).toBe(false);
    expect(isHung(ready(100), ready(400), span)).toBe(false);
    expect(isHung(ready(100), ready(50_000), span)).toBe(true);
  });

  it("is hung when its thread waits for a disk, or nobody can tell", () => {
    expect(isHung(undefined, { isReady: false, ranMs: 100 }, 60_000)).toBe(true);
    expect(isHung({ isReady: true, ranMs: 0 }, undefined, 60_000)).toBe(true);
  });
});

describe.skipIf(process.platform !== "linux")("a thread of this process", () => {
  it("wants the processor while it computes, and does not while it waits", async () => {
    expect(turnOf(ownThread())?.isReady).toBe(true);
    const source = `
      const { parentPort, workerData } = require("node:worker_threads");
      const { basename } = require("node:path");
      parentPort.postMessage(basename(require("node:fs").readlinkSync("/proc/thread-self")));
      Atomics.wait(new Int32Array(workerData), 0, 0);
    `;
    const flag = new SharedArrayBuffer(4);
    const worker = new Worker(source, { eval: true, workerData: flag });
    const [thread] = (await once(worker, "message")) as [string];
    // Between its message and its wait it may still be on its way.
    while (turnOf(thread)?.isReady) await new Promise((done) => setImmediate(done));
    expect(turnOf(thread)).toMatchObject({ isReady: false });
    await worker.terminate();
    expect(turnOf("0")).toBeUndefined();
    expect(turnOf(undefined)).toBeUndefined();
  });
});
