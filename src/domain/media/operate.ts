import type { Format } from "../../images/format";
import type { Enqueue, Refused } from "../../queue/request";
import type { Snapshots } from "../../tenants/snapshot";
import type { MediaDeps } from "./capability";
import { operationsOf, originalObject, type Variant } from "./model";
import type { Original } from "./objects";
import { forgetMedia, removeMedia } from "./remove";
import { keptBy } from "./slots";
import { registerVersion, unknown } from "./store";
import { rest, upload } from "./upload";

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
