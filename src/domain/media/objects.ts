import * as v from "valibot";
import { entityKey } from "../events/entity";
import { maxOriginalBytes } from "../../images/inspect";
import { originalObject, variantFolder } from "./model";

/** A version of an original in the bucket. */
export interface Original {
  etag: string;
  /** Unique for each upload; the etag is the same for the same bytes. */
  version: string;
  /** Milliseconds. */
  uploaded: number;
  size: number;
  about: string[];
}

/** An original with its bytes; undefined: it is too large. */
export interface Loaded extends Original {
  bytes: Uint8Array<ArrayBuffer> | undefined;
}

/** The bucket of originals and variants. Every call throws when R2 cannot be reached. */
export function createMediaObjects(bucket: R2Bucket) {
  return {
    async head(tenant: string, key: string): Promise<Original | null> {
      const object = await bucket.head(originalObject(tenant, key));
      return object && originalFrom(object);
    },
    /** Null: there is no such object. An object that is too large is not read. */
    async load(tenant: string, key: string): Promise<Loaded | null> {
      const object = await bucket.get(originalObject(tenant, key));
      if (!object) return null;
      if (object.size > maxOriginalBytes) return (await object.body.cancel(), { ...originalFrom(object), bytes: undefined });
      return { ...originalFrom(object), bytes: new Uint8Array(await object.arrayBuffer()) };
    },
    async putVariant(object: string, bytes: Uint8Array, contentType: string): Promise<void> {
      // The name contains version and options, so the object never changes.
      await bucket.put(object, bytes, { httpMetadata: { contentType, cacheControl: "public, max-age=31536000, immutable" } });
    },
    open: (object: string) => bucket.get(object),
    removeOriginal: (tenant: string, key: string) => bucket.delete(originalObject(tenant, key)),
    removeObject: (object: string) => bucket.delete(object),
    /** Deletes the variants of an original by their folder, also those without a row; with `etag`, except those of this version. */
    async removeVariants(tenant: string, key: string, etag?: string): Promise<void> {
      const prefix = await variantFolder(tenant, key);
      const kept = etag === undefined ? null : await variantFolder(tenant, key, etag);
      for (let cursor: string | undefined; ;) {
        const page = await bucket.list({ prefix, ...(cursor === undefined ? {} : { cursor }) });
        const stale = page.objects.map((object) => object.key).filter((name) => kept === null || !name.startsWith(kept));
        if (stale.length > 0) await bucket.delete(stale);
        if (!page.truncated) return;
        cursor = page.cursor;
      }
    },
  };
}

export type MediaObjects = ReturnType<typeof createMediaObjects>;

/** Metadata of an object that was written directly to R2 may have any content: invalid entities are omitted. */
export function originalFrom({ etag, version, uploaded, size, customMetadata }: R2Object): Original {
  const named = (customMetadata?.["about"] ?? "").split(",", 50).map((each) => each.trim());
  return { etag, version, uploaded: uploaded.getTime(), size, about: named.filter((each) => v.is(entityKey, each)).slice(0, 5) };
}
