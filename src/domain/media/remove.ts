import type { MediaObjects } from "./objects";
import type { MediaStore } from "./store";

interface RemoveDeps {
  objects: MediaObjects;
  store: MediaStore;
}

/**
 * Removes an original and all that was made of it; false: there was none. The row goes before the object: a job that is at work on it then
 * adds nothing any more. One that is put meanwhile stays. Safe to repeat, and to be repeated when it threw.
 */
export async function removeMedia({ objects, store }: RemoveDeps, tenant: string, key: string): Promise<boolean> {
  const stored = await objects.head(tenant, key);
  const known = await store.forget(tenant, key, await store.uploadedOf(tenant, key));
  const current = stored && (await objects.head(tenant, key));
  if (stored && current?.version === stored.version) await objects.removeOriginal(tenant, key);
  await removeStale({ objects, store }, tenant, key);
  return known || stored !== null;
}

/** Removes what was made of versions that are not in the bucket any more. Returns the etag of the one that is. */
export async function forgetMedia({ objects, store }: RemoveDeps, tenant: string, key: string): Promise<string | undefined> {
  // The row before the bucket: one that is written after this belongs to a later upload.
  const uploaded = await store.uploadedOf(tenant, key);
  const current = await objects.head(tenant, key);
  if (current) await store.forgetOtherVersions(tenant, key, current.etag);
  else await store.forget(tenant, key, uploaded);
  return removeStale({ objects, store }, tenant, key);
}

async function removeStale({ objects }: RemoveDeps, tenant: string, key: string): Promise<string | undefined> {
  const etag = (await objects.head(tenant, key))?.etag;
  await objects.removeVariants(tenant, key, etag);
  return etag;
}
