/** Live sources of market data. */
import { z } from "zod";
import { timerMs } from "../values.ts";

/** A venue's public WebSocket: where it is, and how often it hears of us. */
const wireFeed = z.strictObject({
  url: z
    .string()
    .regex(
      /^(wss:\/\/[\w.-]+|ws:\/\/(127\.0\.0\.1|localhost|\[::1\]))(:\d{1,5})?$/,
      "must be wss://HOST or, on loopback, ws://127.0.0.1:PORT",
    ),
  pingEveryMs: timerMs,
  handshakeMsMax: timerMs,
  answerMsMax: timerMs,
  clockEveryMs: timerMs,
});

export const feeds = z.strictObject({ upbit: wireFeed });
