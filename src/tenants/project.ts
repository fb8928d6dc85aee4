import { toBase64url } from "../base64";
import { equalTexts, sha256 } from "../crypto";
import { type RowBound, hasRoom, maxProjects } from "./bounds";
import { checked, checkName, invalidProblem, whyRefused } from "./names";
import { ownsUrl, type Project, projectSchema, type ProjectSettings } from "./project-schema";
import { createSettingsStore, createSettingsTable } from "./settings-table";
import type { Section } from "./snapshot";
import type { Changed } from "./tenant";
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
    /** By name: what intake needs of a project while D1 is down. */
    projects: Record<string, Project>;
  }
}

export type ProjectStore = ReturnType<typeof createProjectStore>;

export function createProjectStore(db: D1Database, vault: Vault, changed: Changed) {
  const sealed = { turnstile: (name: string) => secretName(name, "turnstile"), crm: (name: string) => secretName(name, "crm") };
  const table = createSettingsTable<Row>({ db, vault, changed }, { table: "projects", key: "project", columns, sealed });
  return {
    ...createSettingsStore(table, projectView),
    /**
     * Creates or replaces; `apiKey` is returned at creation only. Throws `invalid` for a wrong name or body and beyond `maxProjects`, `not-found` for an
     * unknown tenant.
     */
    async put(tenant: string, project: string, body: unknown, now: number): Promise<{ project: ProjectView; apiKey: string | undefined }> {
      checkName("project", project);
      const settings = withOwnPage(checked(projectSchema, body));
      const made = { siteKey: `pk_${random(18)}`, formId: `form_${random(12)}`, apiKey: `lk_${random(32)}` };
      const values = await valuesOf(vault, tenant, project, settings);
      const apiKeyHash = await hashOf(made.apiKey);
      const written = await table.write(
        tenant,
        db.prepare(putSql).bind(tenant, project, ...values, made.siteKey, made.formId, apiKeyHash, now),
        db.prepare(watchSql).bind(tenant, project, now),
      );
      const [row] = written.results;
      if (!row) throw await whyRefused(db, tenant, bound);
      return { project: projectView(row), apiKey: row.api_key === apiKeyHash ? made.apiKey : undefined };
    },
    // The leads of the project stay.
    remove: (tenant: string, project: string) =>
      table.remove(tenant, project, db.prepare("DELETE FROM lead_silence WHERE tenant = ?1 AND project = ?2").bind(tenant, project)),
    /** A new API key; the old one is refused everywhere within 60 s. Null: no such project. */
    async renewKey(tenant: string, project: string, now: number): Promise<string | null> {
      const key = `lk_${random(32)}`;
      const sql = "UPDATE projects SET api_key = ?3, updated = max(?4, created + 1) WHERE tenant = ?1 AND project = ?2";
      const renewed = await table.write(tenant, db.prepare(sql).bind(tenant, project, await hashOf(key), now));
      return renewed.meta.changes > 0 ? key : null;
    },
  };
}

/** For the snapshot. */
export const projectSection: Section<"projects"> = {
  name: "projects",
  read: (db, tenant) => db.prepare(`SELECT ${columns} FROM projects WHERE tenant = ?1 ORDER BY project`).bind(tenant),
  shape: (rows) => Object.fromEntries((rows as unknown as Row[]).map((row) => [row.project, projectOf(row)])),
};

/** Whether this is the project's API key. Both are compared as hashes, so the comparison takes constant time. */
export async function isApiKey(project: Project, given: string): Promise<boolean> {
  return equalTexts(await hashOf(given), project.apiKeyHash);
}

/** A secret of a project, opened from the snapshot; undefined when it is not set or cannot be opened. */
export async function projectSecret(vault: Vault, tenant: string, name: string, kind: "turnstile" | "crm", project: Project): Promise<string | undefined> {
  const sealed = project[kind];
  if (!sealed) return undefined;
  const opened = await vault.open(tenant, secretName(name, kind), sealed);
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

const bound: RowBound = { table: "projects", key: "project", max: maxProjects, what: "projects; remove one first" };

const putSql = `
  INSERT INTO projects (tenant, ${columns}) SELECT tenant, ?2, ?3, ?6, ?7, ?8, ?4, ?5, ?9, ?9 FROM tenants WHERE tenant = ?1 AND ${hasRoom(bound)}
  ON CONFLICT (tenant, project) DO UPDATE SET
    settings = excluded.settings, turnstile = excluded.turnstile, crm = excluded.crm, updated = max(excluded.updated, created + 1)
  RETURNING ${columns}`;

/** A silence alert counts from when it is set. */
const watchSql = `
  INSERT INTO lead_silence (tenant, project, last, since) SELECT tenant, project, NULL, ?3 FROM projects
  WHERE tenant = ?1 AND project = ?2 AND settings ->> '$.silence' IS NOT NULL
  ON CONFLICT (tenant, project) DO UPDATE SET since = excluded.since`;

async function valuesOf(vault: Vault, tenant: string, project: string, { turnstileSecret, crmSecret, ...settings }: ProjectSettings) {
  const seal = (kind: "turnstile" | "crm", text: string | undefined) => (text === undefined ? null : vault.seal(tenant, secretName(project, kind), text));
  return [JSON.stringify(settings), await seal("turnstile", turnstileSecret), await seal("crm", crmSecret)] as const;
}

/** A visitor is redirected to the project's own domains only. */
function withOwnPage(settings: ProjectSettings): ProjectSettings {
  if (settings.thankYouUrl === undefined || ownsUrl(settings.domains, settings.thankYouUrl)) return settings;
  throw invalidProblem([{ path: "thankYouUrl", message: "must be a page of one of the project's domains" }]);
}

function projectView(row: Row): ProjectView {
  const settings = JSON.parse(row.settings) as ProjectSettings;
  const { project, site_key: siteKey, form_id: formId, created, updated } = row;
  return { project, ...settings, siteKey, formId, turnstile: row.turnstile !== null, crmCallback: row.crm !== null, created, updated };
}

function projectOf(row: Row): Project {
  const settings = JSON.parse(row.settings) as ProjectSettings;
  const secrets = { ...(row.turnstile === null ? {} : { turnstile: row.turnstile }), ...(row.crm === null ? {} : { crm: row.crm }) };
  return { ...settings, siteKey: row.site_key, formId: row.form_id, apiKeyHash: row.api_key, ...secrets };
}

function secretName(project: string, kind: "turnstile" | "crm"): string {
  return `project/${project}/${kind}`;
}

async function hashOf(key: string): Promise<string> {
  return toBase64url(await sha256(key));
}

function random(bytes: number): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(bytes)));
}
