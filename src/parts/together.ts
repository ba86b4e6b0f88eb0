/** What the parts of the house give together: one object of effects, of readings, of machines and of what these begin with. */
import type { AnyStateMachine } from "xstate";
import { coreParts, opsParts } from "#core/actors.ts";
import type { SystemInput } from "#core/runtime/actor-system.ts";
import type { HostedMachine } from "#core/runtime/boot-check.ts";
import type { HouseOptions } from "#core/runtime/house.ts";
import type { Hosted, Part } from "./part.ts";

type Intersection<U> = (U extends unknown ? (part: U) => void : never) extends (part: infer I) => void ? I : never;
/** What all parts of a list give together under one name. */
export type Together<P, K extends keyof Part> = Intersection<
  P extends { readonly [N in K]-?: infer V } ? (V extends undefined ? never : V) : never
>;

type Machines = { readonly [actor: string]: Hosted };

/** Merges what the parts give under one name; the same key twice is a bug of ours. */
export const together = <const P extends readonly Part[], K extends "effects" | "readings" | "machines">(
  parts: P,
  key: K,
): Together<P[number], K> => {
  const merged: { [name: string]: unknown } = {};
  for (const part of parts)
    for (const [name, value] of Object.entries(part[key] ?? {})) {
      if (Object.hasOwn(merged, name)) throw new Error(`broken assumption: two parts give ${key}.${name}, one is ${part.name}`);
      merged[name] = value;
    }
  return merged as Together<P[number], K>;
};

/** The logic of each machine, under its name; whoever needs one that no part gives does not compile. */
export const logicsOf = <M extends Machines>(machines: M): { readonly [N in keyof M]: M[N]["logic"] } =>
  Object.fromEntries(Object.entries(machines).map(([name, { logic }]) => [name, logic])) as {
    readonly [N in keyof M]: M[N]["logic"];
  };

const inputsOf = (machines: Machines, names: readonly string[]): { [name: string]: unknown } =>
  Object.fromEntries(names.map((name) => [name, machines[name]?.input]));

/** What the supervisors begin with: how they restart, and the input of each machine below them. */
export const supervisionOf = (machines: Machines, restart: SystemInput["restart"], ops: boolean): SystemInput => ({
  restart,
  ops,
  parts: { ...inputsOf(machines, coreParts), ops: { restart, parts: inputsOf(machines, opsParts) } },
});

const isChart = (logic: object): logic is AnyStateMachine => "root" in logic && "config" in logic;

/** Every chart among the actors. */
export const chartsOf = (parts: readonly Part[]): AnyStateMachine[] =>
  parts.flatMap(({ machines = {} }) =>
    Object.values(machines)
      .map(({ logic }) => logic)
      .filter(isChart),
  );

/** Every machine that an actor of a part hosts. */
export const hostedOf = (parts: readonly Part[]): HostedMachine[] => parts.flatMap(({ hosts = [] }) => hosts);

/** At most one part keeps state besides the actors'. */
export const projectionOf = (parts: readonly Part[]): Pick<HouseOptions, "projection"> => {
  const [projection, ...others] = parts.flatMap((part) => part.projection ?? []);
  if (others.length > 0) throw new Error("broken assumption: two parts have a projection");
  return projection === undefined ? {} : { projection };
};
