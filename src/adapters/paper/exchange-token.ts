/**
 * Who may trade at the exchange: whoever can read the folder of its ledger. The token lies there, new at every start, and a
 * client reads it anew at every connection.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { closeSync, constants, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { err, ok, type Result } from "#core/result.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const tokenBytes = 32;

export const tokenFileFor = (ledgerPath: string): string => join(dirname(ledgerPath), "token");

/** Makes a new token and leaves it beside the ledger. Throws the system's error. */
export const publishToken = (ledgerPath: string): Buffer => {
  const token = randomBytes(tokenBytes);
  const file = tokenFileFor(ledgerPath);
  const unfinished = `${file}.${randomBytes(8).toString("hex")}`;
  try {
    const fd = openSync(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      writeSync(fd, `${token.toString("hex")}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  return token;
};

export const readToken = (file: string): Result<string, string> => {
  try {
    return ok(readFileSync(file, "utf8").trim());
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    return err(
      `the token of the paper exchange cannot be read (${code}: ${file}); \`qts exchange\` keeps it beside its ledger, name it with broker.exchange.tokenFile or --broker-token`,
    );
  }
};

/** As the client shows it in its handshake. */
export const bearerOf = (token: string): string => `Bearer ${token}`;

export const isBearer = (header: string | undefined, token: Buffer): boolean => {
  const given = Buffer.from(/^Bearer ([0-9a-f]+)$/.exec(header ?? "")?.[1] ?? "", "hex");
  return given.length === token.length && timingSafeEqual(given, token);
};
