/** Mail to one SMTP server: one connection for each, bounded in time, and never an exception. */
import { createTransport } from "nodemailer";
import { err, ok } from "#core/result.ts";
import type { SendMail } from "#ops/ports.ts";

export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  /** `starttls`: encrypted before user, password or mail are said, or not sent. `none`: on loopback alone. */
  readonly tls: "starttls" | "implicit" | "none";
  /** Absent: the server wants none. */
  readonly login?: { readonly user: string; readonly password: string };
  /** Real time, from the name's look-up to the server's last answer. */
  readonly timeoutMs: number;
}

/** Of the library's errors the code alone: their texts quote the server, which may quote us. */
const sentences: { readonly [code: string]: string } = {
  EAUTH: "it refused user or password",
  ENOAUTH: "it wants a user and a password",
  ETLS: "it offers no encryption that holds (STARTTLS or its certificate)",
  EENVELOPE: "it refused sender or receiver",
  EMAXRECIPIENTS: "it refused so many receivers",
  EMESSAGE: "it refused the mail",
  EDNS: "its name is not known",
  EPROTOCOL: "it does not speak SMTP",
};

const reasonOf = (error: unknown, timeoutMs: number): { readonly reason: string; readonly status?: number } => {
  const { code, originalCode, responseCode } = (error ?? {}) as { readonly [field: string]: unknown };
  const late = { reason: `it did not answer within ${timeoutMs} ms` };
  if (code === "ETIMEDOUT" || code === "EABORT" || (error instanceof Error && error.name === "TimeoutError")) return late;
  const known = typeof code === "string" ? sentences[code] : undefined;
  // What the system or TLS said: ECONNREFUSED, CERT_HAS_EXPIRED.
  const cause = originalCode ?? code;
  const reason =
    known ?? `it cannot be reached (${typeof cause === "string" && /^[A-Z_]{1,40}$/.test(cause) ? cause : "unknown"})`;
  return typeof responseCode === "number" ? { reason: `${reason} (${responseCode})`, status: responseCode } : { reason };
};

export const createSmtp = ({ host, port, tls, login, timeoutMs }: SmtpOptions): SendMail => {
  const transport = createTransport({
    host,
    port,
    secure: tls === "implicit",
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
    ...(login === undefined ? {} : { auth: { user: login.user, pass: login.password } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    // A mail is text that we wrote: nothing is read from this machine or fetched into it.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return async ({ from, to, subject, text }) => {
    try {
      // The single limits of the library begin anew with each answer; this one is of the whole.
      await transport.sendMail({ from, to: [...to], subject, text, signal: AbortSignal.timeout(timeoutMs) });
      return ok(undefined);
    } catch (error) {
      return err(reasonOf(error, timeoutMs));
    }
  };
};
