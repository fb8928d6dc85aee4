import { sha256Hex } from "../crypto";
import type { PayloadStore } from "../queue/engine";

/** Keys that R2 deletes in one call. */
const maxRemoved = 1000;

interface StoredTexts {
  /** Writes a text under the given name and replaces an earlier one. Returns the key. */
  putAs(tenant: string, id: string, name: string, text: string): Promise<string>;
  remove(keys: readonly string[]): Promise<void>;
  /** Deletes all objects of a job, also those that no row names. */
  removeAll(tenant: string, id: string): Promise<void>;
}

/** Large payloads in R2, under `{tenant}/{id}/{sha256}`: the same payload of the same job is the same object. */
export function createPayloads(bucket: R2Bucket): PayloadStore & StoredTexts {
  const store = async (key: string, bytes: Uint8Array) => {
    await bucket.put(key, bytes, { httpMetadata: { contentType: "application/json" } });
    return key;
  };
  return {
    async put(tenant, id, text) {
      const bytes = new TextEncoder().encode(text);
      return store(`${tenant}/${id}/${await sha256Hex(bytes)}`, bytes);
    },
    putAs: (tenant, id, name, text) => store(`${tenant}/${id}/${name}`, new TextEncoder().encode(text)),
    async get(key) {
      const object = await bucket.get(key);
      return object === null ? null : object.text();
    },
    async remove(keys) {
      for (let from = 0; from < keys.length; from += maxRemoved) await bucket.delete(keys.slice(from, from + maxRemoved));
    },
    async removeAll(tenant, id) {
      // The listed objects are deleted, so the next page is again the first.
      for (let more = true; more;) {
        const { objects, truncated } = await bucket.list({ prefix: `${tenant}/${id}/` });
        if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key));
        more = truncated;
      }
    },
  };
}
