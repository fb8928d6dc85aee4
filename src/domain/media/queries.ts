import { rowsOf, statement } from "../../d1";
import type { AltText, Media, MediaScope, Variant } from "./model";

interface MediaPage {
  media: Media[];
  /** The next page begins after this key; null: this is the last page. */
  cursor: string | null;
}

/** Null: there is no such picture. */
export async function getMedia({ db, tenant, key }: MediaScope): Promise<Media | null> {
  const results = await db.batch<Record<string, unknown>>([
    statement(db, "SELECT * FROM media WHERE tenant = ?1 AND key = ?2", tenant, key),
    statement(db, `SELECT v.* ${variantsOf} WHERE m.tenant = ?1 AND m.key = ?2 ORDER BY v.name`, tenant, key),
  ]);
  const [row] = rowsOf<Row>(results, 0);
  return row ? mediaFrom(row, rowsOf<VariantRow>(results, 1)) : null;
}

/** Those whose key begins with `prefix`, by key. */
export async function listMedia(
  { db, tenant }: Pick<MediaScope, "db" | "tenant">,
  prefix: string,
  { after, limit }: { after: string; limit: number },
): Promise<MediaPage> {
  const page = `SELECT * FROM media WHERE tenant = ?1 AND key > ?2 AND key >= ?3 AND substr(key, 1, length(?3)) = ?3 ORDER BY key LIMIT ?4`;
  const variantsSql = `SELECT v.* FROM (${page}) m CROSS JOIN media_variants v ON v.tenant = ?1 AND v.key = m.key AND v.etag = m.etag ORDER BY v.key, v.name`;
  const results = await db.batch<Record<string, unknown>>([
    statement(db, page, tenant, after, prefix, limit + 1),
    statement(db, variantsSql, tenant, after, prefix, limit),
  ]);
  const rows = rowsOf<Row>(results, 0);
  const byKey = Map.groupBy(rowsOf<VariantRow>(results, 1), ({ key }) => key);
  const media = rows.slice(0, limit).map((row) => mediaFrom(row, byKey.get(row.key) ?? []));
  return { media, cursor: rows.length > limit ? (media.at(-1)?.key ?? null) : null };
}

/** A page of keys and texts, for the walk that erases a person. */
export async function mediaTexts(db: D1Database, tenant: string, after: string, limit: number): Promise<{ key: string; text: string | null }[]> {
  const sql = "SELECT key, alt_text AS text FROM media WHERE tenant = ?1 AND key > ?2 ORDER BY key LIMIT ?3";
  return (await statement(db, sql, tenant, after, limit).all<{ key: string; text: string | null }>()).results;
}

/** Keys of the pictures that are about one of these entities. */
export async function mediaAbout(db: D1Database, tenant: string, entities: readonly string[]): Promise<string[]> {
  const sql = "SELECT DISTINCT e.key FROM json_each(?2) k CROSS JOIN media_entities e ON e.tenant = ?1 AND e.entity = k.value";
  return (await statement(db, sql, tenant, JSON.stringify(entities)).all<{ key: string }>()).results.map(({ key }) => key);
}

const variantsOf = "FROM media m CROSS JOIN media_variants v ON v.tenant = m.tenant AND v.key = m.key AND v.etag = m.etag";

interface Row extends Omit<Media, "altText" | "variants"> {
  alt_text: string | null;
  alt_source: AltText["source"] | null;
  alt_model: string | null;
  alt_confidence: number | null;
  alt_language: string | null;
}

interface VariantRow extends Omit<Variant, "box"> {
  key: string;
  box_width: number;
  box_height: number;
}

function mediaFrom({ key, etag, size, format, width, height, issue, updated, ...row }: Row, variants: readonly VariantRow[]): Media {
  const { alt_text: text, alt_source: source, alt_model: model, alt_confidence: confidence, alt_language: language } = row;
  const altText = text === null || source === null ? null : { text, source, model, confidence, language };
  return { key, etag, size, format, width, height, issue, altText, variants: variants.map(variantFrom), updated };
}

function variantFrom({ name, object, format, box_width, box_height, width, height, bytes }: VariantRow): Variant {
  return { name, object, format, box: { width: box_width, height: box_height }, width, height, bytes };
}
