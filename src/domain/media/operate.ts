import type { Format } from "../../images/format";
import type { Enqueue, Refused } from "../../queue/request";
import type { Snapshots } from "../../tenants/snapshot";
import type { MediaDeps } from "./capability";
import { type Media, operationsOf, originalObject, type Variant } from "./model";
import type { Original } from "./objects";
import type { MediaPage } from "./queries";
import { forgetMedia, removeMedia } from "./remove";
import { keptBy } from "./slots";
import { unknown } from "./store";
import { rest, upload } from "./upload";

/** What the routes about pictures and the reader of notifications need besides the rest. Everything throws when R2 or D1 cannot be reached. */
export interface MediaOperations {
  /**
   * Streams an original into the bucket, notes it and enqueues what is made of it. `found`: it is no picture, and what it is.
   * `refused`: it is stored, and its jobs were not accepted. `full`: too many uploads are under way, of the tenant or here.
   */
  put(
    tenant: string,
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    about: readonly string[],
  ): Promise<{ found: string } | { full: "tenant" | "isolate" } | { stored: Format; refused: Refused | null }>;
  get(tenant: string, key: string): Promise<Media | null>;
  list(tenant: string, prefix: string, page: { after: string; limit: number }): Promise<MediaPage>;
  open(variant: Variant): Promise<R2ObjectBody | null>;
  /** False: there is no such picture. */
  setText(tenant: string, key: string, text: string | null): Promise<boolean>;
  /** False: there was no such picture. */
  remove(tenant: string, key: string): Promise<boolean>;
  /** Does what the bucket says of an original: enqueues what is made of it, or removes what was. Safe to repeat. */
  noticed(tenant: string, key: string): Promise<Refused | null>;
}

export interface MediaOperationsDeps {
  bucket: R2Bucket;
  media: MediaDeps;
  snapshots: Pick<Snapshots, "read">;
  enqueue: Enqueue;
  /** The type of job that works on pictures. */
  type: string;
  /** Reports an object of the bucket where R2 does not by itself. Never throws. */
  notify(action: "PutObject" | "DeleteObject", object: { key: string; size?: number; eTag?: string }): Promise<void>;
  now(): number;
}

export function createMediaOperations(deps: MediaOperationsDeps): MediaOperations {
  const { bucket, now, media, notify } = deps;
  const { objects, store, queries } = media;
  const put: MediaOperations["put"] = async (tenant, key, chunks, about) => {
    const stored = await upload(bucket, { tenant, key, chunks, about });
    if (!stored.ok) return { found: stored.found };
    const { original, format, width, height } = stored;
    await store.register(tenant, key, original, { ...unknown, format, width, height }, about, now());
    const refused = await enqueueUpload(deps, tenant, key, original);
    await notify("PutObject", { key: originalObject(tenant, key), size: original.size, eTag: original.etag });
    return { stored: format, refused };
  };
  return {
    async put(tenant, key, chunks, about) {
      const slot = await media.slots.enter(tenant);
      if ("full" in slot) return (await rest(chunks), slot);
      try {
        return await put(tenant, key, keptBy(slot, chunks), about);
      } finally {
        slot.leave();
      }
    },
    get: (tenant, key) => queries.get(tenant, key),
    list: (tenant, prefix, page) => queries.list(tenant, prefix, page),
    open: ({ object }) => objects.open(object),
    setText: (tenant, key, text) => store.setHumanText(tenant, key, text, now()),
    async remove(tenant, key) {
      const removed = await removeMedia(media, tenant, key);
      if (removed) await notify("DeleteObject", { key: originalObject(tenant, key) });
      return removed;
    },
    async noticed(tenant, key) {
      const original = await objects.head(tenant, key);
      if (original) return enqueueUpload(deps, tenant, key, original);
      await forgetMedia(media, tenant, key);
      return null;
    },
  };
}

/** Enqueues one job for each kind of work. Its id comes from the version of the upload, so several messages about one upload make one job. */
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
    // Settings may have changed between two messages about one upload.
    fingerprintOf: version,
    revive: false,
  }));
  const receipts = await enqueue(requests);
  return receipts.find((receipt) => !receipt.ok) ?? null;
}
