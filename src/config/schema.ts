/**
 * The one schema of the configuration, put together from its sections, and the type that follows from it. Apart from the parse,
 * so that rooms without Node can name the type.
 */
import { z } from "zod";
import { alerts } from "./sections/alerts.ts";
import { archive } from "./sections/archive.ts";
import { broker } from "./sections/broker.ts";
import { disk } from "./sections/disk.ts";
import { events } from "./sections/events.ts";
import { execution } from "./sections/execution.ts";
import { feeds } from "./sections/feeds.ts";
import { heartbeat } from "./sections/heartbeat.ts";
import { http } from "./sections/http.ts";
import { instruments } from "./sections/instruments.ts";
import { journal } from "./sections/journal.ts";
import { killSwitch } from "./sections/kill-switch.ts";
import { live } from "./sections/live.ts";
import { log } from "./sections/log.ts";
import { maintenance } from "./sections/maintenance.ts";
import { market } from "./sections/market.ts";
import { operating } from "./sections/operating.ts";
import { risk } from "./sections/risk.ts";
import { safety } from "./sections/safety.ts";
import { session } from "./sections/session.ts";
import { supervision } from "./sections/supervision.ts";
import { trading } from "./sections/trading.ts";

export { type Market, markets } from "./sections/instruments.ts";

export const configSchema = z.strictObject({
  session,
  http,
  log,
  instruments,
  feeds,
  events,
  journal,
  supervision,
  safety,
  operating,
  execution,
  risk,
  live,
  trading,
  killSwitch,
  broker,
  market,
  archive,
  maintenance,
  disk,
  heartbeat,
  alerts,
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
export type Config = DeepReadonly<z.infer<typeof configSchema>>;
