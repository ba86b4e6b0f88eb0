/** Every command there is, alphabetically. Loaded when asked for, so that `qts status` does not load the trading house. */
import type { Command } from "./command.ts";

export interface TableRow {
  readonly name: string;
  readonly load: () => Promise<Command>;
}

export const commandTable: readonly TableRow[] = [];
