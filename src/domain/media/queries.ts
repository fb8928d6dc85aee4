import type { Format } from "../../images/format";
import type { AltText, Media, Variant } from "./model";
import type { OutputFormat } from "../../tenants/media-settings";

export interface MediaPage {
  media: Media[];
  /** Where the next page begins; null: this was the last one. */
  cursor: string | null;
}

/** Reads of pictures. Every statement names its tenant. */
export function createMediaQueries(db: D1Database) {
  return {
    async get(tenant: string, key: string): Promise<Media | null> {
      const [own, variants] = await db.batch<Record<string, unknown>>([
        db.prepare("SELECT * FROM media WHERE tenant = ?1 AND key = ?2").bind(tenant, key),
        db.prepare(`SELECT v.* ${variantsOf} WHERE m.tenant = ?1 AND m.key = ?2 ORDER BY v.name`).bind(tenant, key),
      ]);
      const row = own?.results[0] as unknown as Row | undefined;
      return row ? mediaFrom(row, (variants?.results ?? []) as unknown as VariantRow[]) : null;
    },
    /** By key, those that begin with `prefix`. */
    async list(tenant: string, prefix: string, { after, limit }: { after: string; limit: number }): Promise<MediaPage> {
      const page = `SELECT * FROM media WHERE tenant = ?1 AND key > ?2 AND key >= ?3 AND substr(key, 1, length(?3)) = ?3 ORDER BY key LIMIT ?4`;
      const [own, variants] = await db.batch<Record<string, unknown>>([
        db.prepare(page).bind(tenant, after, prefix, limit + 1),
        db
          .prepare(`SELECT v.* FROM (${page}) m CROSS JOIN media_variants v ON v.tenant = ?1 AND v.key = m.key AND v.etag = m.etag ORDER BY v.key, v.name`)
          .bind(tenant, after, prefix, limit),
      ]);
      const rows = (own?.results ?? []) as unknown as Row[];
      const byKey = Map.groupBy((variants?.results ?? []) as unknown as VariantRow[], ({ key }) => key);
      const media = rows.slice(0, limit).map((row) => mediaFrom(row, byKey.get(row.key) ?? []));
      return { media, cursor: rows.length > limit ? (media.at(-1)?.key ?? null) : null };
    },
    /** A page of keys and texts, for the walk that erases a person. */
    async texts(tenant: string, after: string, limit: number): Promise<{ key: string; text: string | null }[]> {
      const sql = "SELECT key, alt_text AS text FROM media WHERE tenant = ?1 AND key > ?2 ORDER BY key LIMIT ?3";
      return (await db.prepare(sql).bind(tenant, after, limit).all<{ key: string; text: string | null }>()).results;
    },
    /** Keys of the pictures that are about one of these things. */
    async about(tenant: string, entities: readonly string[]): Promise<string[]> {
      const sql = "SELECT DISTINCT e.key FROM json_each(?2) k CROSS JOIN media_entities e ON e.tenant = ?1 AND e.entity = k.value";
      return (await db.prepare(sql).bind(tenant, JSON.stringify(entities)).all<{ key: string }>()).results.map(({ key }) => key);
    },
  };
}

export type MediaQueries = ReturnType<typeof createMediaQueries>;

const variantsOf = "FROM media m CROSS JOIN media_variants v ON v.tenant = m.tenant AND v.key = m.key AND v.etag = m.etag";

interface Row {
  key: string;
  etag: string;
  size: number;
  format: Format | null;
  width: number | null;
  height: number | null;
  issue: string | null;
  alt_text: string | null;
  alt_source: AltText["source"] | null;
  alt_model: string | null;
  alt_confidence: number | null;
  alt_language: string | null;
  updated: number;
}

interface VariantRow {
  key: string;
  name: string;
  object: string;
  format: OutputFormat;
  box_width: number;
  box_height: number;
  width: number;
  height: number;
  bytes: number;
}

function mediaFrom({ key, etag, size, format, width, height, issue, updated, ...row }: Row, variants: readonly VariantRow[]): Media {
  const { alt_text: text, alt_source: source, alt_model: model, alt_confidence: confidence, alt_language: language } = row;
  const altText = text === null || source === null ? null : { text, source, model, confidence, language };
  return { key, etag, size, format, width, height, issue, altText, variants: variants.map(variantFrom), updated };
}

function variantFrom({ name, object, format, box_width, box_height, width, height, bytes }: VariantRow): Variant {
  return { name, object, format, box: { width: box_width, height: box_height }, width, height, bytes };
}
