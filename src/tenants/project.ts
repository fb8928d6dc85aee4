import { equalTexts, sha256 } from "../crypto";
import { ownsUrl, type Project, projectSchema, type ProjectSettings } from "./project-schema";
import { toBase64url } from "../base64";
import { type Bound, hasRoom, maxProjects } from "./bounds";
import { checked, checkName, invalid, whyRefused } from "./names";
import type { Section } from "./snapshot";
import { type Changed, raiseVersion } from "./tenant";
import type { Vault } from "./vault";

/** A project as it may be shown: of its secrets only whether they are set. */
export interface ProjectView extends Omit<ProjectSettings, "turnstileSecret" | "crmSecret"> {
  project: string;
  siteKey: string;
  formId: string;
  turnstile: boolean;
  crmCallback: boolean;
  created: number;
  updated: number;
}

declare module "./snapshot" {
  interface SnapshotSections {
    /** By name: whatever intake must know of a project while D1 is down. */
    projects: Record<string, Project>;
  }
}

export interface ProjectStore {
  /** Creates or replaces; `apiKey` comes with the first only. Throws `invalid` for a wrong name or body and beyond `maxProjects`, `not-found` for an unknown tenant. */
  put(tenant: string, project: string, body: unknown, now: number): Promise<{ project: ProjectView; apiKey: string | undefined }>;
  get(tenant: string, project: string): Promise<ProjectView | null>;
  list(tenant: string): Promise<ProjectView[]>;
  /** Its leads stay. False when there was none. */
  remove(tenant: string, project: string): Promise<boolean>;
  /** A new API key; the old one is refused everywhere within 60 s. Null: no such project. */
  renewKey(tenant: string, project: string, now: number): Promise<string | null>;
  /** Seals anew what an older key sealed, up to `most`; returns how many projects. One changed meanwhile is left for the next time. */
  rotate(tenant: string, most: number): Promise<number>;
}

export function createProjectStore(db: D1Database, vault: Vault, changed: Changed): ProjectStore {
  const all = async (tenant: string) =>
    (await db.prepare(`SELECT ${columns} FROM projects WHERE tenant = ?1 ORDER BY project`).bind(tenant).all<Row>()).results;
  const write = async (tenant: string, statements: D1PreparedStatement[]) => {
    const [written] = await db.batch<Row>([...statements, raiseVersion(db, tenant)]);
    await changed(tenant);
    return written;
  };
  return {
    async put(tenant, project, body, now) {
      checkName("project", project);
      const settings = withOwnPage(checked(projectSchema, body));
      const fresh = { siteKey: `pk_${random(18)}`, formId: `form_${random(12)}`, apiKey: `lk_${random(32)}` };
      const values = await valuesOf(vault, tenant, project, settings);
      const apiKeyHash = await hashOf(fresh.apiKey);
      const statements = [
        db.prepare(putSql).bind(tenant, project, ...values, fresh.siteKey, fresh.formId, apiKeyHash, now),
        db.prepare(watchSql).bind(tenant, project, now),
      ];
      const row = (await write(tenant, statements))?.results[0];
      if (!row) throw await whyRefused(db, tenant, bound);
      return { project: viewOf(row), apiKey: row.api_key === apiKeyHash ? fresh.apiKey : undefined };
    },
    async get(tenant, project) {
      const row = await db.prepare(`SELECT ${columns} FROM projects WHERE tenant = ?1 AND project = ?2`).bind(tenant, project).first<Row>();
      return row && viewOf(row);
    },
    list: async (tenant) => (await all(tenant)).map(viewOf),
    async remove(tenant, project) {
      const removed = await write(
        tenant,
        ["projects", "lead_silence"].map((table) => db.prepare(`DELETE FROM ${table} WHERE tenant = ?1 AND project = ?2`).bind(tenant, project)),
      );
      return (removed?.meta.changes ?? 0) > 0;
    },
    async renewKey(tenant, project, now) {
      const key = `lk_${random(32)}`;
      const sql = "UPDATE projects SET api_key = ?3, updated = max(?4, created + 1) WHERE tenant = ?1 AND project = ?2";
      const renewed = await write(tenant, [db.prepare(sql).bind(tenant, project, await hashOf(key), now)]);
      return (renewed?.meta.changes ?? 0) > 0 ? key : null;
    },
    // The tick publishes the raised version; until then the old text opens as well.
    async rotate(tenant, most) {
      let done = 0;
      for (const row of await all(tenant)) if (done < most && (await reseal(db, vault, tenant, row))) done++;
      return done;
    },
  };
}

/** For the snapshot. */
export const projectSection: Section<"projects"> = {
  name: "projects",
  read: (db, tenant) => db.prepare(`SELECT ${columns} FROM projects WHERE tenant = ?1 ORDER BY project`).bind(tenant),
  shape: (rows) => Object.fromEntries((rows as unknown as Row[]).map((row) => [row.project, projectOf(row)])),
};

/** Whether this is the project's API key; hashed first, so that the comparison takes as long for any text. */
export async function isApiKey(project: Project, given: string): Promise<boolean> {
  return equalTexts(await hashOf(given), project.apiKeyHash);
}

/** A sealed secret of a project, from what the snapshot holds; undefined when it is not set or cannot be read. */
export async function projectSecret(vault: Vault, tenant: string, name: string, kind: "turnstile" | "crm", project: Project): Promise<string | undefined> {
  const sealed = project[kind];
  if (!sealed) return undefined;
  const opened = await vault.open(tenant, sealedName(name, kind), sealed);
  return opened.ok ? opened.text : undefined;
}

interface Row {
  project: string;
  settings: string;
  site_key: string;
  form_id: string;
  api_key: string;
  turnstile: string | null;
  crm: string | null;
  created: number;
  updated: number;
}

const columns = "project, settings, site_key, form_id, api_key, turnstile, crm, created, updated";

const bound: Bound = { table: "projects", key: "project", max: maxProjects, what: "projects; remove one first" };

const putSql = `
  INSERT INTO projects (tenant, ${columns}) SELECT tenant, ?2, ?3, ?6, ?7, ?8, ?4, ?5, ?9, ?9 FROM tenants WHERE tenant = ?1 AND ${hasRoom(bound)}
  ON CONFLICT (tenant, project) DO UPDATE SET
    settings = excluded.settings, turnstile = excluded.turnstile, crm = excluded.crm, updated = max(excluded.updated, created + 1)
  RETURNING ${columns}`;

/** A watch that is set now does not count the silence before it. */
const watchSql = `
  INSERT INTO lead_silence (tenant, project, last, since) SELECT tenant, project, NULL, ?3 FROM projects
  WHERE tenant = ?1 AND project = ?2 AND settings ->> '$.silence' IS NOT NULL
  ON CONFLICT (tenant, project) DO UPDATE SET since = excluded.since`;

async function valuesOf(vault: Vault, tenant: string, project: string, { turnstileSecret, crmSecret, ...settings }: ProjectSettings) {
  const seal = (kind: "turnstile" | "crm", text: string | undefined) => (text === undefined ? null : vault.seal(tenant, sealedName(project, kind), text));
  return [JSON.stringify(settings), await seal("turnstile", turnstileSecret), await seal("crm", crmSecret)] as const;
}

/** Nobody is sent on to a stranger's page. */
function withOwnPage(settings: ProjectSettings): ProjectSettings {
  if (settings.thankYouUrl === undefined || ownsUrl(settings.domains, settings.thankYouUrl)) return settings;
  throw invalid([{ path: "thankYouUrl", message: "must be a page of one of the project's domains" }]);
}

async function reseal(db: D1Database, vault: Vault, tenant: string, row: Row): Promise<boolean> {
  const again = (kind: "turnstile" | "crm") => row[kind] && vault.reseal(tenant, sealedName(row.project, kind), row[kind]);
  const [turnstile, crm] = [await again("turnstile"), await again("crm")];
  if (!turnstile && !crm) return false;
  const sql = "UPDATE projects SET turnstile = ?3, crm = ?4 WHERE tenant = ?1 AND project = ?2 AND turnstile IS ?5 AND crm IS ?6";
  const replace = db.prepare(sql).bind(tenant, row.project, turnstile || row.turnstile, crm || row.crm, row.turnstile, row.crm);
  const [replaced] = await db.batch([replace, raiseVersion(db, tenant)]);
  return (replaced?.meta.changes ?? 0) > 0;
}

function viewOf(row: Row): ProjectView {
  const settings = JSON.parse(row.settings) as ProjectSettings;
  const { project, site_key: siteKey, form_id: formId, created, updated } = row;
  return { project, ...settings, siteKey, formId, turnstile: row.turnstile !== null, crmCallback: row.crm !== null, created, updated };
}

function projectOf(row: Row): Project {
  const settings = JSON.parse(row.settings) as ProjectSettings;
  const secrets = { ...(row.turnstile === null ? {} : { turnstile: row.turnstile }), ...(row.crm === null ? {} : { crm: row.crm }) };
  return { ...settings, siteKey: row.site_key, formId: row.form_id, apiKeyHash: row.api_key, ...secrets };
}

function sealedName(project: string, kind: "turnstile" | "crm"): string {
  return `project/${project}/${kind}`;
}

async function hashOf(key: string): Promise<string> {
  return toBase64url(await sha256(key));
}

function random(bytes: number): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(bytes)));
}
