/**
 * Heartbeat: tells a dead-man's switch outside, by HTTP, that the house lives, and in which state. A live session alone beats:
 * in a replay time is the market's, which runs as fast as somebody likes, and nobody needs to be woken when it stops.
 */
import { heartbeatMachine } from "#machines/heartbeat.machine.ts";
import type { Part, PartContext } from "./part.ts";

export const createHeartbeatPart = ({ config, ports, view, tell, house }: PartContext) => {
  const { url, everyMs, timeoutMs } = config.heartbeat;
  const { clock, log, post, session } = ports;
  const isLive = config.session.mode === "live";
  let isOver = false;
  let sent = 0;
  let failed = 0;
  let lastSentAt: string | null = null;
  let lastFailure: string | null = null;

  /** Undefined while the house recovers, and where there is no ops. */
  const machine = () =>
    house().recovering() !== undefined || house().actors().isDown("heartbeat")
      ? undefined
      : house().actors().snapshotOf("heartbeat");

  /** What the house says of itself: states alone, no reasons, which people write for each other. */
  const body = (): string =>
    JSON.stringify({
      at: new Date(clock.now()).toISOString(),
      session,
      state: view.session(),
      safety: view.safety(),
      operating: view.operating().state,
      trading: view.trading().open,
    });

  return {
    name: "heartbeat",
    machines: {
      heartbeat: { logic: heartbeatMachine, input: { isOn: isLive && url !== null && post !== undefined, everyMs, timeoutMs } },
    },
    effects: {
      "heartbeat.send": ({ beat }) => {
        // A disk that hung lets all the beats go at once that waited for it; only the newest is true.
        if (url === null || post === undefined || isOver || machine()?.context.beat !== beat) return;
        const posted = post({ url, body: body(), contentType: "application/json", timeoutMs }).then((outcome) => {
          if (isOver) return;
          if (outcome.ok) {
            sent += 1;
            lastSentAt = new Date(clock.now()).toISOString();
            tell("heartbeat.sent", { beat });
          } else {
            failed += 1;
            lastFailure = outcome.error.reason;
            tell("heartbeat.failed", { beat, reason: outcome.error.reason });
          }
        });
        void clock.hold(posted, timeoutMs);
      },
    },
    opened: () => {
      if (url !== null && !isLive) log.info({}, "heartbeat.url is set, and a replay sends no heartbeats");
    },
    quieten: () => {
      isOver = true;
    },
    figures: () => ({ state: machine()?.value ?? "silent", sent, failed, lastSentAt, lastFailure }),
  } satisfies Part;
};
