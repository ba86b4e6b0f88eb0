#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node must be able to read this file to say why it cannot run the rest.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  process.stderr.write(
    `qts needs Node 24 or newer and this is Node ${process.versions.node}: run it through \`npm start -- …\`, which brings its own Node, or install a newer one.\n`,
  );
  process.exit(78);
}
await import("./main.ts");
