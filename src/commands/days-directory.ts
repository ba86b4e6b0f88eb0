/** Where a person's own days lie: QTS_DAYS, else ./days; --days-dir sets it for one command. */
import { resolve } from "node:path";
import type { CommandIo } from "./command.ts";

export const ownDaysDirectory = ({ cwd, env }: Pick<CommandIo, "cwd" | "env">): string => resolve(cwd, env.QTS_DAYS || "days");

/** The same surroundings, with the folder that an option names. */
export const withDaysDirectory = (io: CommandIo, option: string | undefined): CommandIo =>
  option === undefined ? io : { ...io, env: { ...io.env, QTS_DAYS: option } };
