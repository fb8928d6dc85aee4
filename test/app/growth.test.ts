import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { app } from "../../src/app";
import { answer } from "../../src/app/answer";
import { createStores } from "../../src/app/stores";
import type { WorkerEnv } from "../../src/env";
import { passEnded } from "../../src/ledger/open-jobs";
import { timePart } from "../../src/queue/id";
import { emptyLedger } from "../support/invariants";
import { sized } from "../support/size";

const minute = 60_000;
/** More than a walk reads at once, twenty thousand. */
const large = sized(30_000, 100_000);
const origin = "https://jobs.example.com";

/** What one answer read of D1. */
interface Cost {
  read: number;
  statements: number;
  ms: number;
  status: number;
}

/** The whole Worker over a D1 that counts what is read. */
function metered() {
  const cost = { read: 0, statements: 0 };
  const note = (results: readonly D1Result[]) => {
    cost.statements += results.length;
    cost.read += results.reduce((sum, { meta }) => sum + meta.rows_read, 0);
  };
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const counted =
      <T>(name: "all" | "run") =>
      async () => {
        const result = await statement[name]<T>();
        note([result]);
        return result;
      };
    return Object.assign(Object.create(statement) as D1PreparedStatement, {
      bare: statement,
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: counted("all"),
      run: counted("run"),
      first: async () => (await counted<Record<string, unknown>>("all")()).results[0] ?? null,
    });
  };
  const bare = (statement: D1PreparedStatement) => (statement as unknown as { bare?: D1PreparedStatement }).bare ?? statement;
  const batch = async <T>(statements: D1PreparedStatement[]) => {
    const results = await env.DB.batch<T>(statements.map(bare));
    note(results);
    return results;
  };
  const db = new Proxy(env.DB, {
    get: (target, name) => (name === "prepare" ? (sql: string) => wrap(target.prepare(sql)) : name === "batch" ? batch : target[name as keyof D1Database]),
  });
  const worker = { ...env, DB: db } as unknown as WorkerEnv;
  const ask = async (path: string, headers: Record<string, string>): Promise<Cost> => {
    Object.assign(cost, { read: 0, statements: 0 });
    const startedAt = performance.now();
    const response = await answer(worker, new Request(origin + path, { headers, redirect: "manual" }));
    await response.text();
    return { ...cost, ms: Math.round(performance.now() - startedAt), status: response.status };
  };
  return { worker, ask };
}

/** ?1 tenant, ?2 time part, ?3 number of the first, ?4 time, ?5 rows: one in a hundred is dead, the others are done. */
const seed = `
  WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?5)
  INSERT INTO jobs (tenant, id, type, version, queue, state, seq, runs, attempt, max, at, born, started, ended, site, reason, payload)
  SELECT ?1, ?2 || printf('%024d', ?3 + i), iif(i % 3, 'email', 'sync-orders'), 1, iif(i % 3, 'email-sending', 'prestashop-sync'), iif(i % 100, 'done', 'dead'), 0, 1, 0, 5,
    ?4, ?4, ?4, ?4 + 20, iif(i % 3, NULL, 'main'), iif(i % 100, NULL, '550 no such user'), '{}' FROM n`;
const letters = `
  INSERT INTO dead_letters (tenant, died, id, type, state, site, reason, kind, attempt, at)
  SELECT tenant, ended, id, type, 'dead', site, reason, 'email-550', 5, at FROM jobs WHERE tenant = ?1 AND state = 'dead'`;

/** Jobs of the last hours, evenly, and (`recent`) of the last ten minutes, of which the sweep has not walked past yet, as a tick leaves them. */
async function given(tenant: string, count: number, recent: number): Promise<void> {
  const now = Date.now();
  const [old, steps] = [count - recent, 20];
  for (let step = 0; step < steps; step++) {
    const at = now - 11 * minute - (steps - step) * 15 * minute;
    if (old > 0)
      await env.DB.prepare(seed)
        .bind(tenant, timePart(at), step * 100_000, at, Math.ceil(old / steps))
        .run();
  }
  for (let step = 0; step < 9 && recent > 0; step++) {
    const at = now - (10 - step) * minute;
    await env.DB.prepare(seed)
      .bind(tenant, timePart(at), 5_000_000 + step * 100_000, at, Math.ceil(recent / 9))
      .run();
  }
  await env.DB.prepare(letters).bind(tenant).run();
  await env.DB.prepare("INSERT INTO watermarks (tenant, walk, position) VALUES (?1, 'sweep-jobs', ?2)")
    .bind(tenant, timePart(now - 10 * minute))
    .run();
  await passEnded(env.DB, now);
}

const calls = [
  ...["/v1/report", "/v1/queues", "/v1/jobs", "/v1/jobs?state=done", "/v1/jobs?state=dead", "/v1/jobs?state=waiting", "/v1/jobs?type=sync-orders"],
  ...[
    "/v1/jobs?siteId=main",
    "/v1/jobs?q=550",
    "/v1/jobs?type=nothing",
    "/v1/jobs?siteId=nowhere",
    "/v1/dead-letters",
    "/v1/failures",
    "/v1/stats",
    "/v1/stats?by=queue",
    "/metrics",
  ],
  ...["/v1/gates", "/v1/schedules", "/v1/sites", "/v1/costs", "/v1/alerts", "/v1/replays", "/v1/agent-runs", "/v1/campaigns"],
];
const pages = ["", "jobs", "jobs?q=state%3Adead", "failures", "flow", "flow/email-sending", "schedules", "sites", "campaigns", "agents", "settings"];

async function measured(tenant: string): Promise<Map<string, Cost>> {
  const { worker, ask } = metered();
  const token = env.ROOT_TOKEN;
  const form = { method: "POST", body: `token=${encodeURIComponent(token)}`, redirect: "manual" } as const;
  const headers = { origin, "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded", "content-length": String(form.body.length) };
  const signedIn = await answer(worker, new Request(`${origin}/session`, { ...form, headers }));
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  const costs = new Map<string, Cost>();
  for (const path of calls) costs.set(path, await ask(path, { authorization: `Bearer ${token}`, "jobyard-tenant": tenant }));
  for (const page of pages) costs.set(`/t/${page}`, await ask(`/t/${tenant}/${page}`, { cookie }));
  for (const page of ["", "flow", "failures", "tenants", "system"]) costs.set(`/t/*/${page}`, await ask(`/t/*/${page}`, { cookie }));
  return costs;
}

test("what a call or a page reads of the ledger does not grow with the jobs in it", async () => {
  const table = new Map<string, Cost[]>();
  const sizes: readonly (readonly [string, number, number])[] = [
    ["none", 0, 0],
    ["one", 1, 0],
    ["thousand", 1000, 100],
    ["many", large, 2000],
    ["rush", large, large],
  ];
  for (const [tenant, count, recent] of sizes) {
    await emptyLedger();
    await createStores(env as WorkerEnv).tenants.put(tenant, { name: tenant }, Date.now());
    await given(tenant, count, recent);
    for (const [path, cost] of await measured(tenant)) table.set(path, [...(table.get(path) ?? []), cost]);
    await env.DB.prepare("DELETE FROM tenants").run();
  }
  expect([...table].filter(([, costs]) => costs.some(({ status }) => status !== 200)).map(([path]) => path)).toEqual([]);
  const grown = [...table].filter(([path, [, , thousand, many, rush]]) => {
    if (!thousand || !many || !rush) return true;
    // Of the dead letters the newest thousand are grouped, once or a few times a page. A filter that fits few walks 20,000 rows of the ledger, in one
    // statement that counts each three times.
    const bounded = path.includes("nowhere") ? 62_000 : 13_000;
    return many.read > thousand.read + bounded || rush.read > 1.2 * many.read + 100 || rush.statements > thousand.statements + 20;
  });
  expect(grown).toEqual([]);
  // A type that is unknown is not looked for among the jobs, and a walk is one round trip for both streams.
  expect(table.get("/v1/jobs?type=nothing")?.[4]?.read).toBeLessThan(3000);
  expect(table.get("/v1/jobs?siteId=nowhere")?.[4]?.statements).toBeLessThanOrEqual(2);
  const isCheap = ["/v1/queues", "/v1/stats", "/t/flow", "/t/*/flow", "/v1/jobs?state=waiting", "/metrics"];
  expect(isCheap.map((path) => table.get(path)?.[4]?.read ?? Infinity).filter((read) => read > 1500)).toEqual([]);
});

test("a job that ended since the tick's last mark is read once to tell what is open", async () => {
  await emptyLedger();
  await createStores(env as WorkerEnv).tenants.put("ended", { name: "ended" }, Date.now());
  await given("ended", 0, 900);
  await env.DB.prepare("DELETE FROM watermarks WHERE tenant = 'ended' AND walk LIKE 'ended-%'").run();
  const { ask } = metered();
  const { read, status } = await ask("/v1/queues", { authorization: `Bearer ${env.ROOT_TOKEN}`, "jobyard-tenant": "ended" });
  expect(status).toBe(200);
  expect(read).toBeLessThan(2 * 900);
});

test("what is open is found below the mark of what has ended: a job that runs, one that waits, one that was brought back", async () => {
  await emptyLedger();
  const now = Date.now();
  await given("marked", 0, 900);
  const { worker } = metered();
  const ids = (await env.DB.prepare("SELECT id FROM jobs WHERE tenant = 'marked' ORDER BY id").all<{ id: string }>()).results.map(({ id }) => id);
  await env.DB.prepare("DELETE FROM watermarks WHERE tenant = 'marked' AND walk LIKE 'ended-%'").run();
  const open = (index: number, sql: string) => env.DB.prepare(`UPDATE jobs SET ended = NULL, ${sql} WHERE tenant = 'marked' AND id = ?1`).bind(ids[index]);
  await env.DB.batch([
    open(100, `state = 'waiting', wake = ${now + 5000}`),
    env.DB.prepare("INSERT INTO due (tenant, at, id) VALUES ('marked', ?1, ?2)").bind(now + 5000, ids[100]),
    open(500, "state = 'running', wake = NULL"),
  ]);
  await passEnded(env.DB, now);
  const [mark] = (await env.DB.prepare("SELECT position FROM watermarks WHERE tenant = 'marked' AND walk = 'ended-jobs'").all<{ position: string }>()).results;
  expect([(mark?.position ?? "") > (ids[499] ?? ""), (mark?.position ?? "~") < (ids[500] ?? "")]).toEqual([true, true]);
  const { intake } = app(worker);
  const groups = await intake.reports.open("marked");
  expect(groups.map(({ kind, count }) => [kind, count]).toSorted()).toEqual([
    ["held", 1],
    ["running", 1],
  ]);
  expect((await intake.queries.jobs("marked", { state: "running" }, { limit: 10 })).jobs.map(({ id }) => id)).toEqual([ids[500]]);
  await open(500, "state = 'done'").run();
  await env.DB.prepare("UPDATE jobs SET ended = 1 WHERE tenant = 'marked' AND id = ?1").bind(ids[500]).run();
  await passEnded(env.DB, now);
  expect((await env.DB.prepare("SELECT position FROM watermarks WHERE walk = 'ended-jobs'").first<{ position: string }>())?.position).toBe(ids.at(-1));
});
