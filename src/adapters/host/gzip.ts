/**
 * gzip in the calling thread, at that thread's priority.
 *
 * Node's own streams compress in the process's thread pool: there a backup takes a processor from the thread that trades,
 * whatever the priority of the thread that asked for it, and the archive's writes wait behind it.
 */
import { Gunzip, Gzip } from "minizlib";

async function* through(codec: Gzip | Gunzip, source: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  let done: Buffer[] = [];
  let problem: Error | undefined;
  codec.on("data", (piece: Buffer) => done.push(piece));
  codec.on("error", (error: unknown) => {
    problem ??= error as Error;
  });
  const take = (): readonly Buffer[] => {
    if (problem !== undefined) throw problem;
    const taken = done;
    done = [];
    return taken;
  };
  for await (const piece of source) {
    codec.write(piece);
    yield* take();
  }
  codec.end();
  yield* take();
}

/** @param level 1 is fast, 9 is small; the same input and level give the same bytes */
export const gzip = (source: Iterable<Buffer>, level: number): AsyncGenerator<Buffer> => through(new Gzip({ level }), source);

/** Throws at damage, and at an end that comes too soon. Each piece may become a thousand times as large: give small ones. */
export const gunzip = (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> => through(new Gunzip({}), source);
