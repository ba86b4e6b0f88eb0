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

/** Where Telegram says it, and Discord; a body longer than this is none of theirs. */
const answerBytesMax = 4096;
const retryAfterIn = async (response: Response): Promise<number | undefined> => {
  try {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > answerBytesMax) return undefined;
    }
    const { retry_after, parameters } = JSON.parse(text);
    const seconds: unknown = parameters?.retry_after ?? retry_after;
    return typeof seconds === "number" && seconds >= 0 ? seconds * 1000 : undefined;
  } catch {
    // No JSON, or cut off: then nothing was asked for.
    return undefined;
  }
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
    const { status } = response;
    const patience =
      retryAfterMs(response.headers.get("retry-after")) ?? (status === 429 ? await retryAfterIn(response) : undefined);
    if (!response.bodyUsed) await response.body?.cancel();
    if (response.ok) return ok(undefined);
    return err({ reason: `it answered ${status}`, status, ...(patience === undefined ? {} : { retryAfterMs: patience }) });
  } catch (error) {
    const cause = causeOf(error);
    const isLate = cause === "TimeoutError";
    return err({ reason: isLate ? `it did not answer within ${timeoutMs} ms` : `it cannot be reached (${cause})` });
  }
};
