import { sha256Hex } from "../../crypto";
import { contentTypeOf } from "../../images/format";
import { type AltText, type Media, type Thumbnail, variantFolder, variantName } from "./model";
import type { Loaded, MediaObjects, Original } from "./objects";
import { getMedia } from "./queries";
import { forgetMedia } from "./remove";
import { addVariant, clearIssue, type Described, registerVersion, setModelText } from "./store";
import type { Slots } from "./slots";
import type { Mutex } from "./mutex";

/** One tenant's pictures, for a run. Every call throws when R2 or D1 cannot be reached. */
export type MediaWork = ReturnType<typeof createMediaWork>;

declare module "../../queue/job" {
  interface Capabilities {
    media: MediaWork;
  }
}

export interface MediaDeps {
  db: D1Database;
  objects: MediaObjects;
  oneAtATime: Mutex;
  /** Slots of uploads. */
  slots: Slots;
  now(): number;
}

export function createMediaWork({ db, objects, oneAtATime, now }: MediaDeps, tenant: string, language: string) {
  const scopeOf = (key: string) => ({ db, tenant, key });
  return {
    /** Language of alt texts. */
    language,
    /**
     * Reads an original and passes it to `use`; null when it does not exist. An isolate has one original in memory at a time, and other runs
     * wait until `use` ends: it must call no model, and its result must not contain the bytes.
     */
    withOriginal: <T>(key: string, signal: AbortSignal, use: (original: Loaded | null) => Promise<T>): Promise<T> =>
      oneAtATime(signal, async () => use(await objects.load(tenant, key))),
    /** Records the description of a version, and returns the picture. Null: the version was removed or replaced meanwhile. */
    async register(key: string, original: Original, described: Described): Promise<Media | null> {
      await registerVersion(scopeOf(key), original, described, original.about, now());
      // The original was removed since it was read: its new row must not restore it.
      if ((await objects.head(tenant, key))?.version !== original.version) return null;
      const media = await getMedia(scopeOf(key));
      return media?.etag === original.etag ? media : null;
    },
    /** Removes the issue of a version that could be read. */
    clearIssue: (key: string, etag: string): Promise<void> => clearIssue(scopeOf(key), etag),
    /** Stores a variant of this version. False: the original was removed or replaced meanwhile, and the variant is deleted again. */
    async addVariant(
      key: string,
      etag: string,
      options: Omit<Thumbnail, "type">,
      { bytes, width, height }: { bytes: Uint8Array<ArrayBuffer>; width: number; height: number },
    ): Promise<boolean> {
      const name = variantName(options);
      const object = `${await variantFolder(tenant, key, etag)}${name}`;
      const { format } = options;
      await objects.putVariant(object, bytes, contentTypeOf(format));
      const box = { width: options.width, height: options.height };
      const variant = { name, object, format, box, width, height, bytes: bytes.length, sha256: await sha256Hex(bytes) };
      // The row of the original decides: a removal deletes the row first, then the objects in the folder.
      if (await addVariant(scopeOf(key), etag, variant, now())) return true;
      await objects.removeObject(object);
      return false;
    },
    /** False: a person wrote the text, or the original was removed or replaced meanwhile. */
    setText: (key: string, etag: string, text: AltText): Promise<boolean> => setModelText(scopeOf(key), etag, text, now()),
    /** Deletes the variants of versions that are not in the bucket. False: `etag` is not the version in the bucket. */
    tidy: async (key: string, etag: string | null): Promise<boolean> => (await forgetMedia(objects, scopeOf(key))) === etag && etag !== null,
  };
}
