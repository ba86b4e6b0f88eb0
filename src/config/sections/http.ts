/** Where health, status, metrics and the dashboard are served. */
import { z } from "zod";

export const http = z.strictObject({
  host: z.enum(["127.0.0.1", "::1", "localhost"], "must be a loopback address"),
  port: z.int().min(0).max(65535),
});
