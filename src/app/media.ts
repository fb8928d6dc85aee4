import { type MediaParts, type MediaWork, mediaWork } from "../domain/media/capability";
import { operationsOf, originalObject } from "../domain/media/model";
import { notificationFor } from "../domain/media/notification";
import { mediaObjects, type Original } from "../domain/media/objects";
import { mediaQueries } from "../domain/media/queries";
import { forgetMedia, removeMedia } from "../domain/media/remove";
import { mediaStore, unknown } from "../domain/media/store";
import { createSlots, keptBy, uploadLimits } from "../domain/media/slots";
import { createTurns } from "../domain/media/turns";
import { rest, upload } from "../domain/media/upload";
import type { WorkerEnv } from "../env";
import { messageOf } from "../errors";
import type { MediaDeps } from "../intake/media/deps";
import { image } from "../jobs/image/job";
import type { Enqueue, Refused } from "../queue/request";
import { log } from "./log";
import { isLocal, type Stores } from "./stores";

/** Pictures of all tenants; once an isolate, since one original may be in memory at a time. */
export function createMediaParts(env: WorkerEnv, now: () => number): MediaParts {
  return {
    objects: mediaObjects(env.MEDIA),
    store: mediaStore(env.DB),
    queries: mediaQueries(env.DB),
    turns: createTurns(),
    slots: createSlots(uploadLimits, now),
    now,
  };
}

/** One tenant's pictures, for a run. */
export async function mediaFor(parts: MediaParts, { snapshots }: Pick<Stores, "snapshots">, tenant: string): Promise<MediaWork> {
  const known = await snapshots.read(tenant, parts.now());
  if (known.state === "unknown") throw new Error("the settings of the tenant cannot be read");
  return mediaWork(parts, tenant, (known.state === "known" ? known.snapshot.settings.media?.language : undefined) ?? "en");
}

interface DoorParts {
  env: WorkerEnv;
  now(): number;
  enqueue: Enqueue;
  stores: Pick<Stores, "snapshots">;
  media: MediaParts;
}

export function createMediaDeps(parts: DoorParts): MediaDeps {
  const { env, now, media } = parts;
  const { objects, store, queries } = media;
  // R2 sends these by itself where it is Cloudflare's. What they lead to was done by then: a lost one loses nothing.
  const notify = async (action: "PutObject" | "DeleteObject", object: { key: string; size?: number; eTag?: string }) => {
    if (!isLocal(env)) return;
    const sent = env.MEDIA_UPLOADS.sendBatch([{ body: notificationFor(action, object, now()) }]);
    await sent.catch((thrown: unknown) => log({ event: "trouble", where: "media-uploads", reason: messageOf(thrown) }));
  };
  const put: MediaDeps["put"] = async (tenant, key, chunks, about) => {
    const stored = await upload(env.MEDIA, { tenant, key, chunks, about });
    if (!stored.ok) return { found: stored.found };
    const { original, format, width, height } = stored;
    await store.register(tenant, key, original, { ...unknown, format, width, height }, about, now());
    const refused = await enqueueUpload(parts, tenant, key, original);
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
      if (original) return enqueueUpload(parts, tenant, key, original);
      await forgetMedia(media, tenant, key);
      return null;
    },
  };
}

/** Enqueues one job for each kind of work. Its id comes from the version of the upload, so several messages about one upload make one job. */
async function enqueueUpload({ enqueue, stores, now }: DoorParts, tenant: string, key: string, { version, about }: Original): Promise<Refused | null> {
  const known = await stores.snapshots.read(tenant, now());
  if (known.state !== "known") throw new Error("the tenant's settings cannot be read");
  const { settings, sections } = known.snapshot;
  const requests = operationsOf(settings.media, sections.connections?.["models"] !== undefined).map((operations) => ({
    tenant,
    type: image.type,
    payload: { key, operations, ...(about.length > 0 ? { about } : {}) },
    own: ["upload", version, operations[0]?.type ?? ""],
    // Settings may have changed between two messages about one upload.
    fingerprintOf: version,
    revive: false,
  }));
  const receipts = await enqueue(requests);
  return receipts.find((receipt) => !receipt.ok) ?? null;
}
