/** A chart with everything that ours have not, or not yet: regions side by side, a final state, a history, a state in a state in a state. */
import { and, not, or, setup } from "xstate";

export const fixtureMachine = setup({
  types: { events: {} as { type: "lamp.started" | "lamp.stopped" | "lamp.broke" | "door.opened" | "looked" } },
  guards: { isDark: () => true, isWatt: (_, { watts }: { watts: number }) => watts > 0 },
}).createMachine({
  id: "lamp",
  initial: "off",
  on: { "lamp.broke": ".broken", looked: {} },
  states: {
    off: {
      on: {
        "lamp.started": { guard: { type: "isWatt", params: { watts: 60 } }, target: "on" },
        looked: { actions: () => {} },
        "door.opened": { guard: and(["isDark", not("isDark"), or(["isDark", () => true])]), target: "on" },
      },
    },
    on: {
      type: "parallel",
      description: "Light and heat, each on its own.",
      states: {
        light: {
          initial: "dim",
          states: {
            dim: { on: { looked: "bright" } },
            bright: { initial: "white", states: { white: { on: { looked: "red" } }, red: { type: "final" } }, onDone: "dim" },
          },
        },
        heat: {
          initial: "cold",
          states: { cold: { always: { guard: "isDark", target: "warm", description: "when it is dark" } }, warm: {} },
        },
      },
      on: { "lamp.stopped": "resting" },
    },
    resting: {
      initial: "short",
      states: { short: { on: { looked: "long" } }, long: {}, back: { type: "history" } },
      on: { "lamp.started": ".back", "lamp.stopped": "resting" },
    },
    broken: { type: "final" },
  },
});
