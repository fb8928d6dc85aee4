import { type RowBound, hasRoom, maxTemplates, maxTemplateVersions, tooManyRows } from "../../tenants/bounds";
import type { TemplateContent } from "./model";

/**
 * Adds a version unless the newest has the same content, and deletes those before the newest 100. One statement, so that two writers cannot add the
 * same version.
 * Throws `invalid` beyond `maxTemplates`.
 * `created` never decreases, so a job that was enqueued before keeps its version.
 */
export async function putTemplate(
  db: D1Database,
  tenant: string,
  id: string,
  content: TemplateContent,
  now: number,
): Promise<{ version: number; changed: boolean }> {
  const [inserted, newest] = await db.batch<{ version: number }>([
    db.prepare(insert).bind(tenant, id, content.subject, content.html ?? null, content.text ?? null, now, content.layout ?? null),
    db.prepare("SELECT MAX(version) AS version FROM templates WHERE tenant = ?1 AND id = ?2").bind(tenant, id),
    db.prepare(prune).bind(tenant, id),
  ]);
  const version = newest?.results[0]?.version;
  if (typeof version !== "number") throw tooManyRows(bound);
  return { version, changed: (inserted?.results.length ?? 0) > 0 };
}

const bound: RowBound = { table: "templates", key: "id", max: maxTemplates, what: "templates; change one that is there" };

const prune = `
  DELETE FROM templates WHERE tenant = ?1 AND id = ?2
    AND version <= (SELECT MAX(version) FROM templates WHERE tenant = ?1 AND id = ?2) - ${maxTemplateVersions}`;

const insert = `
  INSERT INTO templates (tenant, id, version, subject, html, text, created, layout)
  SELECT ?1, ?2, COALESCE(newest.version, 0) + 1, ?3, ?4, ?5, MAX(?6, COALESCE(newest.created, 0)), ?7
  FROM (SELECT 1 WHERE ${hasRoom(bound)}) LEFT JOIN (
    SELECT version, subject, html, text, layout, created FROM templates WHERE tenant = ?1 AND id = ?2 ORDER BY version DESC LIMIT 1
  ) AS newest ON TRUE
  WHERE newest.version IS NULL OR newest.subject IS NOT ?3 OR newest.html IS NOT ?4 OR newest.text IS NOT ?5 OR newest.layout IS NOT ?7
  RETURNING version`;
