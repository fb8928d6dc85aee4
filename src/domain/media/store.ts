import type { Format } from "../../images/format";
import type { AltText, Variant } from "./model";

/** A version of an original. */
export interface Version {
  etag: string;
  /** When R2 took it, in milliseconds. */
  uploaded: number;
  size: number;
}

/** What is known of it; all null when nothing is yet. */
export interface Described {
  format: Format | null;
  width: number | null;
  height: number | null;
  issue: string | null;
}

export const unknown: Described = { format: null, width: null, height: null, issue: null };

/** Writes of pictures. Every statement names its tenant. */
export function createMediaStore(db: D1Database) {
  const run = async (sql: string, ...values: (string | number | null)[]) =>
    (
      await db
        .prepare(sql)
        .bind(...values)
        .run()
    ).meta.changes;
  return {
    /**
     * Notes a version, unless a newer one is known. A new one forgets what a model wrote of the one before; a human's text stays.
     */
    async register(tenant: string, key: string, version: Version, described: Described, about: readonly string[], now: number): Promise<void> {
      const { etag, size, uploaded } = version;
      const { format, width, height, issue } = described;
      await db.batch([
        db.prepare(registerSql).bind(tenant, key, etag, size, format, width, height, issue, now, uploaded),
        db
          .prepare(`DELETE FROM media_entities WHERE tenant = ?1 AND key = ?2 AND entity NOT IN (SELECT value FROM json_each(?3)) AND ${isNewest}`)
          .bind(tenant, key, JSON.stringify(about), uploaded),
        db
          .prepare(`INSERT INTO media_entities SELECT ?1, value, ?2 FROM json_each(?3) WHERE ${isNewest} ON CONFLICT DO NOTHING`)
          .bind(tenant, key, JSON.stringify(about), uploaded),
      ]);
    },
    /** When the version that is known was uploaded; null: there is no row. */
    async uploadedOf(tenant: string, key: string): Promise<number | null> {
      const sql = "SELECT uploaded FROM media WHERE tenant = ?1 AND key = ?2";
      return (await db.prepare(sql).bind(tenant, key).first<{ uploaded: number }>())?.uploaded ?? null;
    },
    async clearIssue(tenant: string, key: string, etag: string): Promise<void> {
      await run("UPDATE media SET issue = NULL WHERE tenant = ?1 AND key = ?2 AND etag = ?3", tenant, key, etag);
    },
    /** False: the original is gone or another one by now, and nothing was noted. */
    async addVariant(tenant: string, key: string, etag: string, variant: Variant & { sha256: string }, now: number): Promise<boolean> {
      const { name, object, format, box, width, height, bytes, sha256 } = variant;
      const values = [name, object, format, box.width, box.height, width, height, bytes, sha256, now];
      return (await run(variantSql, tenant, key, etag, ...values)) > 0;
    },
    /** False: there is no such picture. Null takes the text away, so that a model may write one. */
    async setHumanText(tenant: string, key: string, text: string | null, now: number): Promise<boolean> {
      return (await run(humanSql, tenant, key, text, text === null ? null : "human", now)) > 0;
    },
    /** False: a human wrote one, or the picture is gone or another one by now. */
    async setModelText(tenant: string, key: string, etag: string, { text, model, confidence, language }: AltText, now: number): Promise<boolean> {
      return (await run(modelSql, tenant, key, etag, text, model, confidence, language, now)) > 0;
    },
    /** Forgets a picture, unless a version was noted that was uploaded later than this. Null: there was none. */
    async forget(tenant: string, key: string, uploaded: number | null): Promise<boolean> {
      const isGone = "NOT EXISTS (SELECT 1 FROM media m WHERE m.tenant = ?1 AND m.key = ?2)";
      const [removed] = await db.batch([
        db.prepare("DELETE FROM media WHERE tenant = ?1 AND key = ?2 AND uploaded <= ?3").bind(tenant, key, uploaded),
        db.prepare(`DELETE FROM media_variants WHERE tenant = ?1 AND key = ?2 AND ${isGone}`).bind(tenant, key),
        db.prepare(`DELETE FROM media_entities WHERE tenant = ?1 AND key = ?2 AND ${isGone}`).bind(tenant, key),
      ]);
      return (removed?.meta.changes ?? 0) > 0;
    },
    /** Forgets the variants of every version but this. */
    async forgetOtherVersions(tenant: string, key: string, etag: string): Promise<void> {
      await run("DELETE FROM media_variants WHERE tenant = ?1 AND key = ?2 AND etag <> ?3", tenant, key, etag);
    },
    async forgetText(tenant: string, key: string): Promise<void> {
      await run(`UPDATE media SET ${noText} WHERE tenant = ?1 AND key = ?2`, tenant, key);
    },
  };
}

export type MediaStore = ReturnType<typeof createMediaStore>;

const noText = "alt_text = NULL, alt_source = NULL, alt_model = NULL, alt_confidence = NULL, alt_language = NULL, alt_etag = NULL";
const keep = (column: string) => `${column} = iif(media.etag = excluded.etag OR media.alt_source = 'human', media.${column}, NULL)`;
// A version that is noted again with nothing known keeps what was known; what is wrong with it stays until it could be read.
const known = (column: string) =>
  `${column} = iif(media.etag = excluded.etag AND coalesce(excluded.format, excluded.issue) IS NULL, media.${column}, excluded.${column})`;

const isNewest = "EXISTS (SELECT 1 FROM media m WHERE m.tenant = ?1 AND m.key = ?2 AND m.uploaded = ?4)";

const registerSql = `
  INSERT INTO media (tenant, key, etag, size, format, width, height, issue, created, updated, uploaded) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10)
  ON CONFLICT (tenant, key) DO UPDATE SET
    ${["format", "width", "height"].map(known).join(", ")},
    issue = iif(media.etag = excluded.etag, coalesce(excluded.issue, media.issue), excluded.issue),
    ${["alt_text", "alt_source", "alt_model", "alt_confidence", "alt_language", "alt_etag"].map(keep).join(", ")},
    etag = excluded.etag, size = excluded.size, updated = excluded.updated, uploaded = excluded.uploaded
  WHERE excluded.uploaded >= media.uploaded`;

const variantSql = `
  INSERT INTO media_variants SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13
  WHERE EXISTS (SELECT 1 FROM media WHERE tenant = ?1 AND key = ?2 AND etag = ?3)
  ON CONFLICT (tenant, key, etag, name) DO UPDATE SET
    object = excluded.object, width = excluded.width, height = excluded.height, bytes = excluded.bytes, sha256 = excluded.sha256`;

const humanSql = `
  UPDATE media SET alt_text = ?3, alt_source = ?4, alt_model = NULL, alt_confidence = NULL, alt_language = NULL, alt_etag = NULL, updated = ?5
  WHERE tenant = ?1 AND key = ?2`;

const modelSql = `
  UPDATE media SET alt_text = ?4, alt_source = 'ai', alt_model = ?5, alt_confidence = ?6, alt_language = ?7, alt_etag = ?3, updated = ?8
  WHERE tenant = ?1 AND key = ?2 AND etag = ?3 AND alt_source IS NOT 'human'`;
