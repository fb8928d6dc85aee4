/** A part of an upload to R2 in several parts has at least so many bytes, and all but the last one equally many. */
const partBytes = 5 * 1024 * 1024;

/** What is reserved for the beginning of a part. */
const minBuffer = 64 * 1024;

/** Chunks gathered into parts of equal size; the last one may be shorter, none is empty. Memory grows with what came, so that many small uploads at once take little. */
export async function* equalParts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  let part = new Uint8Array();
  let filled = 0;
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length;) {
      const piece = chunk.subarray(from, from + partBytes - filled);
      part = withRoom(part, filled + piece.length);
      part.set(piece, filled);
      filled += piece.length;
      from += piece.length;
      if (filled < partBytes) continue;
      yield part;
      part = new Uint8Array();
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
  return undefined;
}

function withRoom(part: Uint8Array<ArrayBuffer>, bytes: number): Uint8Array<ArrayBuffer> {
  if (bytes <= part.length) return part;
  const larger = new Uint8Array(Math.min(partBytes, Math.max(bytes, 2 * part.length, minBuffer)));
  larger.set(part);
  return larger;
}

/**
 * Stores parts as one object; at most two parts are in memory. What `rest` throws ends the upload, and nothing is left of it.
 * `first` is the first part, read by the caller.
 */
export async function putParts(
  bucket: R2Bucket,
  name: string,
  options: R2MultipartOptions,
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): Promise<R2Object> {
  if (first.length < partBytes) return bucket.put(name, first, options);
  const multipart = await bucket.createMultipartUpload(name, options);
  try {
    const uploaded = [await multipart.uploadPart(1, first)];
    for await (const part of rest) uploaded.push(await multipart.uploadPart(uploaded.length + 1, part));
    return await multipart.complete(uploaded);
  } catch (thrown) {
    await multipart.abort();
    throw thrown;
  }
}
