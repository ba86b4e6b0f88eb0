/** A sink on a directory of its own, with a hand-wound beat, for the archive's tests. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { onTestFinished } from "vitest";
import { createArchiveFiles } from "#adapters/host/archive-files.ts";
import { createJsonlSink, type JsonlSink, type SinkOptions } from "#archive/jsonl-sink.ts";
import type { ArchiveFiles, FileError, SegmentFile } from "#archive/ports.ts";
import type { NewFact } from "#core/event/catalog.ts";
import { err, type Result } from "#core/result.ts";

/** 2013-10-07 09:30:00 New York, which is 22:30:00 in Seoul. */
export const openingAt = Date.UTC(2013, 9, 7, 13, 30);

export const temporaryDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), "qts-archive-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

/** Every file below a directory with its text, sorted by path. */
export const tree = (directory: string): { readonly [path: string]: string } =>
  Object.fromEntries(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [relative(directory, path), readFileSync(path, "utf8")]),
  );

export type FileCall = "create" | "append" | "truncate" | "datasync" | "cutTo";
/** Asked before each call: undefined lets it through; "short" writes half of the text first, as a full disk does. */
export type Failure = (call: FileCall, path: string) => FileError | "short" | undefined;

export interface TestFiles {
  readonly files: ArchiveFiles;
  /** Resolves when no call is under way and none was begun meanwhile. */
  readonly settled: () => Promise<void>;
}

/** The real files, with calls that fail when told to. */
export const testFiles = (failure: Failure = () => undefined): TestFiles => {
  const real = createArchiveFiles();
  let underWay = 0;
  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    underWay += 1;
    try {
      return await work();
    } finally {
      underWay -= 1;
    }
  };
  const call = <T>(
    name: FileCall,
    path: string,
    work: () => Promise<Result<T, FileError>>,
    half: () => Promise<unknown> = async () => {},
  ): Promise<Result<T, FileError>> =>
    counted(async () => {
      const problem = failure(name, path);
      if (problem === undefined) return work();
      if (problem !== "short") return err(problem);
      await half();
      return err({ code: "ENOSPC", reason: "a short write" });
    });
  const guarded = (path: string, file: SegmentFile): SegmentFile => ({
    append: (bytes) =>
      call(
        "append",
        path,
        () => file.append(bytes),
        () => file.append(bytes.subarray(0, bytes.length / 2)),
      ),
    truncate: (size) => call("truncate", path, () => file.truncate(size)),
    datasync: () => call("datasync", path, () => file.datasync()),
    close: () => counted(() => file.close()),
  });
  return {
    files: {
      ...real,
      list: (directory) => counted(() => real.list(directory)),
      create: (path) =>
        call("create", path, async () => {
          const created = await real.create(path);
          return created.ok ? { ok: true, value: guarded(path, created.value) } : created;
        }),
      cutTo: (path, size) => call("cutTo", path, () => real.cutTo(path, size)),
    },
    settled: async () => {
      for (let calm = 0; calm < 5; calm = underWay === 0 ? calm + 1 : 0) await new Promise((resolve) => setImmediate(resolve));
    },
  };
};

export interface TestSink {
  readonly sink: JsonlSink;
  readonly offered: NewFact[];
  /** One beat `elapsedMs` later; everything it starts is done when it resolves. */
  readonly beat: (elapsedMs?: number) => Promise<void>;
}

export const testSink = (directory: string, options: Partial<SinkOptions> & { readonly failure?: Failure } = {}): TestSink => {
  const { files, settled } = testFiles(options.failure);
  const offered: NewFact[] = [];
  let elapsed = 0;
  let beats: (() => void)[] = [];
  const sink = createJsonlSink({
    directory,
    session: "test-day",
    run: "1",
    files,
    clock: { now: () => openingAt, monotonicMs: () => elapsed },
    pulse: (_everyMs, fire) => {
      beats.push(fire);
      return () => {
        beats = beats.filter((beat) => beat !== fire);
      };
    },
    offer: (fact) => offered.push(fact),
    timeZone: "Asia/Seoul",
    scalpWindowMs: 60_000,
    writeEveryMs: 200,
    fsyncEveryMs: 1000,
    bufferRowsMax: 1000,
    ...options,
  });
  // A test that fails half-way leaves no open file to the garbage collector.
  onTestFinished(() => sink.close());
  return {
    sink,
    offered,
    beat: async (elapsedMs = 200) => {
      elapsed += elapsedMs;
      for (const fire of beats) fire();
      await settled();
    },
  };
};
