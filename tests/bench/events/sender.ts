/** The peer: another process that sends frames at a fixed rate over two loopback sockets, each with a monotonic stamp. */
import { connect, type Socket } from "node:net";
import { type Load, nowMicros, type Ports, type Sent, symbols } from "./loads.ts";

const [portsText, loadText] = process.argv.slice(2) as [string, string];
const ports = JSON.parse(portsText) as Ports;
const load = JSON.parse(loadText) as Load;
const open = (port: number): Socket => {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  socket.on("error", () => undefined);
  return socket;
};
const broker = open(ports.broker);
const market = open(ports.market);
const heldBytesMax = 4 * 2 ** 20;

const sent = { p0: 0, p1: 0, p3: 0, withheld: 0 };
const startMicros = nowMicros();
const due = (rate: number, elapsedMicros: number): number => Math.floor((rate * elapsedMicros) / 1e6);

const step = (): void => {
  const now = nowMicros();
  const elapsed = Math.min(now - startMicros, load.seconds * 1e6);
  while (sent.p0 < due(load.p0, elapsed)) {
    sent.p0 += 1;
    broker.write(`0,${sent.p0},${nowMicros()}\n`);
  }
  let frames = "";
  let count = 0;
  const add = (lane: 1 | 3, key: string, mark: number): void => {
    frames += `${lane},${key},${mark},${now}\n`;
    count += 1;
  };
  while (sent.p1 < due(load.p1, elapsed)) {
    sent.p1 += 1;
    add(1, symbols[sent.p1 % symbols.length] as string, sent.p1);
  }
  while (sent.p3 < due(load.p3, elapsed)) {
    sent.p3 += 1;
    add(3, "m", sent.p3);
  }
  if (count > 0) {
    if (market.writableLength < heldBytesMax) market.write(frames);
    else sent.withheld += count;
  }
  if (elapsed < load.seconds * 1e6) setTimeout(step, 1);
  else process.send?.(sent satisfies Sent);
};
step();
