import type { Config } from "#config/config.ts";

/** The section `broker.paper`. */
export type PaperConfig = Config["broker"]["paper"];
