import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { createBulkStore } from "../../src/domain/bulk-actions/store";
import { type BulkAction } from "../../src/domain/bulk-actions/model";
import { installationShape } from "../../src/intake/routes/installation";
import { auditShape, meShape, pausesShape } from "../../src/intake/routes/operators";
import { runScheduleShape, scheduleShape } from "../../src/intake/shapes";
import { createIntakeBench, root, type Tokens } from "./bench";
import { givenJob, now } from "./given";

const bench = createIntakeBench();
let own: Tokens;
let other: Tokens;

beforeAll(async () => {
  own = await bench.tenant("operators-own");
  other = await bench.tenant("operators-other");
});

/** An action that is not over yet. */
const long: Omit<BulkAction, "tenant"> = {
  ...{ id: "long", action: "cancel", state: "running", request: { action: "cancel", filter: { type: "note" } } },
  ...{ total: 5000, done: 0, failed: 0, cursor: null, at: now, endedAt: null },
};

const get = (path: string, token: string, tenant?: string) => bench.call("GET", path, { token, ...(tenant === undefined ? {} : { tenant }) });

describe("GET /v1/me", () => {
  test("names tenant, scopes and token, whatever the scope", async () => {
    const answer = await get("/v1/me", own.enqueue);
    expect(answer).toMatchObject({ status: 200, body: { tenant: "operators-own", scopes: ["enqueue"] } });
    expect(v.is(meShape, answer.body)).toBe(true);
    expect((await get("/v1/me", root)).body).toEqual({ tenant: null, scopes: ["root"], token: "root" });
    expect((await get("/v1/me", root, "operators-own")).body).toMatchObject({ tenant: "operators-own", token: "root" });
  });
});

describe("GET /v1/audit", () => {
  test("pages through the tenant's own entries, newest first", async () => {
    const entry = { actor: "t1", action: "patch", detail: "to" } as const;
    for (const [index, tenant] of ["operators-own", "operators-other", "operators-own", "operators-own"].entries())
      await bench.deps.audit({ ...entry, tenant, target: `r${index}`, at: now + index });
    const first = await get("/v1/audit?limit=2", own.operate);
    expect(first.body.entries.map((each: { target: string }) => each.target)).toEqual(["r3", "r2"]);
    expect(v.is(auditShape, first.body)).toBe(true);
    const second = await get(`/v1/audit?limit=2&cursor=${first.body.cursor}`, own.operate);
    expect(second.body).toMatchObject({ entries: [{ target: "r0", actor: "t1", action: "patch", detail: "to" }], cursor: null });
    expect((await get("/v1/audit", other.operate)).body.entries).toHaveLength(1);
    expect((await get("/v1/audit", root)).body.entries.length).toBeGreaterThanOrEqual(4);
    expect((await get("/v1/audit?cursor=x", own.operate)).status).toBe(422);
  });

  test("has who paused, resumed, closed a circuit, replayed, acted on many jobs, set rules and made tokens, without what a person typed", async () => {
    const acts = await bench.tenant("operators-acts");
    const before = bench.seen.audits.length;
    const call = async (method: string, path: string, body?: object, token = acts.admin) => {
      const answer = await bench.call(method, path, { token, ...(body ? { body } : {}), ...(token === root ? { tenant: "operators-acts" } : {}) });
      expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300);
      return answer.body;
    };
    await call("POST", "/v1/types/note/pause", { reason: "ann@example.org asked" });
    await call("POST", "/v1/types/note/resume");
    await call("PUT", "/v1/alert-rules/night", { email: ["ann@example.org"] });
    await call("DELETE", "/v1/alert-rules/night");
    expect((await bench.call("DELETE", "/v1/alert-rules/night", { token: acts.admin })).status).toBe(404);
    await call("POST", "/v1/gates/mail/reset");
    await givenJob("operators-acts", { state: "waiting", settled: { reason: "ann@example.org is away" } });
    const bulk = await call("POST", "/v1/jobs/run-now", { filter: { q: "ann@example.org" } });
    await createBulkStore(env.DB).insert({ ...long, tenant: "operators-acts" });
    await call("POST", "/v1/bulk-actions/long/abort");
    const replay = await call("POST", "/v1/replays", { filter: { type: "note" } });
    const { id } = await call("POST", "/v1/tenants/operators-acts/tokens", { name: "ann", scopes: ["read"] }, root);
    await call("DELETE", `/v1/tenants/operators-acts/tokens/${id}`);
    const rows = bench.seen.audits.slice(before);
    expect(rows.map(({ action, target, detail }) => [action, target, ...(detail === undefined ? [] : [detail])])).toEqual([
      ["pause", "types/note"],
      ["resume", "types/note"],
      ["set", "alert-rules/night"],
      ["remove", "alert-rules/night"],
      ["reset", "gates/mail"],
      ["run-now", bulk.id],
      ["abort", "bulk-actions/long"],
      ["replay", replay.id],
      ["create", `tokens/${id}`, "read"],
      ["revoke", `tokens/${id}`],
    ]);
    expect(JSON.stringify(rows)).not.toContain("ann");
    expect(new Set(rows.map(({ tenant }) => tenant))).toEqual(new Set(["operators-acts"]));
    const { entries } = (await get("/v1/audit", acts.operate)).body;
    expect(entries.find(({ target }: { target: string }) => target === bulk.id)).toMatchObject({ action: "run-now", jobs: 1 });
    expect(entries.find(({ action }: { action: string }) => action === "pause")).toMatchObject({ jobs: null });
  });
});

describe("GET /v1/pauses", () => {
  test("says since when, by whom and why; a tenant sees its own and those for all", async () => {
    const paused = await bench.call("POST", "/v1/queues/events/pause", { token: own.operate, body: { reason: "provider migration" } });
    expect(paused.status).toBe(200);
    await bench.call("POST", "/v1/types/note/pause", { token: root });
    const { body } = await get("/v1/pauses", own.read);
    expect(body.pauses).toMatchObject([
      { scope: "queue", name: "events", tenant: "operators-own", reason: "provider migration" },
      { scope: "type", name: "note", tenant: "*", actor: "root", reason: null },
    ]);
    expect(v.is(pausesShape, body)).toBe(true);
    expect((await get("/v1/pauses", other.read)).body.pauses).toHaveLength(1);
    expect((await get("/v1/pauses", root)).body.pauses).toHaveLength(2);
  });

  test("refuses a reason that is too long or empty", async () => {
    for (const reason of ["", "x".repeat(201)])
      expect((await bench.call("POST", "/v1/queues/events/pause", { token: own.operate, body: { reason } })).status).toBe(422);
  });
});

describe("POST /v1/schedules/{name}/run", () => {
  const run = (name: string, token: string, headers: Record<string, string> = {}) => bench.call("POST", `/v1/schedules/${name}/run`, { token, headers });

  test("enqueues the schedule's job now, once for each key", async () => {
    const schedule = { type: "note", payload: { text: "hello" }, cron: "0 7 * * 1" };
    expect((await bench.call("PUT", "/v1/schedules/weekly", { token: own.admin, body: schedule })).status).toBe(201);
    const first = await run("weekly", own.operate, { "idempotency-key": "once" });
    expect(first).toMatchObject({ status: 202, body: { type: "note", state: "queued" } });
    expect(first.headers.get("location")).toBe(`/v1/jobs/${first.body.id}`);
    expect((await run("weekly", own.operate, { "idempotency-key": "once" })).body.id).toBe(first.body.id);
    expect((await run("weekly", own.operate)).body.id).not.toBe(first.body.id);
    expect(bench.seen.requests.at(-1)).toMatchObject({ tenant: "operators-own", payload: { text: "hello" } });
  });

  test("says at once what its job waits for, as the schedule does", async () => {
    const held = await bench.tenant("operators-held");
    const put = (name: string, body: object) => bench.call("PUT", `/v1/schedules/${name}`, { token: held.admin, body: { cron: "0 7 * * 1", ...body } });
    await env.DB.prepare(
      `INSERT INTO shop_sites (tenant, site, connected, paused_at, paused_reason) VALUES ('operators-held', 'main', 0, ?, 'The key is refused (401).')`,
    )
      .bind(now - 60_000)
      .run();
    await put("shop", { type: "sync-orders", payload: { siteId: "main" } });
    await put("by-site", { type: "sync-orders", payload: {}, siteId: "main" });
    await put("elsewhere", { type: "sync-orders", payload: { siteId: "second" } });
    await put("mail", { type: "email", payload: { to: "ann@example.org", subject: "Hello", text: "hello" } });
    const why = {
      code: "site-paused",
      sentence: "The site main is paused: The key is refused (401).",
      since: new Date(now - 60_000).toISOString(),
      actions: [{ method: "POST", path: "/v1/sites/main/test", label: "Test the site" }],
    };
    const whys = async () =>
      Object.fromEntries((await get("/v1/schedules", held.read)).body.schedules.map((each: { name: string; why: unknown }) => [each.name, each.why]));
    expect(await whys()).toEqual({ shop: why, "by-site": why, elsewhere: null, mail: null });
    const ran = await run("shop", held.operate);
    expect(ran).toMatchObject({ status: 202, body: { state: "queued", why } });
    expect(v.is(runScheduleShape, ran.body)).toBe(true);
    expect((await run("mail", held.operate)).body.why).toBeNull();
    await bench.call("POST", "/v1/types/email/pause", { token: held.operate });
    expect((await whys())["mail"]).toMatchObject({ code: "paused", actions: [{ path: "/v1/types/email/resume" }] });
  });

  test("is answered with 202 when the ledger fails after its job was accepted", async () => {
    const { reports } = bench.deps;
    bench.deps.reports = { ...reports, holds: async () => Promise.reject(new Error("D1_ERROR: the database is away")) };
    const ran = await run("weekly", own.operate);
    bench.deps.reports = reports;
    expect(ran).toMatchObject({ status: 202, body: { type: "note", why: null } });
  });

  test("does not know another tenant's, and needs operate", async () => {
    expect((await run("weekly", other.operate)).status).toBe(404);
    expect((await run("weekly", own.enqueue)).status).toBe(403);
  });
});

describe("GET /v1/schedules", () => {
  test("says the pattern in words, and what became of the last planned times", async () => {
    const schedule = { type: "note", payload: { text: "hello" }, cron: "0 */3 * * *", zone: "UTC" };
    expect((await bench.call("PUT", "/v1/schedules/often", { token: own.admin, body: schedule })).body.words).toBe("On the hour, every 3 hours");
    await env.DB.prepare(`UPDATE schedules SET created_at = 0 WHERE name = 'often'`).run();
    const planned = [0, 3, 6, 9, 12].map((hours) => Math.floor(now / 10_800_000) * 10_800_000 - hours * 3_600_000);
    const id = async (at = 0) => (await bench.deps.ids.own("operators-own", "note", ["schedule", "often", new Date(at).toISOString()])) ?? "";
    await givenJob("operators-own", { id: await id(planned[0]), state: "done" });
    await givenJob("operators-own", { id: await id(planned[2]), state: "dead", settled: { reason: "503" } });
    const { body } = await get("/v1/schedules/often", own.read);
    expect(v.is(scheduleShape, body)).toBe(true);
    expect(body.pastRuns.map(({ state }: { state: string | null }) => state)).toEqual(["done", null, "dead", null, null]);
    expect(body.pastRuns[2]).toMatchObject({ plannedAt: new Date(planned[2] ?? 0).toISOString(), jobId: await id(planned[2]) });
  });
});

describe("GET /v1/installation", () => {
  test("names versions and steps, for the root token alone", async () => {
    await env.DB.prepare(`INSERT INTO versions (id, tag, first_at) VALUES ('v2', 'a1b2', ?), ('v1', '', 0)`).bind(now).run();
    const { body } = await get("/v1/installation", root);
    expect(v.is(installationShape, body)).toBe(true);
    expect(body.versions.map(({ version }: { version: string }) => version)).toEqual(["v2", "v1"]);
    expect(body.steps).toMatchObject([{ step: "sweep", outcome: "done", ms: 12, detail: null }]);
    expect(body.ledger).toEqual({ bytes: 2_500_000_000, maxBytes: 10_000_000_000 });
    expect((await get("/v1/installation", own.admin)).status).toBe(403);
  });
});

describe("GET /v1/replays", () => {
  test("lists the tenant's replays", async () => {
    await givenJob("operators-own", { state: "dead", settled: { reason: "503" } });
    const made = await bench.call("POST", "/v1/replays", { token: own.operate, body: { filter: { type: "note" } } });
    expect((await get("/v1/replays", own.read)).body.replays).toMatchObject([{ id: made.body.id, state: "running" }]);
    expect((await get("/v1/replays", other.read)).body.replays).toEqual([]);
  });
});
