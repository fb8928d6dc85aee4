import type { MediaDeps } from "./capability";
import { removeMedia } from "./remove";

type EraseDeps = Pick<MediaDeps, "objects" | "store" | "queries">;

/** Pictures of one page of a walk. */
const pageSize = 500;

/** Removes the pictures that are about one of these things; returns how many. */
export async function eraseMediaAbout(deps: EraseDeps, tenant: string, entities: readonly string[]): Promise<number> {
  const keys = await deps.queries.about(tenant, entities);
  for (const key of keys) await removeMedia(deps, tenant, key);
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
export async function eraseNextMentions(deps: EraseDeps, tenant: string, after: string, names: (text: string) => boolean): Promise<ErasedMentions> {
  const page = await deps.queries.texts(tenant, after, pageSize);
  const counts = { media: 0, altTexts: 0 };
  for (const { key, text } of page) {
    if (names(key)) {
      await removeMedia(deps, tenant, key);
      counts.media++;
    } else if (text !== null && names(text)) {
      await deps.store.forgetText(tenant, key);
      counts.altTexts++;
    }
  }
  return { ...counts, looked: page.length, last: page.length === pageSize ? (page.at(-1)?.key ?? null) : null };
}
