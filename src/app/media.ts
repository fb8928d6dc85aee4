import { type MediaDeps, type MediaWork, createMediaWork } from "../domain/media/capability";
import { notificationFor } from "../domain/media/notification";
import { createMediaObjects } from "../domain/media/objects";
import { createMediaOperations, type MediaOperations } from "../domain/media/operate";
import { createSlots, uploadLimits } from "../domain/media/slots";
import { createMutex } from "../domain/media/mutex";
import type { WorkerEnv } from "../env";
import { messageOf } from "../errors";
import { image } from "../jobs/image/job";
import type { Enqueue } from "../queue/request";
import { log } from "./log";
import { isLocal, type Stores } from "./stores";

/** Pictures of all tenants; once an isolate, since one original may be in memory at a time. */
export function createMediaDeps(env: WorkerEnv, now: () => number): MediaDeps {
  return {
    db: env.DB,
    objects: createMediaObjects(env.MEDIA),
    oneAtATime: createMutex(),
    slots: createSlots(uploadLimits, now),
    now,
  };
}

/** One tenant's pictures, for a run. */
export async function mediaFor(deps: MediaDeps, { snapshots }: Pick<Stores, "snapshots">, tenant: string): Promise<MediaWork> {
  const lookup = await snapshots.read(tenant, deps.now());
  if (lookup.state === "unknown") throw new Error("the settings of the tenant cannot be read");
  return createMediaWork(deps, tenant, (lookup.state === "known" ? lookup.snapshot.settings.media?.language : undefined) ?? "en");
}

interface MediaIntakeDeps {
  env: WorkerEnv;
  now(): number;
  enqueue: Enqueue;
  stores: Pick<Stores, "snapshots">;
  media: MediaDeps;
}

/** Pictures, for the routes and the reader of notifications. */
export function createMediaIntake({ env, now, enqueue, stores: { snapshots }, media }: MediaIntakeDeps): MediaOperations {
  return createMediaOperations({
    bucket: env.MEDIA,
    media,
    snapshots,
    enqueue,
    type: image.type,
    // R2 sends these by itself where it is Cloudflare's. What they lead to was done by then: a lost one loses nothing.
    async notify(action, object) {
      if (!isLocal(env)) return;
      const sent = env.MEDIA_UPLOADS.sendBatch([{ body: notificationFor(action, object, now()) }]);
      await sent.catch((thrown: unknown) => log({ event: "trouble", where: "media-uploads", reason: messageOf(thrown) }));
    },
    now,
  });
}
