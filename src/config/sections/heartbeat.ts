/** The dead-man's switch outside that is told that the house lives. */
import { z } from "zod";
import { isServiceAddress } from "../addresses.ts";
import { inOrder, timerMs } from "../values.ts";

export const heartbeat = z
  .strictObject({
    url: z.custom<string | null>(),
    // More often than each second helps nobody and fills the journal.
    everyMs: timerMs.min(1_000),
    timeoutMs: timerMs,
  })
  // Judged and told as one with the group, because what is said of a key shows its value, which may be a secret.
  .refine(
    ({ url }) => url === null || isServiceAddress(url),
    "wants url to be https://HOST/… without a user name, http:// on loopback only, or null; what it is now is not shown, it may be a secret",
  )
  .refine(...inOrder("≤", "timeoutMs", "everyMs"));
