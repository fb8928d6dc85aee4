import { sha256Hex } from "../../crypto";
import { contentTypeOf } from "../../images/format";
import { type AltText, type Media, type Thumbnail, variantFolder, variantName } from "./model";
import type { Loaded, MediaObjects, Original } from "./objects";
import type { MediaQueries } from "./queries";
import type { Described, MediaStore } from "./store";
import { forgetMedia } from "./remove";
import type { Slots } from "./slots";
import type { Mutex } from "./mutex";

/** What a run does with one tenant's pictures. Everything throws when R2 or D1 cannot be reached. */
export interface MediaWork {
  /** Of alt texts. */
  readonly language: string;
  /**
   * Reads an original once and hands it to `use`: null when it is gone. One original is in memory at a time in an isolate: other runs
   * wait until `use` has ended, so it asks no model, and its result does not hold the bytes.
   */
  withOriginal<T>(key: string, signal: AbortSignal, use: (original: Loaded | null) => Promise<T>): Promise<T>;
  /** Notes what was found out of a version and returns all that is known of it. */
  register(key: string, original: Original, described: Described): Promise<Media | null>;
  /** Notes that the version can be read after all. */
  clearIssue(key: string, etag: string): Promise<void>;
  /** Stores a variant of this version. False: the original was removed or replaced meanwhile, and nothing is left of the variant. */
  addVariant(
    key: string,
    etag: string,
    options: Omit<Thumbnail, "type">,
    made: { bytes: Uint8Array<ArrayBuffer>; width: number; height: number },
  ): Promise<boolean>;
  /** False: a human's text stands there, or the original was removed or replaced meanwhile. */
  setText(key: string, etag: string, text: AltText): Promise<boolean>;
  /** Removes what was made of versions that are no more, everything when there is none. False: `etag` is not the version in the bucket. */
  tidy(key: string, etag: string | null): Promise<boolean>;
}

declare module "../../queue/job" {
  interface Capabilities {
    media: MediaWork;
  }
}

export interface MediaDeps {
  objects: MediaObjects;
  store: MediaStore;
  queries: MediaQueries;
  oneAtATime: Mutex;
  /** Of uploads. */
  slots: Slots;
  now(): number;
}

export function createMediaWork({ objects, store, queries, oneAtATime, now }: MediaDeps, tenant: string, language: string): MediaWork {
  return {
    language,
    withOriginal: (key, signal, use) => oneAtATime(signal, async () => use(await objects.load(tenant, key))),
    async register(key, original, described) {
      await store.register(tenant, key, original, described, original.about, now());
      // Removed since it was read: the row that was just written must not bring it back.
      if ((await objects.head(tenant, key))?.version !== original.version) return null;
      const media = await queries.get(tenant, key);
      return media?.etag === original.etag ? media : null;
    },
    clearIssue: (key, etag) => store.clearIssue(tenant, key, etag),
    async addVariant(key, etag, options, { bytes, width, height }) {
      const name = variantName(options);
      const object = `${await variantFolder(tenant, key, etag)}${name}`;
      const { format } = options;
      await objects.putVariant(object, bytes, contentTypeOf(format));
      const box = { width: options.width, height: options.height };
      const variant = { name, object, format, box, width, height, bytes: bytes.length, sha256: await sha256Hex(bytes) };
      // The row of the original decides: who removes an original removes its row first, then what lies in its folder.
      if (await store.addVariant(tenant, key, etag, variant, now())) return true;
      await objects.removeObject(object);
      return false;
    },
    setText: (key, etag, text) => store.setModelText(tenant, key, etag, text, now()),
    tidy: async (key, etag) => (await forgetMedia({ objects, store }, tenant, key)) === etag && etag !== null,
  };
}
