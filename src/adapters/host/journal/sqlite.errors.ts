/** What SQLite's failures mean for a person, and what to do about them (https://sqlite.org/rescode.html). */

export interface SqliteFailure {
  /** The file's bytes are not what SQLite wrote. */
  readonly isDamage: boolean;
  readonly isBusy: boolean;
  /** Names the file, the cause and the remedy. */
  readonly reason: string;
}

const remedies: Readonly<Record<number, string>> = {
  5: "another process is holding it; close the program that writes to it",
  8: "it is read-only; give the user that runs QTS write permission, or use another --home",
  10: "the disk answered with an I/O error; check the disk (dmesg, smartctl) before starting again",
  13: "the disk is full; make room and start again, nothing acknowledged is lost",
  14: "it cannot be opened or created; check that its directory exists, may be written to, and is not on a read-only disk",
  15: "another process is holding its log; close the program that reads or writes it",
};

/** @param error what node:sqlite or node:fs threw */
export const describeFailure = (error: unknown, file: string): SqliteFailure => {
  const { errcode, code, message } = error as { errcode?: number; code?: string; message: string };
  // Extended result codes keep the primary one in their low byte.
  const primary = errcode === undefined ? 0 : errcode & 0xff;
  if (primary === 11 || primary === 26) return { isDamage: true, isBusy: false, reason: `${file} is damaged: ${message}` };
  const remedy = remedies[primary];
  if (remedy !== undefined)
    return { isDamage: false, isBusy: primary === 5 || primary === 15, reason: `${file}: ${remedy} (${message})` };
  const suffix = code === undefined || message.includes(code) ? "" : ` (${code})`;
  return { isDamage: false, isBusy: false, reason: `${file}: ${message}${suffix}` };
};
