import { posix } from "node:path";

/**
 * Does a relative path match the glob? Like a shell's glob with `**`, and friendlier in two points: a glob without "/" is
 * matched against the file name in any folder, and a name that begins with a dot is a name like any other (a backup that
 * silently leaves out dot files is not one).
 */
export const matchesGlob = (path: string, glob: string): boolean => {
  const subject = glob.includes("/") || glob === "**" ? path : posix.basename(path);
  return posix.matchesGlob(subject, glob) || posix.matchesGlob(subject.replace(/(^|\/)\./g, "$1_"), glob);
};
