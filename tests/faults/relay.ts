/** A stretch of wire between worker and exchange that can be cut: both ends see a reset, and what was under way is lost. */
import { createConnection, createServer, type Socket } from "node:net";

export interface Relay {
  readonly url: string;
  /** Where new connections go; undefined: nobody is there. */
  leadsTo: number | undefined;
  /** @returns how many connections it cut */
  cut(): number;
  close(): Promise<void>;
}

export const openRelay = async (): Promise<Relay> => {
  const pairs = new Set<readonly [Socket, Socket]>();
  let target: number | undefined;
  const server = createServer((near) => {
    if (target === undefined) {
      near.resetAndDestroy();
      return;
    }
    const far = createConnection({ host: "127.0.0.1", port: target });
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [one, other] of [pair, [far, near] as const]) {
      one.setNoDelay(true);
      one.pipe(other);
      one.on("error", () => undefined);
      one.on("close", () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { readonly port: number };
  return {
    url: `ws://127.0.0.1:${port}`,
    get leadsTo() {
      return target;
    },
    set leadsTo(to) {
      target = to;
    },
    cut: () => {
      const count = pairs.size;
      for (const pair of [...pairs]) for (const socket of pair) socket.resetAndDestroy();
      return count;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
};
