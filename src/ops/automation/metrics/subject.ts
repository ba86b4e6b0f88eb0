/** What the metrics of one subject are made with, and how they are read. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { HouseStatus } from "#core/runtime/report.ts";

/** What went through one stage of the market-data pipeline: in = out + refused + errored (spec A2). */
export interface StageFigures {
  readonly in: number;
  readonly out: number;
  readonly errored: number;
  readonly refusedBy: { readonly [reason: string]: number };
}

/** As the market pipeline counts them. */
export type StagesByName = { readonly [stage: string]: StageFigures };

/** Sets the metrics of one subject to what the house counts. */
export type Collect = (status: HouseStatus, stages: StagesByName) => void;

/** Registers its metrics, under names without the prefix `qts_`. */
export type Subject = (make: Maker) => Collect;

export interface Maker {
  readonly registry: Registry;
  /** Named `qts_NAME_total`. Each scrape starts it over: the house keeps the count, and prom-client's counters cannot be set. */
  readonly counter: <L extends string = never>(name: string, help: string, labelNames?: readonly L[]) => Counter<L>;
  readonly gauge: <L extends string = never>(name: string, help: string, labelNames?: readonly L[]) => Gauge<L>;
  /** A gauge whose labels come and go: a position that was closed, a state that was left is gone, not stale. */
  readonly passingGauge: <L extends string = never>(name: string, help: string, labelNames: readonly L[]) => Gauge<L>;
  /** Starts over whatever a scrape counts or names anew. */
  readonly restart: () => void;
}

export const createMaker = (registry: Registry): Maker => {
  const restarted: { reset(): void }[] = [];
  const gauge: Maker["gauge"] = (name, help, labelNames = []) =>
    new Gauge({ name: `qts_${name}`, help, labelNames: [...labelNames], registers: [registry] });
  return {
    registry,
    counter: (name, help, labelNames = []) => {
      const metric = new Counter({ name: `qts_${name}_total`, help, labelNames: [...labelNames], registers: [registry] });
      restarted.push(metric);
      return metric;
    },
    gauge,
    passingGauge: (name, help, labelNames) => {
      const metric = gauge(name, help, labelNames);
      restarted.push(metric);
      return metric;
    },
    restart: () => {
      for (const metric of restarted) metric.reset();
    },
  };
};

/** 1 for the current state, 0 for the others. */
export const setState = (metric: Gauge<"state">, states: readonly string[], current: string): void => {
  for (const state of new Set([...states, current])) metric.set({ state }, state === current ? 1 : 0);
};

/** A camel-case name in Prometheus' spelling. */
export const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
