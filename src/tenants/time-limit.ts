/** The promise's value, or an error after `ms` milliseconds. The promise itself continues, and its result is ignored. */
export async function withTimeLimit<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let stop: () => void = () => undefined;
  const limit = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} did not answer within ${ms} ms`)), ms);
    stop = () => clearTimeout(timer);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    stop();
  }
}
