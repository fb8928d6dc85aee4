import type { MediaObjects } from "./objects";
import type { MediaStore } from "./store";

interface Parts {
  objects: MediaObjects;
  store: MediaStore;
}

/**
 * Removes an original and all that was made of it; false: there was none. The row goes first: a job that is at work on it then adds
 * nothing any more. Safe to repeat, and to be repeated when it threw.
 */
export async function removeMedia({ objects, store }: Parts, tenant: string, key: string): Promise<boolean> {
  const known = await store.forget(tenant, key);
  const stored = known || (await objects.head(tenant, key)) !== null;
  await objects.removeOriginal(tenant, key);
  await objects.removeVariants(tenant, key);
  return stored;
}

/** Removes what was made of an original that is gone from the bucket. An original that was put there meanwhile stays: its job makes everything anew. */
export async function forgetMedia({ objects, store }: Parts, tenant: string, key: string): Promise<void> {
  await store.forget(tenant, key);
  await objects.removeVariants(tenant, key);
}
