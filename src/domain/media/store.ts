import { changes, statement } from "../../d1";
import type { AltText, Media, MediaScope, Variant } from "./model";

interface OriginalVersion {
  etag: string;
  /** When R2 stored it. Milliseconds. */
  uploaded: number;
  size: number;
}

/** What the first bytes show of an original, or why it cannot be read. All null before it was read. */
export type Described = Pick<Media, "format" | "width" | "height" | "issue">;

export const unknown: Described = { format: null, width: null, height: null, issue: null };

/** Records a version, unless a newer one is recorded. A new version drops the alt text that a model wrote for the former; a person's text stays. */
export async function registerVersion(
  { db, tenant, key }: MediaScope,
  version: OriginalVersion,
  described: Described,
  about: readonly string[],
  now: number,
): Promise<void> {
  const { etag, size, uploaded } = version;
  const { format, width, height, issue } = described;
  const entities = JSON.stringify(about);
  await db.batch([
    statement(db, registerSql, tenant, key, etag, size, format, width, height, issue, now, uploaded),
    statement(db, dropEntitiesSql, tenant, key, entities, uploaded),
    statement(db, addEntitiesSql, tenant, key, entities, uploaded),
  ]);
}

/** When the recorded version was uploaded (milliseconds); null: there is no row. */
export async function uploadedOf({ db, tenant, key }: MediaScope): Promise<number | null> {
  const row = await statement(db, "SELECT uploaded FROM media WHERE tenant = ?1 AND key = ?2", tenant, key).first<{ uploaded: number }>();
  return row?.uploaded ?? null;
}

export async function clearIssue(scope: MediaScope, etag: string): Promise<void> {
  await write(scope, "UPDATE media SET issue = NULL WHERE tenant = ?1 AND key = ?2 AND etag = ?3", etag);
}

/** False: this version of the original is not the recorded one, and nothing was written. */
export function addVariant(scope: MediaScope, etag: string, variant: Variant & { sha256: string }, now: number): Promise<boolean> {
  const { name, object, format, box, width, height, bytes, sha256 } = variant;
  return write(scope, variantSql, etag, name, object, format, box.width, box.height, width, height, bytes, sha256, now);
}

/** Null removes the text, so that a model may write one. False: there is no such picture. */
export function setHumanText(scope: MediaScope, text: string | null, now: number): Promise<boolean> {
  return write(scope, humanSql, text, text === null ? null : "human", now);
}

/** False: a person wrote the text, or this version of the original is not the recorded one. */
export function setModelText(scope: MediaScope, etag: string, { text, model, confidence, language }: AltText, now: number): Promise<boolean> {
  return write(scope, modelSql, etag, text, model, confidence, language, now);
}

export async function removeText(scope: MediaScope): Promise<void> {
  await write(scope, `UPDATE media SET ${noText} WHERE tenant = ?1 AND key = ?2`);
}

/** Deletes the rows of a picture, unless a version was recorded that was uploaded later than `uploaded`. False: there was none. */
export async function removeRows({ db, tenant, key }: MediaScope, uploaded: number | null): Promise<boolean> {
  const isGone = "NOT EXISTS (SELECT 1 FROM media m WHERE m.tenant = ?1 AND m.key = ?2)";
  const [removed] = await db.batch([
    statement(db, "DELETE FROM media WHERE tenant = ?1 AND key = ?2 AND uploaded <= ?3", tenant, key, uploaded),
    statement(db, `DELETE FROM media_variants WHERE tenant = ?1 AND key = ?2 AND ${isGone}`, tenant, key),
    statement(db, `DELETE FROM media_entities WHERE tenant = ?1 AND key = ?2 AND ${isGone}`, tenant, key),
  ]);
  return (removed?.meta.changes ?? 0) > 0;
}

/** Deletes the rows of the variants of every version but this. */
export async function removeOtherVersions(scope: MediaScope, etag: string): Promise<void> {
  await write(scope, "DELETE FROM media_variants WHERE tenant = ?1 AND key = ?2 AND etag <> ?3", etag);
}

/** Whether a row changed. */
async function write({ db, tenant, key }: MediaScope, sql: string, ...values: (string | number | null)[]): Promise<boolean> {
  return (await changes(db, sql, tenant, key, ...values)) > 0;
}

const noText = "alt_text = NULL, alt_source = NULL, alt_model = NULL, alt_confidence = NULL, alt_language = NULL, alt_etag = NULL";
const keep = (column: string) => `${column} = iif(media.etag = excluded.etag OR media.alt_source = 'human', media.${column}, NULL)`;
// A version that is recorded again before it was read keeps its size and format; its issue stays until it could be read.
const unlessUnread = (column: string) =>
  `${column} = iif(media.etag = excluded.etag AND coalesce(excluded.format, excluded.issue) IS NULL, media.${column}, excluded.${column})`;

const isNewest = "EXISTS (SELECT 1 FROM media m WHERE m.tenant = ?1 AND m.key = ?2 AND m.uploaded = ?4)";

const dropEntitiesSql = `DELETE FROM media_entities WHERE tenant = ?1 AND key = ?2 AND entity NOT IN (SELECT value FROM json_each(?3)) AND ${isNewest}`;

const addEntitiesSql = `INSERT INTO media_entities SELECT ?1, value, ?2 FROM json_each(?3) WHERE ${isNewest} ON CONFLICT DO NOTHING`;

const registerSql = `
  INSERT INTO media (tenant, key, etag, size, format, width, height, issue, created, updated, uploaded) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10)
  ON CONFLICT (tenant, key) DO UPDATE SET
    ${["format", "width", "height"].map(unlessUnread).join(", ")},
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
