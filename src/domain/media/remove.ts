import type { MediaScope } from "./model";
import type { MediaObjects } from "./objects";
import { removeOtherVersions, removeRows, uploadedOf } from "./store";

/**
 * Removes an original and its variants; false: there was none. The rows go before the object, so that a job that runs on it adds nothing
 * afterwards. An original that is uploaded meanwhile stays. Safe to repeat, after an error too.
 */
export async function removeMedia(objects: MediaObjects, scope: MediaScope): Promise<boolean> {
  const { tenant, key } = scope;
  const stored = await objects.head(tenant, key);
  const hadRows = await removeRows(scope, await uploadedOf(scope));
  const current = stored && (await objects.head(tenant, key));
  if (stored && current?.version === stored.version) await objects.removeOriginal(tenant, key);
  await removeStale(objects, scope);
  return hadRows || stored !== null;
}

/** Removes what was made of versions that are no longer in the bucket. Returns the etag of the version that is. */
export async function forgetMedia(objects: MediaObjects, scope: MediaScope): Promise<string | undefined> {
  // The row is read before the bucket: a row that is written after this belongs to a later upload.
  const uploaded = await uploadedOf(scope);
  const current = await objects.head(scope.tenant, scope.key);
  if (current) await removeOtherVersions(scope, current.etag);
  else await removeRows(scope, uploaded);
  return removeStale(objects, scope);
}

async function removeStale(objects: MediaObjects, { tenant, key }: MediaScope): Promise<string | undefined> {
  const etag = (await objects.head(tenant, key))?.etag;
  await objects.removeVariants(tenant, key, etag);
  return etag;
}
