/** HTTP requests that QTS itself makes, to the services of the people who run it: short, bounded, and never an exception. */
import { err, ok } from "#core/result.ts";
import type { Post } from "#ops/ports.ts";

/** What a failed connection is called; the address stays out of it, because it may be a secret. */
const causeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return "unknown";
  const code = (error.cause as { readonly code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : error.name;
};

/** Seconds or a date, as HTTP has it; anything else is no wish. */
const retryAfterMs = (header: string | null): number | undefined => {
  if (header === null) return undefined;
  const isDate = /^[A-Z][a-z]{2}, \d\d /.test(header);
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : isDate ? Date.parse(header) - Date.now() : Number.NaN;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
};

export const post: Post = async ({ url, body, contentType, timeoutMs }) => {
  try {
    const response = await fetch(url, {
      method: "POST",
      body,
      headers: { "content-type": contentType, "user-agent": "qts" },
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    if (response.ok) return ok(undefined);
    const { status } = response;
    const patience = retryAfterMs(response.headers.get("retry-after"));
    return err({ reason: `it answered ${status}`, status, ...(patience === undefined ? {} : { retryAfterMs: patience }) });
  } catch (error) {
    const cause = causeOf(error);
    const isLate = cause === "TimeoutError";
    return err({ reason: isLate ? `it did not answer within ${timeoutMs} ms` : `it cannot be reached (${cause})` });
  }
};
