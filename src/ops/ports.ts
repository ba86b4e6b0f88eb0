/**
 * What ops asks of the machine it runs on. Paths of data files are relative to their root with "/" between the parts;
 * roots are absolute. Figures of 64 bits travel as decimal text, because a JSON number would round them.
 */
import type { Result } from "#core/result.ts";

/** Which file this was, and in which state: any write, touch or replacement changes at least one figure. */
export interface FileStamp {
  readonly dev: string;
  readonly ino: string;
  readonly size: number;
  readonly mtimeNs: string;
  /** Nobody can set it back, as one can a modification time; "" when it is not known (a manifest of an earlier QTS). */
  readonly ctimeNs: string;
}

export interface SourceFile extends FileStamp {
  readonly path: string;
}

/** A file as its bytes went into an archive. */
export interface ArchivedFile extends SourceFile {
  readonly sha256: string;
  /** Epoch ms of the newest record seen at the end of the file; null when it holds no records with a time. */
  readonly newestRecordAt: number | null;
}

/** Something in the source that is not backed up, with the reason. It is never deleted either. */
export interface SkippedFile {
  readonly path: string;
  readonly reason: string;
}

/** What there is under a root. */
export interface Survey {
  readonly files: readonly SourceFile[];
  readonly skipped: readonly SkippedFile[];
  /** How many files none of the globs matches. */
  readonly unmatched: number;
  /** What a killed run had taken aside and has its name again. */
  readonly returned: readonly string[];
}

export interface HostError {
  /** `refused`: a precondition is not met and nothing was touched. `failed`: the work was begun and could not be finished. */
  readonly type: "refused" | "failed";
  readonly reason: string;
}

export interface WorkProgress {
  readonly files: number;
  readonly bytes: number;
}

export interface ArchiveMember {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export interface ReadBack {
  readonly members: readonly (ArchiveMember & { readonly mtimeSeconds: number })[];
  /** Of the compressed file as it lies on disk. */
  readonly bytes: number;
  readonly sha256: string;
  /** False when the operating system could not be made to forget its cached copy, so the disk itself was not read. */
  readonly fromDisk: boolean;
}

/** A member to be restored; the time is the file's then. */
export type WantedMember = ArchiveMember & { readonly mtimeNs: string };

/** What an archive gave, and what it could not give. */
export interface Extraction {
  readonly restored: readonly string[];
  /** `archive`: it is damaged or does not hold the file. `place`: the file cannot be written where it belongs. */
  readonly failed: readonly { readonly path: string; readonly cause: "archive" | "place"; readonly reason: string }[];
}

/** A file that lies in the backup in this state and with this content. */
export type ProvenFile = SourceFile & Pick<ArchivedFile, "sha256">;

/** `kept`: it is no longer what was proven, or gone. `failed`: it could not be deleted and is where it was. */
export type Removal = { readonly type: "removed" } | { readonly type: "kept" | "failed"; readonly reason: string };

/** A data file right before its deletion. */
export type Inspection =
  | { readonly type: "present"; readonly stamp: FileStamp; readonly sha256: string }
  | { readonly type: "missing" }
  | { readonly type: "unreadable"; readonly reason: string };

/**
 * The heavy part: walking, hashing, compressing. Runs beside the thread that trades, with bounded memory (gzip of 114 MiB on
 * the main thread stalled the event loop for 144 ms, measured). Every call ends: work without progress is given up.
 */
export interface BackupWorker {
  /** Every regular file under the root that one of the globs matches, sorted by path. Refuses links that lead outside. */
  survey(request: {
    readonly root: string;
    readonly globs: readonly string[];
    /** Leaves what a killed run took aside where it is. */
    readonly isOnlyLooking?: boolean;
  }): Promise<Result<Survey, HostError>>;
  /**
   * Writes a durable tar.gz: temporary name, fsync, rename, fsync of the directory. Same files, same bytes. A file that is
   * no longer the one listed is skipped; one that cannot be read fails the whole archive, and nothing is left behind.
   */
  archive(
    request: {
      readonly root: string;
      readonly files: readonly SourceFile[];
      readonly destination: string;
      readonly gzipLevel: number;
    },
    onProgress?: (progress: WorkProgress) => void,
  ): Promise<
    Result<
      { readonly files: readonly ArchivedFile[]; readonly skipped: readonly SkippedFile[]; readonly bytes: number },
      HostError
    >
  >;
  /** Reads an archive from where it lies, to its end, and hashes every member. */
  readBack(archivePath: string, onProgress?: (progress: WorkProgress) => void): Promise<Result<ReadBack, HostError>>;
  /** Stamps and hashes files as they are now, in the order asked. */
  inspect(request: {
    readonly root: string;
    readonly paths: readonly string[];
  }): Promise<Result<readonly Inspection[], HostError>>;
  /** The newest record time of each file, for looking without backing up. */
  newestRecords(request: {
    readonly root: string;
    readonly paths: readonly string[];
  }): Promise<Result<readonly (number | null)[], HostError>>;
  /**
   * Deletes files, each only if it still is what was proven: taken aside within its folder, stamped and hashed again, then
   * unlinked; what does not agree gets its name back. In the order asked; deletions are durable when this resolves.
   */
  remove(request: {
    readonly root: string;
    readonly files: readonly ProvenFile[];
  }): Promise<Result<readonly Removal[], HostError>>;
  /**
   * Writes members to `to`, each verified before it gets its name, and goes on past what is damaged or in the way. Existing
   * files are replaced only with `overwrite`.
   */
  extract(
    request: {
      readonly archivePath: string;
      readonly members: readonly WantedMember[];
      readonly to: string;
      readonly overwrite: boolean;
    },
    onProgress?: (progress: WorkProgress) => void,
  ): Promise<Result<Extraction, HostError>>;
  close(): Promise<void>;
}

/** Small, quick file work. */
export interface MaintenanceFiles {
  /** Absolute real paths of both roots; refuses roots that lie inside each other or cannot be used. Makes the backup root unless only looking. */
  prepare(
    dataRoot: string,
    backupRoot: string,
    options?: { readonly isOnlyLooking: boolean },
  ): Promise<Result<{ readonly dataRoot: string; readonly backupRoot: string }, HostError>>;
  /** One run at a time: refuses while a living process holds it; a dead holder's lock is taken over. */
  lock(backupRoot: string, runId: string): Promise<Result<() => Promise<void>, HostError>>;
  /** Removes what an earlier, killed run left half-written. Returns the names removed. */
  removeLeftovers(backupRoot: string): Promise<Result<readonly string[], HostError>>;
  /** Names and sizes of the plain files in a directory, sorted; empty when it does not exist. */
  list(directory: string): Promise<Result<readonly { readonly name: string; readonly size: number }[], HostError>>;
  /** Undefined when there is no such file. */
  readText(path: string): Promise<Result<string | undefined, HostError>>;
  /** Temporary name, fsync, rename, fsync of the directory. */
  writeDurably(path: string, text: string): Promise<Result<{ readonly sha256: string }, HostError>>;
  sha256(text: string): string;
  /** Appends and fsyncs; makes the directories on the way. */
  appendDurably(path: string, text: string): Promise<Result<void, HostError>>;
  /** Those of the paths that exist under the root already. */
  existing(root: string, paths: readonly string[]): Promise<Result<readonly string[], HostError>>;
  /** Makes a folder with its parents. Returns its real path. */
  makeFolder(path: string): Promise<Result<string, HostError>>;
  /** Of the file system that holds the directory, or that will once it is made. */
  freeBytes(directory: string): Promise<Result<number, HostError>>;
  /** Removes an archive whose content is proven elsewhere. */
  removeArchive(path: string): Promise<Result<void, HostError>>;
  matchesGlob(path: string, glob: string): boolean;
}

/** One HTTP POST to a service outside. */
export interface Outgoing {
  /** Often a secret: it never enters a log, a fact or an error. */
  readonly url: string;
  readonly body: string;
  readonly contentType: string;
  /** Real time until the answer. */
  readonly timeoutMs: number;
}

/** Why a message did not leave. */
export interface SendFailure {
  /** One sentence without an address or any other secret, and without a word of the other side's. */
  readonly reason: string;
  /** What the service answered, where it did. */
  readonly status?: number;
  /** The service asked for so much patience. */
  readonly retryAfterMs?: number;
}

/** Posts once. Never throws. */
export type Post = (request: Outgoing) => Promise<Result<void, SendFailure>>;

/** A mail of plain text. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

/** Hands a mail to the server once. Never throws. */
export type SendMail = (mail: Mail) => Promise<Result<void, SendFailure>>;
