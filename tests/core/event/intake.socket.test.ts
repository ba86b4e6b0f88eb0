/** BLOCK on a real socket (spec E3): the peer's `write` meets backpressure while P0 is full, and no fill is lost. */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { createHostClock } from "#adapters/host/clock.ts";
import { createIntake } from "#core/event/intake.ts";
import { pulled } from "#core/event/valve.ts";
import { createRandom } from "#core/random.ts";
import { createDispatcher } from "#core/runtime/dispatcher.ts";
import { eventsConfig, fill, turn } from "./setup.ts";

/** One group of lines per chunk; a line that is cut by a chunk's end waits for the next. */
async function* linesOf(socket: Socket): AsyncGenerator<readonly string[]> {
  let rest = "";
  for await (const chunk of socket) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield lines;
  }
}

const settled = async (read: () => number): Promise<void> => {
  let before = -1;
  for (let still = 0; still < 200; still = read() === before ? still + 1 : 0) {
    before = read();
    await turn();
  }
};

it("stops a peer that keeps sending fills until P0 has room again, and every fill arrives once and in order (E3)", async () => {
  const dispatcher = createDispatcher({
    config: eventsConfig(),
    clock: createHostClock(),
    seed: 1,
    record: () => undefined,
    deliver: () => undefined,
  });
  const handled: number[] = [];
  dispatcher.handle("order.filled", ({ payload }) => void handled.push(payload.quantity), { name: "ledger" });
  const intake = createIntake({
    config: eventsConfig().intake,
    clock: createHostClock(),
    random: createRandom(1),
    offer: dispatcher.offerExternal,
  });

  const inlet = intake.inlet("broker");
  const server = createServer((socket) => {
    inlet.attach<string>({
      open: (valve) => pulled(() => linesOf(socket), valve),
      take: (line) => inlet.offer(fill(Number(line.slice(0, line.indexOf(" "))))),
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(peer, "connect");

  // A kilobyte per fill, so that the kernel's buffers hold thousands of fills and not hundreds of thousands.
  const padding = "x".repeat(1000);
  let sent = 0;
  const sendUntilHeld = async (): Promise<void> => {
    for (;;) {
      while (peer.writableLength < 64 * 1024) {
        sent += 1;
        peer.write(`${sent} ${padding}\n`);
      }
      const before = peer.writableLength;
      await settled(() => peer.bytesWritten - peer.writableLength);
      if (peer.writableLength >= before) return;
    }
  };

  await sendUntilHeld();
  sent += 1;
  expect(peer.write(`${sent} ${padding}\n`)).toBe(false);
  expect(peer.writableNeedDrain).toBe(true);
  const { P0 } = dispatcher.lanes();
  expect(P0.depth).toBe(101);
  expect(sent).toBeGreaterThan(P0.depth);
  expect(intake.figures().broker).toMatchObject({ paused: true, received: 101 });

  const drained = once(peer, "drain");
  dispatcher.start();
  await drained;
  peer.end();
  while (handled.length < sent) await turn();
  expect(handled).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  expect(dispatcher.lanes().P0).toMatchObject({ handled: dispatcher.lanes().P0.accepted, dropped: 0 });
  expect(dispatcher.refused()).toEqual({});
  server.close();
  await dispatcher.stop(100);
});
