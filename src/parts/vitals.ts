/** The process looks at itself: what is odd about it becomes an anomaly. */
import type { Part, PartContext } from "./part.ts";

export const createVitalsPart = ({ intake, ports }: PartContext) => {
  const inlet = intake.inlet("process");
  return {
    name: "vitals",
    effects: {},
    begin: () =>
      inlet.attach({
        open: () => ports.oddities,
        conflateBy: ({ code }) => code,
        take: ({ code, reason }) => inlet.offer({ type: "anomaly.raised", payload: { code, reason }, source: "process" }),
      }),
  } satisfies Part;
};
