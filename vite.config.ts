import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    // A limit against hanging, not a claim about speed: whole days are played here, also on a busy machine.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    // Two cores: each extra worker only adds start-up cost and noise to the tests that start real processes.
    maxWorkers: 2,
  },
});
