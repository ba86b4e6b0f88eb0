/** The system's errors in words. */

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

export const reasonOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  // The path that a call was made with leads through a descriptor and says nothing to a reader.
  const sentence = (message ?? String(error)).replace(/ '?\/proc\/self\/fd\/\d+\/[^']*'?/g, "");
  return code === undefined || sentence.startsWith(code) ? sentence : `${code}: ${sentence}`;
};
