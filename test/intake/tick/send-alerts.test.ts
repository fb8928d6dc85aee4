import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { app } from "../../../src/app";
import { createStores } from "../../../src/app/stores";
import type { AlertRule } from "../../../src/domain/alerts/rule";
import { putRule } from "../../../src/domain/alerts/store";
import type { WorkerEnv } from "../../../src/env";
import { tick } from "../../../src/intake/tick/tick";
import { queues } from "../../../src/jobs/queues";
import { createLedger } from "../../../src/ledger/ledger";
import { emptyLedger } from "../../support/invariants";
import { jobOf, jobsOf } from "../../support/jobs-of";
import { ids, lease, newJob, transition } from "../../support/rows";

const minute = 60_000;
const start = Math.ceil(Date.now() / minute) * minute;
const metrics = { backlogCount: 0, backlogBytes: 0 };
const queue = { metrics: async () => metrics, sendBatch: async () => ({ metadata: { metrics } }) };
const silent = Object.fromEntries(Object.values(queues).map(({ binding }) => [binding, queue]));

beforeEach(async () => {
  await emptyLedger();
  await env.DB.batch(["alerts", "alert_rules", "tenants", "connections", "destinations", "ticks"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

const hook = { provider: "slack", url: "https://hooks.example.com/x" };
const mail = { provider: "resend", baseUrl: "https://api.example.com", apiKey: "re_x12345678901234567890" };

/** A Worker of its own with one tenant, and its ticks. */
async function setUp(settings: object, connections: Record<string, object>, more: Partial<WorkerEnv> = {}) {
  const worker = { ...env, ...silent, ...more } as unknown as WorkerEnv;
  const stores = createStores(worker);
  await stores.tenants.put("acme", { name: "Acme", settings }, start);
  for (const [name, body] of Object.entries(connections)) await stores.connections.put("acme", name, body, start);
  let at = start;
  const next = () => tick(app(worker).tick, (at += minute));
  await next();
  const ledger = createLedger(env.DB, () => undefined);
  const fail = async (tenant: string) => {
    const row = newJob({ tenant, id: await ids.make(tenant, at), type: "email" });
    await ledger.insert([row]);
    await ledger.claim([{ ...row }], lease(row.id, at));
    await ledger.settle([transition(row, { state: "dead", reason: "550 no such user", event: "dead", ended: at })], row.id, at);
  };
  /** Those that are about alerts, by type. */
  const jobs = async () => {
    const all = await Promise.all((await jobsOf("acme")).map(({ id }) => jobOf("acme", id)));
    return all.filter(({ entities }) => entities.some((key) => key.startsWith("alert:"))).toSorted((a, b) => a.type.localeCompare(b.type));
  };
  return { next, fail, jobs };
}

function destination(name: string) {
  return env.DB.prepare("INSERT INTO destinations (tenant, name, enabled, sealed, created, updated) VALUES ('acme', ?, 1, 'sealed', 0, 0)").bind(name).run();
}

test("a tenant with Slack is sent its dead letters without any setting, once", async () => {
  const { next, fail, jobs } = await setUp({}, { slack: hook });
  await fail("acme");
  await next();
  await next();
  const [job, ...others] = await jobs();
  expect(others).toEqual([]);
  expect(job).toMatchObject({ type: "slack" });
  expect(JSON.parse(job?.payload ?? "")).toMatchObject({
    text: expect.stringMatching(/^1 job of type email failed for good: 550 no such user \(group \w+\)$/),
  });
});

test("an alert that was sent and not recorded is the same job in the next tick, though more has failed by then", async () => {
  const faults = { alerts: false };
  const DB = new Proxy(env.DB, {
    get(db, name) {
      if (name !== "prepare") return Reflect.get(db, name).bind(db);
      return (sql: string) => {
        if (faults.alerts && sql.includes("INTO alerts ")) throw new Error("D1 is away");
        return db.prepare(sql);
      };
    },
  });
  const { next, fail, jobs } = await setUp({}, { slack: hook }, { DB });
  await fail("acme");
  faults.alerts = true;
  await next();
  expect(await env.DB.prepare("SELECT count(*) AS n FROM alerts WHERE tenant = 'acme'").first("n")).toBe(0);
  expect(await jobs()).toHaveLength(1);
  await fail("acme");
  faults.alerts = false;
  await next();
  expect(await jobs()).toHaveLength(1);
  const { results } = await env.DB.prepare("SELECT count, told_at > 0 AS sent, via FROM alerts WHERE tenant = 'acme'").all();
  expect(results).toEqual([{ count: 2, sent: 1, via: "slack" }]);
});

test("mail and a destination of the tenant's own are asked for by its settings; Slack can be left out", async () => {
  const settings = { alerts: { slack: false, email: ["ops@acme.example"], destination: "pager" } };
  const { next, fail, jobs } = await setUp(settings, { slack: hook, mail });
  await destination("pager");
  await fail("acme");
  await next();
  const all = await jobs();
  expect(all.map(({ type }) => type)).toEqual(["email", "webhook"]);
  expect(JSON.parse(all[0]?.payload ?? "")).toMatchObject({ to: ["ops@acme.example"], priority: "high", subject: expect.stringContaining("Jobyard: 1 job") });
  expect(JSON.parse(all[1]?.payload ?? "")).toMatchObject({
    destination: "pager",
    body: { type: "alert", alerts: [{ kind: "began", subject: "email", count: 1 }] },
  });
});

test.each([
  ["goes to the tenant that it names", { ALERTS_TENANT: "acme" }, 1],
  ["is only listed where it names none", {}, 0],
])("what is wrong with the installation %s", async (_name, more, sent) => {
  const { next, jobs } = await setUp({}, { slack: hook }, more);
  await env.DB.prepare("INSERT OR REPLACE INTO ticks (step, outcome, at, ms, detail) VALUES ('shop-events', 'failed', ?, 1, 'no such table')")
    .bind(start + minute)
    .run();
  await next();
  expect(await jobs()).toHaveLength(sent);
  const { results } = await env.DB.prepare("SELECT tenant, cause, via FROM alerts").all();
  expect(results).toEqual([{ tenant: "*", cause: "tick/shop-events", via: sent > 0 ? "slack" : "" }]);
});

test("a rule whose channels are not connected does not replace the built-in one; a rule that is switched off does", async () => {
  const { next, fail, jobs } = await setUp({ alerts: { email: ["ops@example.com"] } }, { mail });
  const rule: AlertRule = { minSeverity: "warning", slack: true, email: [], enabled: true };
  await putRule(env.DB, "acme", "unconnected", rule, start);
  await fail("acme");
  await next();
  expect((await jobs()).map(({ type }) => type)).toEqual(["email"]);
  await env.DB.batch([env.DB.prepare("DELETE FROM alerts"), env.DB.prepare("DELETE FROM jobs")]);
  await putRule(env.DB, "acme", "unconnected", { ...rule, enabled: false }, start);
  await fail("acme");
  await next();
  expect(await jobs()).toEqual([]);
  await env.DB.prepare("DELETE FROM alert_rules").run();
});

test("a rule whose destination was removed or is retired does not replace the built-in one, and no job is made for it", async () => {
  const { next, fail, jobs } = await setUp({}, { slack: hook });
  await putRule(env.DB, "acme", "paged", { minSeverity: "warning", slack: false, email: [], destination: "pager", enabled: true }, start);
  const sent = async () => {
    await env.DB.batch([env.DB.prepare("DELETE FROM alerts"), env.DB.prepare("DELETE FROM jobs")]);
    await fail("acme");
    await next();
    return (await jobs()).map(({ type }) => type);
  };
  expect(await sent()).toEqual(["slack"]);
  await destination("pager");
  expect(await sent()).toEqual(["webhook"]);
  await env.DB.prepare("UPDATE destinations SET retired = 'it answered 410'").run();
  expect(await sent()).toEqual(["slack"]);
});
