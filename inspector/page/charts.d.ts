declare module "virtual:charts" {
  import type { ChartGraph } from "#chart/graph.ts";
  import type { Layout } from "#chart/shapes.ts";
  /** By actor. */
  export const charts: { readonly [actor: string]: { readonly graph: ChartGraph; readonly layout: Layout } | undefined };
}
declare module "*.css";
