// Used by scripts that read words from the command line.

/** What `read` makes of the words; if it throws, its sentence is printed and the process ends with exit code 2. */
export function readWords<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    console.error(`${cause instanceof Error ? cause.message : String(cause)}\nAdd --help to see what it takes.`);
    process.exit(2);
  }
}

/** A whole number of the command line. @throws Error with a sentence, if `text` is none or out of bounds. */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) throw new Error(`${name} must be a whole number from ${min} to ${max}, not "${text}".`);
  return value;
}
