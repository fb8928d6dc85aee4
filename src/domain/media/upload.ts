import { contentTypeOf, formatOf, type Format, headBytes } from "../../images/format";
import { sizeIn } from "../../images/inspect";
import { originalObject } from "./model";
import { type Original, originalFrom } from "./objects";
import { equalParts, putParts } from "../../multipart";

type Uploaded = { ok: true; original: Original; format: Format; width: number | null; height: number | null } | { ok: false; found: string };

interface Upload {
  tenant: string;
  key: string;
  /** Their number and size must be bounded by the caller. */
  chunks: AsyncIterable<Uint8Array>;
  about: readonly string[];
}

/**
 * Streams an original into the bucket, with at most one part in memory. The first bytes decide its format. An error of `chunks` aborts the upload
 * and leaves no object. Not ok: it is no picture.
 */
export async function upload(bucket: R2Bucket, { tenant, key, chunks, about }: Upload): Promise<Uploaded> {
  const parts = equalParts(chunks);
  const first = (await parts.next()).value ?? new Uint8Array();
  const sniffed = formatOf(first.subarray(0, headBytes));
  if (!sniffed.ok) return (await rest(parts), sniffed);
  const { format } = sniffed;
  const customMetadata: Record<string, string> = about.length > 0 ? { about: about.join(",") } : {};
  const options = { httpMetadata: { contentType: contentTypeOf(format) }, customMetadata };
  const name = originalObject(tenant, key);
  const object = await putParts(bucket, name, options, first, parts);
  const size = sizeIn(first.subarray(0, 64 * 1024));
  return { ok: true, original: originalFrom(object), format, width: size?.width ?? null, height: size?.height ?? null };
}

/** Reads to the end: a sender whose upload is cut off does not receive the answer. */
export async function rest(parts: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of parts);
}
