/** Health: the house and the machine it stands on, asked every few seconds. The answers decide nothing; people read them. */
import { createHealthMonitor } from "#ops/automation/health.ts";
import { houseChecks } from "#ops/automation/house-checks.ts";
import type { Part, PartContext } from "./part.ts";

const everyMs = 5_000;

export const createHealthPart = ({ config, ports, view, parts, status }: PartContext) => {
  const { wallClock, log, diskSpace } = ports;
  let cancel = (): void => {};

  // Made at the first look: the other parts' checks are known then.
  let monitor: ReturnType<typeof createHealthMonitor> | undefined;
  const made = () =>
    (monitor ??= createHealthMonitor({
      clock: wallClock,
      checks: houseChecks({
        status,
        archive: view.archive,
        now: wallClock.now,
        loopDelayMsMax: config.safety.loopDelayMsMax,
        disk: { ...config.disk, ...(diskSpace === undefined ? {} : { free: diskSpace }) },
        outside: parts().flatMap(({ checks = [] }) => checks),
      }),
      changed: ({ name, state, reason }) =>
        log[state === "ok" ? "info" : "warn"]({ check: name, state }, `health of ${name}: ${reason}`),
    }));

  const look = (): void => {
    cancel = wallClock.setTimer(wallClock.now() + everyMs, look);
    void made().runChecks();
  };

  return {
    name: "health",
    effects: {},
    readings: { health: () => monitor?.results() ?? [] },
    opened: () => {
      cancel = wallClock.setTimer(wallClock.now() + everyMs, look);
    },
    release: () => cancel(),
  } satisfies Part;
};
