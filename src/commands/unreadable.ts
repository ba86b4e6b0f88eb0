const sentences: { readonly [code: string]: string } = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read it; change its owner or mode",
  EISDIR: "it is a directory; give the file",
};

/** Why a file could not be read, for a person: "… cannot be read: WHY". */
export const whyUnreadable = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return sentences[code ?? ""] ?? message;
};
