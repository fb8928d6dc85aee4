/** The part of a body that was read. */
interface ReadBody {
  bytes: Uint8Array;
  /** `too-large`: cut at the limit. `broken`: the connection ended, or the signal fired, before the end. */
  end: "complete" | "too-large" | "broken";
}

/** Reads at most `limit` bytes, counted while they arrive: Content-Length is ignored. Never throws. */
export async function readBody(body: ReadableStream<Uint8Array> | null, limit: number, signal: AbortSignal): Promise<ReadBody> {
  if (body === null) return { bytes: new Uint8Array(), end: "complete" };
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await unlessAborted(reader.read(), signal);
      if (done) return { bytes: joined(chunks, size), end: "complete" };
      chunks.push(value);
      size += value.byteLength;
      if (size > limit) return { bytes: joined(chunks, size).slice(0, limit), end: "too-large" };
    }
  } catch {
    return { bytes: joined(chunks, size), end: "broken" };
  } finally {
    // Frees the connection. After a complete read it does nothing; after a broken one it may fail, which is ignored.
    reader.cancel().catch(() => undefined);
  }
}

/** The promise, or a rejection as soon as the signal fires, whatever the promise does. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
