import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { app } from "../../../src/app";
import { createStores } from "../../../src/app/stores";
import type { WorkerEnv } from "../../../src/env";
import { tick } from "../../../src/intake/tick/tick";
import { queues } from "../../../src/jobs/queues";
import { createLedger } from "../../../src/ledger/ledger";
import { rotationMark } from "../../../src/ledger/watermarks";
import { rotate } from "../../../src/tenants/rotate";
import { emptyLedger } from "../../support/invariants";
import { recordingDb } from "../../support/recorder";
import { ids, newJob } from "../../support/rows";

const now = Math.ceil(Date.now() / 60_000) * 60_000;
const minute = 60_000;

beforeEach(async () => {
  await emptyLedger();
  await env.DB.batch(
    ["schedules", "watermarks", "tenants", "connections", "sites", "projects", "destinations", "subscriptions", "event_doors"].map((table) =>
      env.DB.prepare(`DELETE FROM ${table}`),
    ),
  );
});

/** Queues that take everything and deliver nothing. */
const metrics = { backlogCount: 0, backlogBytes: 0 };
const queue = { metrics: async () => metrics, sendBatch: async () => ({ metadata: { metrics } }) };
const silent = Object.fromEntries(Object.values(queues).map(({ binding }) => [binding, queue]));

/** The Worker's own tick over a D1 that counts. */
function setUp() {
  const { db, statements } = recordingDb();
  const counted = { ...env, ...silent, DB: db } as unknown as WorkerEnv;
  const stores = createStores(counted);
  return { statements, stores, counted, tick: (at: number) => tick(app(counted).tick, at) };
}

const named = (count: number) => Array.from({ length: count }, (_, index) => `t-${String(index).padStart(3, "0")}`);

async function givenTenants(names: readonly string[]) {
  const sql = "INSERT INTO tenants (tenant, name, timezone, settings, created, updated) VALUES (?, ?, 'UTC', '{}', 1, 1)";
  await env.DB.batch(names.map((tenant) => env.DB.prepare(sql).bind(tenant, tenant)));
}

test("one tick with 300 tenants, 400 due schedules, jobs to look at and unpublished snapshots stays below a thousand statements", async () => {
  const tenants = named(300);
  await givenTenants(tenants);
  const jobs = await Promise.all(tenants.map(async (tenant) => newJob({ tenant, id: await ids.make(tenant, now), type: "analytics" })));
  await createLedger(env.DB, () => undefined).insert(jobs);
  const schedule = `
    INSERT INTO schedules (tenant, name, type, payload, cron, zone, misfire, overlap, spread_seconds, enabled, created_at, updated_at, next_at, last_planned_at, last_job_id, last_outcome, last_note)
    SELECT value->>0, value->>1, 'analytics', '{"event":"daily"}', '* * * * *', 'UTC', 'once', 'skip', 0, 1, 1, 1, ?2, ?2 - 60000, value->>2, 'ran', '' FROM json_each(?1)`;
  const rows = [...jobs.map(({ tenant, id }) => [tenant, "open", id]), ...tenants.slice(0, 100).map((tenant) => [tenant, "late", null])];
  await env.DB.prepare(schedule).bind(JSON.stringify(rows), now).run();
  const { statements, tick: take } = setUp();
  const outcomes = await take(now);
  expect(outcomes.map(({ step, outcome }) => [step, outcome])).toEqual(
    [
      "sweep",
      "work",
      "schedules",
      "subscriptions",
      "shop-removal",
      "shop-events",
      "replays",
      "bulk-actions",
      "campaigns",
      "leads",
      "agents",
      "mail-events",
      "version",
      "open-jobs",
      "alerts",
      "snapshots",
      "rotation",
      "retention",
      "counters",
      "usage",
    ].map((step) => [step, "done"]),
  );
  expect(JSON.parse(outcomes.find(({ step }) => step === "schedules")?.detail ?? "")).toEqual({ ran: 100, skipped: 200, failed: 0 });
  expect(JSON.parse(outcomes.find(({ step }) => step === "snapshots")?.detail ?? "")).toEqual({ published: 28 });
  expect(statements.filter(({ sql }) => sql.includes("schedules") || sql.includes("j.state FROM json_each")).length).toBeLessThan(20);
  expect(statements.length).toBeLessThan(800);
  await take(now + minute);
  const { n } = (await env.DB.prepare("SELECT count(*) AS n FROM schedules WHERE next_at <= ?").bind(now).first<{ n: number }>()) ?? { n: -1 };
  expect(n).toBe(0);
});

test("credentials of every tenant are sealed anew within a round, ten tenants and fifty credentials a tick", async () => {
  const tenants = named(45);
  await givenTenants(tenants);
  const { stores, statements, counted } = setUp();
  for (const tenant of tenants) await stores.connections.put(tenant, "mail", { provider: "resend", baseUrl: "https://api.example.com", apiKey: "re_1" }, now);
  const site = { platform: "prestashop", url: "https://shop.example.com", key: "K" };
  for (let index = 0; index < 70; index++) await stores.sites.put("t-003", `s-${index}`, site, now);
  const hook = { url: "https://hooks.example.com", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
  await stores.projects.put("t-001", "homes", { domains: [], turnstileSecret: "0xSECRET", crmSecret: "crm-secret-of-tests" }, now);
  await stores.destinations.put("t-001", "own", { enabled: true, events: ["*"], ...hook }, now);
  await stores.subscriptions.put("t-001", "own", { events: ["*"], ...hook }, now);
  await stores.inboundSecrets.put("t-001", hook.secret, 0, now);
  const [name, old] = env.ENCRYPTION_KEYS.split(":");
  const rotated = createStores({ ...counted, ENCRYPTION_KEYS: `e9:${old?.replace("ZW5j", "ZW5k")},${name}:${old}` } as WorkerEnv);
  const resealed: number[] = [];
  for (let round = 0; round < 9; round++) {
    statements.length = 0;
    resealed.push(await rotate(rotated, rotationMark(env.DB, "rotation")));
    expect(statements.length).toBeLessThan(220);
  }
  expect(resealed.reduce((sum, each) => sum + each, 0)).toBe(119);
  expect(Math.max(...resealed)).toBe(50);
  const texts = [
    "credentials AS sealed FROM connections",
    "key AS sealed FROM sites",
    "value AS sealed FROM projects, json_each(json_array(turnstile, crm))",
    "sealed FROM destinations",
    "sealed FROM subscriptions",
    "secret AS sealed FROM event_doors",
  ];
  const found = await env.DB.batch<{ sealed: string }>(texts.map((text) => env.DB.prepare(`SELECT ${text}`)));
  const results = found.flatMap((each) => each.results);
  expect(results).toHaveLength(120);
  expect(results.filter(({ sealed }) => !sealed.startsWith("v1.e9."))).toEqual([]);
  const own = await rotated.subscriptions.open("t-001", "own");
  expect([own, await rotated.destinations.open("t-001", "own")]).toMatchObject([
    { ok: true, value: hook },
    { ok: true, value: hook },
  ]);
});

test("a tenant whose secrets cannot be sealed anew stops the rotation of no other tenant", async () => {
  const marks = rotationMark(env.DB, "rotation");
  const turns: string[] = [];
  const connections = {
    rotate: async (tenant: string) => {
      turns.push(tenant);
      if (tenant === "b") throw new Error("no");
      return 0;
    },
  };
  const stores = {
    connections,
    ...Object.fromEntries(["sites", "projects", "destinations", "subscriptions", "inboundSecrets"].map((name) => [name, { rotate: async () => 0 }])),
    tenants: { list: async ({ after = "" }) => ["a", "b", "c"].filter((each) => each > after).map((tenant) => ({ tenant })) },
  };
  await expect(rotate(stores as never, marks)).rejects.toThrow("no");
  await rotate(stores as never, marks);
  expect(turns).toEqual(["a", "b", "c"]);
});
