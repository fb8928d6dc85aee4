import { sha256Hex } from "../crypto";
import type { PayloadStore } from "../queue/engine";

/** Large payloads in R2, under `{tenant}/{id}/{sha256}`: the same payload of the same job is the same object. */
export function createPayloads(bucket: R2Bucket): PayloadStore & { remove(keys: readonly string[]): Promise<void> } {
  return {
    async put(tenant, id, text) {
      const bytes = new TextEncoder().encode(text);
      const key = `${tenant}/${id}/${await sha256Hex(bytes)}`;
      await bucket.put(key, bytes, { httpMetadata: { contentType: "application/json" } });
      return key;
    },
    async get(key) {
      const object = await bucket.get(key);
      return object === null ? null : object.text();
    },
    async remove(keys) {
      if (keys.length > 0) await bucket.delete([...keys]);
    },
  };
}
