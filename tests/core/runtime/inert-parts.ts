/** A house of parts that do nothing, for tests that put one or two real ones in their place. */
import { fromTransition } from "xstate";
import { coreParts, opsParts } from "#core/actors.ts";
import type { PartLogics } from "#core/runtime/actor-system.ts";

const inert = fromTransition((state: object) => state, {});

export const inertParts = Object.fromEntries([...coreParts, ...opsParts].map((name) => [name, inert])) as PartLogics;
