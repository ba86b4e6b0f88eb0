import { describe } from "vitest";
import { brokerContract } from "../broker.contract.ts";
import { createPaperWorld } from "./world.ts";

describe("the paper broker inside the process is a Broker", () => {
  brokerContract(async () => {
    const world = await createPaperWorld({ connect: false });
    return {
      broker: world.broker,
      symbol: "SPY",
      priceMinor: 1_680_000,
      pass: world.pass,
      trade: (priceMinor) => world.trade(priceMinor, 1000),
      dispose: async () => undefined,
    };
  });
});
