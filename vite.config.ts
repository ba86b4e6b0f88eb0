import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores: each extra worker only adds start-up cost and noise to the tests that start real processes.
    maxWorkers: 2,
  },
});
