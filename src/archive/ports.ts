/** What the archive asks of the world: files that can only be appended to, free space, and a beat in real time. */
import type { Result } from "#core/result.ts";

/** The system's answer: `code` as it names it (ENOSPC, EACCES …), `reason` for people. */
export interface FileError {
  readonly code: string;
  readonly reason: string;
}

/** A segment that is being written. Calls on one file are made one after the other. */
export interface SegmentFile {
  /** Appends all of it in one write, and says how many bytes that were; anything less than all of it is an error. */
  append(bytes: Uint8Array): Promise<Result<number, FileError>>;
  /** Cuts back to `size` bytes. */
  truncate(size: number): Promise<Result<void, FileError>>;
  /** Returns when what was appended survives a power cut. */
  datasync(): Promise<Result<void, FileError>>;
  close(): Promise<Result<void, FileError>>;
}

export interface FoundFile {
  /** Relative to the directory that was listed, with "/" between names. */
  readonly path: string;
  readonly bytes: number;
}

export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** A disk without inodes left is full too. */
  readonly freeFilesShare: number;
}

/** Paths are absolute. */
export interface ArchiveFiles {
  /** Makes the directories above the file too; `EEXIST` when there is one of that name: nothing is ever overwritten. */
  create(path: string): Promise<Result<SegmentFile, FileError>>;
  /** All files below a directory, sorted by path; a directory that does not exist is empty. */
  list(directory: string): Promise<Result<readonly FoundFile[], FileError>>;
  /** The lines of a file, first to last; the text after the last newline is not one. */
  readLines(path: string): Promise<Result<readonly string[], FileError>>;
  /** The first line, or undefined when there is no whole one. */
  readFirstLine(path: string): Promise<Result<string | undefined, FileError>>;
  /** Moves what follows the last newline into `<path>.torn` beside it; returns how many bytes that were, 0 for a whole file. */
  cutTornTail(path: string): Promise<Result<number, FileError>>;
  /** Cuts a file that is not open back to `size` bytes. */
  cutTo(path: string, size: number): Promise<Result<void, FileError>>;
  diskSpace(directory: string): Promise<Result<DiskSpace, FileError>>;
}

/** Calls `beat` again and again in real time, also while market time stands still; the returned function ends it. */
export type Pulse = (everyMs: number, beat: () => void) => () => void;
