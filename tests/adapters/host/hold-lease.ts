/** A process for the lease test: takes the lease, says which epoch it got or why not, and keeps it until it is killed. */
import { writeSync } from "node:fs";
import { acquireLease } from "#adapters/host/lease.ts";

const lease = acquireLease({ home: process.argv[2] as string, command: "qts run --home here", now: 0 });
writeSync(1, `${JSON.stringify(lease.ok ? { epoch: lease.value.epoch } : lease.error)}\n`);
if (lease.ok) setInterval(() => {}, 1000);
