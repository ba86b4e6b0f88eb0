/** `node tests/mutations/run.ts [machine…]`: which damage to a chart would no test notice? Exit code 1 when there is any. */
import { runMutations } from "./mutate.ts";
import { mutationSuites } from "./suites.ts";

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in mutationSuites));
if (unknown.length > 0) {
  process.stderr.write(`no suite for ${unknown.join(", ")}; there are ${Object.keys(mutationSuites).join(", ")}\n`);
  process.exit(2);
}

for (const [name, suite] of Object.entries(mutationSuites)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const startedMs = performance.now();
  const { total, killed, survivors } = runMutations(suite.machine, suite.scenarios);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const holes = survivors.filter((id) => suite.equivalent[id] === undefined);
  const stale = Object.keys(suite.equivalent).filter((id) => !survivors.includes(id));
  process.stdout.write(
    `${name}: ${killed} of ${total} mutants killed, ${survivors.length - holes.length} equivalent, ${holes.length} not noticed (${seconds} s)\n`,
  );
  for (const id of holes) process.stdout.write(`  not noticed: ${id}\n`);
  const reasons = Map.groupBy(
    survivors.filter((id) => suite.equivalent[id] !== undefined),
    (id) => suite.equivalent[id],
  );
  for (const [reason, ids] of reasons) process.stdout.write(`  equivalent, ${ids.length} like ${ids[0]}: ${reason}\n`);
  for (const id of stale) process.stdout.write(`  listed as equivalent but killed: ${id}\n`);
  if (holes.length > 0 || stale.length > 0) process.exitCode = 1;
}
