/** Addresses of services outside that QTS itself calls. */
import { z } from "zod";

/** What leaves this machine is encrypted: the path is often all that proves who sent it. */
const shape = /^(https:\/\/([\w.-]+|\[[\da-f:.]+\])|http:\/\/(127\.0\.0\.1|localhost|\[::1\]))(:\d{1,5})?([/?]\S*)?$/i;

/** https, or http on loopback; without a user name. */
export const isServiceAddress = (value: unknown): value is string =>
  typeof value === "string" && shape.test(value) && z.url().safeParse(value).success;

export const isLoopback = (host: string): boolean => ["127.0.0.1", "localhost", "::1"].includes(host);
