/** HTTP requests that QTS itself makes, to the services of the people who run it: short, bounded, and never an exception. */
import { err, ok } from "#core/result.ts";
import type { Post } from "#ops/ports.ts";

/** What a failed connection is called; the address stays out of it, because it may be a secret. */
const causeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return "unknown";
  const code = (error.cause as { readonly code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : error.name;
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
    return response.ok ? ok(undefined) : err(`it answered ${response.status}`);
  } catch (error) {
    const cause = causeOf(error);
    return err(cause === "TimeoutError" ? `it did not answer within ${timeoutMs} ms` : `it cannot be reached (${cause})`);
  }
};
