import type { MediaParts } from "./capability";
import { removeMedia } from "./remove";

type Parts = Pick<MediaParts, "objects" | "store" | "queries">;

/** Pictures of one page of a walk. */
const pageSize = 500;

/** Removes the pictures that are about one of these things; returns how many. */
export async function eraseMediaAbout(parts: Parts, tenant: string, entities: readonly string[]): Promise<number> {
  const keys = await parts.queries.about(tenant, entities);
  for (const key of keys) await removeMedia(parts, tenant, key);
  return keys.length;
}

export interface ErasedMentions {
  /** Pictures that were removed, because their key names the person. */
  media: number;
  /** Texts that were taken away. */
  altTexts: number;
  looked: number;
  /** Where the walk goes on; null: nothing is left. */
  last: string | null;
}

/** The next page of a walk over all pictures: those whose key or text names a person lose it. */
export async function eraseNextMentions(parts: Parts, tenant: string, after: string, names: (text: string) => boolean): Promise<ErasedMentions> {
  const page = await parts.queries.texts(tenant, after, pageSize);
  const counts = { media: 0, altTexts: 0 };
  for (const { key, text } of page) {
    if (names(key)) {
      await removeMedia(parts, tenant, key);
      counts.media++;
    } else if (text !== null && names(text)) {
      await parts.store.forgetText(tenant, key);
      counts.altTexts++;
    }
  }
  return { ...counts, looked: page.length, last: page.length === pageSize ? (page.at(-1)?.key ?? null) : null };
}
