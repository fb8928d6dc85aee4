import { contentTypeOf, formatOf, type Format, headBytes } from "./format";
import { sizeIn } from "./inspect";
import { originalObject } from "./model";
import { type Original, originalFrom } from "./objects";

/** A part of an upload to R2 in several parts has at least so many bytes. */
const partBytes = 5 * 1024 * 1024;

export type Uploaded = { ok: true; original: Original; format: Format; width: number | null; height: number | null } | { ok: false; found: string };

export interface Upload {
  tenant: string;
  key: string;
  /** Counted and bounded by who makes them. */
  chunks: AsyncIterable<Uint8Array>;
  about: readonly string[];
}

/**
 * Streams an original into the bucket; at most one part is in memory. What it is, its first bytes say. What `chunks` throws ends the upload,
 * and nothing is left of it. Not ok: it is no picture.
 */
export async function upload(bucket: R2Bucket, { tenant, key, chunks, about }: Upload): Promise<Uploaded> {
  const parts = partsOf(chunks);
  const first = (await parts.next()).value ?? new Uint8Array();
  const sniffed = formatOf(first.subarray(0, headBytes));
  if (!sniffed.ok) return (await rest(parts), sniffed);
  const { format } = sniffed;
  const customMetadata: Record<string, string> = about.length > 0 ? { about: about.join(",") } : {};
  const options = { httpMetadata: { contentType: contentTypeOf(format) }, customMetadata };
  const name = originalObject(tenant, key);
  const object = first.length < partBytes ? await bucket.put(name, first, options) : await putParts(bucket, name, options, first, parts);
  const size = sizeIn(first.subarray(0, 64 * 1024));
  return { ok: true, original: originalFrom(object), format, width: size?.width ?? null, height: size?.height ?? null };
}

async function putParts(bucket: R2Bucket, name: string, options: R2MultipartOptions, first: Uint8Array, parts: AsyncIterable<Uint8Array>): Promise<R2Object> {
  const multipart = await bucket.createMultipartUpload(name, options);
  try {
    const uploaded = [await multipart.uploadPart(1, first)];
    for await (const part of parts) uploaded.push(await multipart.uploadPart(uploaded.length + 1, part));
    return await multipart.complete(uploaded);
  } catch (thrown) {
    await multipart.abort();
    throw thrown;
  }
}

/** Chunks gathered into parts of equal size; the last one may be shorter, none is empty. */
async function* partsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  let part = new Uint8Array(partBytes);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length;) {
      const piece = chunk.subarray(from, from + partBytes - filled);
      part.set(piece, filled);
      filled += piece.length;
      from += piece.length;
      if (filled < partBytes) continue;
      yield part;
      part = new Uint8Array(partBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
  return undefined;
}

/** Reads to the end: a sender that is cut off loses the answer. */
async function rest(parts: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of parts);
}
