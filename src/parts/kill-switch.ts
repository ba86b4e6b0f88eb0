/**
 * The kill switch: looked at before anything begins and once a second from then on, in real time. What is found becomes a
 * fact; that LOCKDOWN follows, and that nobody releases it meanwhile, is for the safety machine to say.
 */
import { ok, type Result } from "#core/result.ts";
import type { Part, PartContext } from "./part.ts";

const everyMs = 1000;
/** A look that takes longer finds nobody who could tell. */
const lookMsMax = 5000;
/** A fact that the house does not seem to have heard is told again after this long. */
const againMs = 10_000;

export const createKillSwitchPart = ({ config, ports, view, tell }: PartContext) => {
  const { wallClock, log } = ports;
  const { available, tripped } = config.killSwitch;
  const file = available ? ports.killSwitch : undefined;
  const configured = tripped ? "killSwitch.tripped is set in the configuration" : null;
  const remedy = tripped
    ? "set killSwitch.tripped to false in the configuration and start again"
    : file === undefined
      ? "start again"
      : `remove ${file.path}`;
  let cancel = (): void => {};
  let isOver = false;
  /** Why nobody can tell whether it is on. */
  let problem: string | undefined;
  let told: { readonly isOn: boolean; readonly ms: number } | undefined;
  let lookingSinceMs: number | undefined;

  const take = (found: Result<string | null, string>): void => {
    if (isOver) return;
    if (!found.ok) {
      if (problem === undefined) tell("anomaly.raised", { code: "AN064", reason: found.error });
      problem = found.error;
      return;
    }
    if (problem !== undefined) log.info({}, "the kill switch can be looked at again");
    problem = undefined;
    const reason = configured ?? found.value;
    const isOn = reason !== null;
    if (isOn === (view.killSwitch() !== null)) {
      told = undefined;
      return;
    }
    const ms = wallClock.monotonicMs();
    if (told?.isOn === isOn && ms - told.ms < againMs) return;
    told = { isOn, ms };
    if (isOn) tell("kill.switch.tripped", { reason });
    else tell("kill.switch.cleared", { reason: file === undefined ? "the kill switch is not watched" : `${file.path} is gone` });
  };
  const takeNow = (): void => take(file === undefined ? ok(null) : file.now());

  const look = (): void => {
    if (file === undefined || isOver) return;
    cancel = wallClock.setTimer(wallClock.now() + everyMs, look);
    const nowMs = wallClock.monotonicMs();
    if (lookingSinceMs !== undefined) {
      if (nowMs - lookingSinceMs >= lookMsMax) take({ ok: false, error: `${file.path} cannot be looked at (no answer)` });
      return;
    }
    lookingSinceMs = nowMs;
    void file.look().then((found) => {
      lookingSinceMs = undefined;
      take(found);
    });
  };

  return {
    name: "kill-switch",
    effects: {},
    listen: (dispatcher) => dispatcher.handle("kill.switch.look.requested", takeNow, { name: "kill-switch" }),
    readings: { killSwitchRemedy: () => remedy },
    opened: () => {
      if (!available) log.warn({}, "the kill switch is not watched: killSwitch.available is false");
      takeNow();
      look();
    },
    quieten: () => {
      isOver = true;
      cancel();
    },
    figures: () => {
      const on = view.killSwitch();
      const unwatched = available ? "absent" : "not watched";
      return {
        state: on !== null ? "on" : problem !== undefined ? "unreadable" : file === undefined ? unwatched : "off",
        on: on === null ? 0 : 1,
        reason: on?.reason ?? problem ?? null,
        since: on === null ? null : new Date(on.at).toISOString(),
        path: file?.path ?? null,
      };
    },
    checks:
      file === undefined
        ? []
        : [
            {
              name: "kill switch",
              look: () =>
                problem === undefined
                  ? { state: "ok", reason: "it can be looked at" }
                  : { state: "critical", reason: `${problem}: turning it on would have no effect` },
            },
          ],
  } satisfies Part;
};
