import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import {
  maxDestinations,
  maxProjects,
  maxSchedules,
  maxSites,
  maxSubscriptions,
  maxTemplates,
  maxTemplateVersions,
  maxTokens,
  maxTokensEver,
} from "../../src/tenants/bounds";
import { createIntakeBench, root, type Tokens } from "./bench";

const tenant = "bounds";
const bench = createIntakeBench();
let own: Tokens;

beforeAll(async () => {
  own = await bench.tenant(tenant);
});

const hook = { url: "https://saas.example.com/hook", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", events: ["job.done"] };

/** Path, table, column of the name, how many, the body of a PUT, and how the answer names them. */
const kinds: [path: string, table: string, key: string, max: number, body: unknown, what: string][] = [
  ["projects", "projects", "project", maxProjects, { domains: ["shop.example"] }, "100 projects; remove one first"],
  ["sites", "sites", "site", maxSites, { platform: "prestashop", url: "https://shop.example", key: "K".repeat(32) }, "500 sites; remove one first"],
  ["templates", "templates", "id", maxTemplates, { subject: "Hello", text: "1" }, "500 templates; change one that is there"],
  ["schedules", "schedules", "name", maxSchedules, { type: "note", payload: { text: "x" }, cron: "30 * * * *" }, "500 schedules; remove one first"],
  ["destinations", "destinations", "name", maxDestinations, { ...hook, events: ["order.created"] }, "50 destinations of its own; remove one first"],
  ["subscriptions", "subscriptions", "name", maxSubscriptions, hook, "20 subscriptions; remove one first"],
];

describe.each(kinds)("%s", (path, table, key, max, body, what) => {
  const put = (name: string) => bench.call("PUT", `/v1/${path}/${name}`, { token: own.admin, body });

  test("are bounded, also for requests at the same time; replacing never fails", async () => {
    expect((await put("first")).status).toBeLessThan(300);
    await copyRows(table, key, max - (await countOf(table, key)) - 1, `${key} = 'first'`);
    const answers = await Promise.all(["a", "b", "c", "d"].map(put));
    expect(answers.map(({ status }) => status < 300).filter(Boolean)).toHaveLength(1);
    for (const refused of answers.filter(({ status }) => status >= 300))
      expect(refused.body).toMatchObject({ status: 422, code: "invalid", errors: [{ path: "", message: `a tenant may have at most ${what}` }] });
    expect(await countOf(table, key)).toBe(max);
    expect((await put("first")).status).toBeLessThan(300);
  });
});

test("what is built in is taken by a tenant that is full", async () => {
  expect((await bench.call("PUT", "/v1/destinations/slack", { token: own.admin, body: { enabled: false } })).status).toBeLessThan(300);
});

test("tokens: those that are good, and with those that were revoked", async () => {
  const create = () => bench.call("POST", `/v1/tenants/${tenant}/tokens`, { token: root, body: { name: "x", scopes: ["read"] } });
  await copyRows("tokens", "id", maxTokens - (await countOf("tokens", "id")) - 1);
  const answers = await Promise.all([create(), create()]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 422]);
  expect(answers.find(({ status }) => status === 422)?.body.errors[0].message).toBe("a tenant may have at most 100 tokens; revoke one first");
  await env.DB.prepare("UPDATE tokens SET revoked = 1 WHERE tenant = ? AND id LIKE 'n%'").bind(tenant).run();
  expect((await create()).status).toBe(201);
  await env.DB.prepare("UPDATE tokens SET revoked = 1 WHERE tenant = ? AND name = 'x'").bind(tenant).run();
  await copyRows("tokens", "id", maxTokensEver - (await countOf("tokens", "id")), "revoked IS NOT NULL", "m");
  expect((await create()).body.errors[0].message).toBe("a tenant may have at most 5,000 tokens, those that are revoked included");
});

test("of a template the newest versions are kept, and a job of an older one gets the earliest", async () => {
  await bench.tenant("versions");
  for (let version = 1; version <= maxTemplateVersions + 3; version++)
    await bench.deps.templates.put("versions", "often", { subject: `${version}`, text: "1" }, 1000 * version);
  expect(await bench.deps.templates.put("versions", "often", { subject: `${maxTemplateVersions + 3}`, text: "1" }, 1e9)).toMatchObject({ changed: false });
  expect(await bench.deps.templates.at("versions", "often", 0)).toMatchObject({ version: 4 });
  expect(await bench.deps.templates.at("versions", "often", 1e9)).toMatchObject({ version: maxTemplateVersions + 3 });
});

test("a project's settings may have 64 KB, so a hundred of them stay far below the 25 MB of KV", async () => {
  const body = { domains: ["shop.example"], testIps: Array.from({ length: 70_000 }, () => "1.2.3.4") };
  expect((await bench.call("PUT", "/v1/projects/large", { token: own.admin, body })).status).toBe(413);
});

async function countOf(table: string, key: string): Promise<number> {
  const filter = { destinations: "AND sealed IS NOT NULL", schedules: "AND given = 0" }[table] ?? "";
  const row = await env.DB.prepare(`SELECT count(DISTINCT ${key}) AS n FROM ${table} WHERE tenant = ? ${filter}`).bind(tenant).first<{ n: number }>();
  return row?.n ?? 0;
}

/** More rows like one that the tenant has, with other names. */
async function copyRows(table: string, key: string, count: number, like = "TRUE", prefix = "n"): Promise<void> {
  const { results } = await env.DB.prepare("SELECT name FROM pragma_table_info(?)").bind(table).all<{ name: string }>();
  const columns = results.map(({ name }) => name);
  const values = columns.map((name) => (name === key ? `'${prefix}' || i` : name));
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
     INSERT INTO ${table} (${columns}) SELECT ${values} FROM (SELECT * FROM ${table} WHERE tenant = ?1 AND ${like} LIMIT 1), n`,
  )
    .bind(tenant, count)
    .run();
}
