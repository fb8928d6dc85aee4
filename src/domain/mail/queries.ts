import type { Template, TemplateSummary, Templates } from "./model";

type Row = Pick<Template, "id" | "version" | "subject" | "created"> & Record<"html" | "text" | "layout", string | null>;

/** The version that was newest at `at`, else the earliest: the same answer on every retry of a job. */
export async function templateAt(db: D1Database, tenant: string, id: string, at: number): Promise<Template | null> {
  const row = await db.prepare(select).bind(tenant, id, at).first<Row>();
  return row && { ...row, html: row.html ?? undefined, text: row.text ?? undefined, layout: row.layout ?? undefined };
}

/** The newest version of each template after `after`, by id. */
export async function listTemplates(db: D1Database, tenant: string, after: string, limit: number): Promise<TemplateSummary[]> {
  const { results } = await db.prepare(newest).bind(tenant, after, limit).all<TemplateSummary>();
  return results;
}

/** The ids that have a template of the tenant. */
export async function knownTemplates(db: D1Database, tenant: string, ids: readonly string[]): Promise<Set<string>> {
  const { results } = await db.prepare(existingSql).bind(tenant, JSON.stringify(ids)).all<{ id: string }>();
  return new Set(results.map(({ id }) => id));
}

/** A template whose newest version has this one as its layout; undefined when there is none. */
export async function userOfLayout(db: D1Database, tenant: string, layout: string): Promise<string | undefined> {
  return (await db.prepare(user).bind(tenant, layout).first<{ id: string }>())?.id;
}

/** The templates as jobs read them. */
export function createTemplates(db: D1Database): Templates {
  return { at: (tenant, id, at) => templateAt(db, tenant, id, at) };
}

const select = `
  SELECT id, version, subject, html, text, layout, created FROM templates
  WHERE tenant = ?1 AND id = ?2 AND version = COALESCE(
    (SELECT version FROM templates WHERE tenant = ?1 AND id = ?2 AND created <= ?3 ORDER BY version DESC LIMIT 1),
    (SELECT MIN(version) FROM templates WHERE tenant = ?1 AND id = ?2))`;

/** SQLite takes the other columns from the row of the max(). */
const newest = `
  SELECT id, MAX(version) AS version, subject, layout, created FROM templates
  WHERE tenant = ?1 AND id > ?2 GROUP BY id ORDER BY id LIMIT ?3`;

const user = `
  SELECT id FROM (SELECT id, layout, MAX(version) FROM templates WHERE tenant = ?1 GROUP BY id) WHERE layout = ?2 LIMIT 1`;

const existingSql = `SELECT value AS id FROM json_each(?2) WHERE EXISTS (SELECT 1 FROM templates WHERE tenant = ?1 AND id = value)`;
