import { type Format, contentTypeOf, formatOf, headBytes } from "../../images/format";
import type { Enqueue, Refused } from "../../queue/request";
import type { Snapshots } from "../../tenants/snapshot";
import type { MediaDeps } from "./capability";
import { operationsOf, originalObject, type Variant } from "./model";
import { type Original, originalFrom } from "./objects";
import { forgetMedia, removeMedia } from "./remove";
import { keptBy } from "./slots";
import { registerVersion, unknown } from "./store";
import { sizeIn } from "../../images/inspect";
import { equalParts, putParts } from "../../multipart";

/** Uploads and removals of pictures. Every call throws when R2 or D1 cannot be reached. */
export type MediaOperations = ReturnType<typeof createMediaOperations>;

interface MediaOperationsDeps {
  bucket: R2Bucket;
  media: MediaDeps;
  snapshots: Pick<Snapshots, "read">;
  enqueue: Enqueue;
  /** The type of job that processes pictures. */
  type: string;
  /** Sends a notification about an object where R2 sends none. Never throws. */
  notify(action: "PutObject" | "DeleteObject", object: { key: string; size?: number; eTag?: string }): Promise<void>;
  now(): number;
}

export function createMediaOperations(deps: MediaOperationsDeps) {
  const { bucket, now, media, notify } = deps;
  const { db, objects } = media;
  const put: MediaOperations["put"] = async (tenant, key, chunks, about) => {
    const stored = await upload(bucket, { tenant, key, chunks, about });
    if (!stored.ok) return { found: stored.found };
    const { original, format, width, height } = stored;
    await registerVersion({ db, tenant, key }, original, { ...unknown, format, width, height }, about, now());
    const refused = await enqueueUpload(deps, tenant, key, original);
    await notify("PutObject", { key: originalObject(tenant, key), size: original.size, eTag: original.etag });
    return { stored: format, refused };
  };
  return {
    /**
     * Streams an original into the bucket, records it and enqueues its jobs. `found`: it is no picture, and what it is.
     * `refused`: it is stored, and its jobs were not accepted. `full`: too many uploads are in progress, of the tenant or in this isolate.
     */
    async put(
      tenant: string,
      key: string,
      chunks: AsyncIterable<Uint8Array>,
      about: readonly string[],
    ): Promise<{ found: string } | { full: "tenant" | "isolate" } | { stored: Format; refused: Refused | null }> {
      const slot = await media.slots.enter(tenant);
      if ("full" in slot) return (await rest(chunks), slot);
      try {
        return await put(tenant, key, keptBy(slot, chunks), about);
      } finally {
        slot.leave();
      }
    },
    open: ({ object }: Variant): Promise<R2ObjectBody | null> => objects.open(object),
    /** False: there was no such picture. */
    async remove(tenant: string, key: string): Promise<boolean> {
      const removed = await removeMedia(objects, { db, tenant, key });
      if (removed) await notify("DeleteObject", { key: originalObject(tenant, key) });
      return removed;
    },
    /** Reads the bucket, and enqueues the jobs of an original or removes its variants. Safe to repeat. */
    async reconcile(tenant: string, key: string): Promise<Refused | null> {
      const original = await objects.head(tenant, key);
      if (original) return enqueueUpload(deps, tenant, key, original);
      await forgetMedia(objects, { db, tenant, key });
      return null;
    },
  };
}

/** Enqueues one job for each kind of work. Its id derives from the version of the upload, so repeated messages about one upload enqueue one job. */
async function enqueueUpload(
  { enqueue, snapshots, type, now }: MediaOperationsDeps,
  tenant: string,
  key: string,
  { version, about }: Original,
): Promise<Refused | null> {
  const lookup = await snapshots.read(tenant, now());
  if (lookup.state !== "known") throw new Error("the tenant's settings cannot be read");
  const { settings, sections } = lookup.snapshot;
  const requests = operationsOf(settings.media, sections.connections?.["models"] !== undefined).map((operations) => ({
    tenant,
    type,
    payload: { key, operations, ...(about.length > 0 ? { about } : {}) },
    own: ["upload", version, operations[0]?.type ?? ""],
    // Not of the payload: settings may change between two messages about one upload.
    fingerprintOf: version,
    revive: false,
  }));
  const receipts = await enqueue(requests);
  return receipts.find((receipt) => !receipt.ok) ?? null;
}

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
async function upload(bucket: R2Bucket, { tenant, key, chunks, about }: Upload): Promise<Uploaded> {
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
async function rest(parts: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of parts);
}
