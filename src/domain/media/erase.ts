import type { MediaDeps } from "./capability";
import { mediaAbout, mediaTexts } from "./queries";
import { removeMedia } from "./remove";
import { removeText } from "./store";

type EraseDeps = Pick<MediaDeps, "db" | "objects">;

/** Pictures of one page of a walk. */
const pageSize = 500;

/** Removes the pictures that are about one of these entities; returns how many. */
export async function eraseMediaAbout({ db, objects }: EraseDeps, tenant: string, entities: readonly string[]): Promise<number> {
  const keys = await mediaAbout(db, tenant, entities);
  for (const key of keys) await removeMedia(objects, { db, tenant, key });
  return keys.length;
}

interface ErasedMentions {
  /** Pictures removed because their key names the person. */
  media: number;
  /** Removed texts. */
  altTexts: number;
  looked: number;
  /** The walk continues after this key; null: it is complete. */
  last: string | null;
}

/** The next page of a walk over all pictures: removes pictures whose key names the person, and texts that do. */
export async function eraseNextMentions({ db, objects }: EraseDeps, tenant: string, after: string, names: (text: string) => boolean): Promise<ErasedMentions> {
  const page = await mediaTexts(db, tenant, after, pageSize);
  const counts = { media: 0, altTexts: 0 };
  for (const { key, text } of page) {
    if (names(key)) {
      await removeMedia(objects, { db, tenant, key });
      counts.media++;
    } else if (text !== null && names(text)) {
      await removeText({ db, tenant, key });
      counts.altTexts++;
    }
  }
  return { ...counts, looked: page.length, last: page.length === pageSize ? (page.at(-1)?.key ?? null) : null };
}
