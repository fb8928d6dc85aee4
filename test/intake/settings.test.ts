import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { connectionShape, siteShape } from "../../src/intake/setting-shapes";
import { scheduleShape } from "../../src/intake/shapes";
import { tenantShape, tenantsShape, tokensShape } from "../../src/intake/routes/tenants";
import { templatePutShape, templateShape } from "../../src/intake/routes/templates";
import type { ConnectionStore } from "../../src/tenants/connection";
import { createIntakeBench, root, type Tokens } from "./bench";
import { now } from "./given";

const bench = createIntakeBench();
let own: Tokens;
let other: Tokens;

beforeAll(async () => {
  own = await bench.tenant("set-own");
  other = await bench.tenant("set-other");
});

const call = (line: string, body?: unknown, token = own.admin) => {
  const [method = "", path = ""] = line.split(" ");
  return bench.call(method, path, { token, body });
};
const fits = (schema: v.GenericSchema, body: unknown) => v.is(schema, body);

describe("tenants and their tokens", () => {
  test("are made by the root token: 201, then 200", async () => {
    const body = { name: "Shop & Co", timezone: "Europe/Prague", settings: { quota: { jobsPerMinute: 60 } } };
    const made = await call("PUT /v1/tenants/set-new", body, root);
    expect([made.status, fits(tenantShape, made.body)]).toEqual([201, true]);
    expect(made.body).toMatchObject({ tenant: "set-new", ...body });
    expect((await call("PUT /v1/tenants/set-new", body, root)).status).toBe(200);
    expect((await call("GET /v1/tenants/set-new", undefined, root)).body.name).toBe("Shop & Co");
    expect((await call("GET /v1/tenants/nobody", undefined, root)).status).toBe(404);
    const all = await call("GET /v1/tenants", undefined, root);
    expect(fits(tenantsShape, all.body)).toBe(true);
    expect(all.body.tenants.map((each: { tenant: string }) => each.tenant)).toContain("set-new");
  });

  test("refuse what is wrong", async () => {
    expect((await call("PUT /v1/tenants/set-bad", { name: "", timezone: "Mars/Olympus", colour: 1 }, root)).body.errors).toHaveLength(3);
    expect((await call("PUT /v1/tenants/system", { name: "x" }, root)).status).toBe(422);
    expect((await call("POST /v1/tenants/set-own/tokens", { name: "x", scopes: ["everything"] }, root)).body.errors[0].path).toBe("scopes[0]");
    expect((await call("POST /v1/tenants/nobody/tokens", { name: "x", scopes: ["read"] }, root)).status).toBe(404);
    expect((await call("GET /v1/tenants/nobody/tokens", undefined, root)).status).toBe(404);
  });

  test("a token is shown once, listed without itself, and revoked", async () => {
    const made = await call("POST /v1/tenants/set-own/tokens", { name: "ci", scopes: ["enqueue"] }, root);
    expect(made.status).toBe(201);
    expect(made.body).toEqual({ id: expect.any(String), token: expect.stringMatching(/^jy_/) });
    const listed = await call("GET /v1/tenants/set-own/tokens");
    expect(fits(tokensShape, listed.body)).toBe(true);
    expect(listed.body.tokens.find((each: { id: string }) => each.id === made.body.id)).toMatchObject({
      ...{ name: "ci", scopes: ["enqueue"], revoked: null, lastUsed: null },
    });
    await bench.call("GET", "/v1/me", { token: made.body.token });
    await bench.call("GET", "/v1/me", { token: `${made.body.token}x` });
    await Promise.all(bench.seen.deferred);
    const used = (await call("GET /v1/tenants/set-own/tokens")).body.tokens.find((each: { id: string }) => each.id === made.body.id);
    expect(used.lastUsed).toBe(new Date(now).toISOString());
    expect(listed.text).not.toContain(made.body.token);
    const path = made.headers.get("location") ?? "";
    expect((await call(`DELETE ${path}`)).status).toBe(204);
    expect((await call("DELETE /v1/tenants/set-own/tokens/unknown")).status).toBe(404);
  });
});

describe("sites and connections", () => {
  const key = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
  const site = { platform: "prestashop", url: "https://shop.example.com/", key, webhook: { secret: "hush-hush-hush-16" } };

  test("never give back what is secret", async () => {
    const put = await call("PUT /v1/sites/shop-1", site);
    expect([put.status, fits(siteShape, put.body)]).toEqual([200, true]);
    const connection = { provider: "resend", baseUrl: "https://api.resend.com", apiKey: "re_hush", from: "Shop <a@example.com>" };
    const linked = await call("PUT /v1/connections/mail", connection);
    expect([linked.status, fits(connectionShape, linked.body)]).toEqual([200, true]);
    for (const line of ["GET /v1/sites", "GET /v1/sites/shop-1", "GET /v1/connections", "GET /v1/connections/mail"]) {
      const answer = await call(line, undefined, own.read);
      expect(answer.status).toBe(200);
      expect(answer.text).not.toMatch(/hush|ABCDEFGH/);
    }
    expect(put.text + linked.text).not.toMatch(/hush|ABCDEFGH/);
  });

  test("tell since when a provider is not called, in the interface's form of times", async () => {
    await (bench.deps.connections as ConnectionStore).pause("set-own", "mail", "resend", { reason: "mail: 401", since: now });
    const { body } = await call("GET /v1/connections/mail", undefined, own.read);
    expect(body.paused).toEqual({ resend: { reason: "mail: 401", since: new Date(now).toISOString() } });
  });

  test("are their tenant's alone", async () => {
    expect((await call("GET /v1/sites/shop-1", undefined, other.admin)).status).toBe(404);
    expect((await call("GET /v1/sites", undefined, other.admin)).body.sites).toEqual([]);
    expect((await call("DELETE /v1/sites/shop-1", undefined, other.admin)).status).toBe(404);
    expect((await call("DELETE /v1/connections/mail", undefined, other.admin)).status).toBe(404);
  });

  test("refuse private addresses, unknown names and the fields of another connection", async () => {
    for (const url of ["http://shop.example.com", "https://127.0.0.1", "https://[::1]/", "https://169.254.169.254/", "https://jobs.example.com/"]) {
      expect((await call("PUT /v1/sites/shop-2", { ...site, url })).body, url).toMatchObject({ status: 422, errors: [{ path: "url" }] });
    }
    expect((await call("PUT /v1/connections/fax", { provider: "fax" })).status).toBe(404);
    const pathsOf = async (name: string) =>
      (await call(`PUT /v1/connections/${name}`, { provider: "slack", url: "https://example.com" })).body.errors.map((each: { path: string }) => each.path);
    expect(await pathsOf("crm")).toEqual(expect.arrayContaining(["provider", "url", "baseUrl", "apiKey"]));
    // Of mail the provider decides which fields there are.
    expect(await pathsOf("mail")).toEqual(["provider"]);
    const refused = await call("PUT /v1/connections/crm", { provider: "hubspot", baseUrl: "https://api.hubapi.com", apiKey: "with space" });
    expect(refused.body.errors).toMatchObject([{ path: "apiKey" }]);
    expect(refused.text).not.toContain("with space");
  });

  test("can be removed", async () => {
    expect((await call("DELETE /v1/sites/shop-1")).status).toBe(204);
    expect((await call("DELETE /v1/sites/shop-1")).status).toBe(404);
    expect((await call("DELETE /v1/connections/mail")).status).toBe(204);
    expect((await call("GET /v1/connections/mail")).status).toBe(404);
  });
});

describe("templates", () => {
  test("get a new version when they change, and are refused when they cannot be rendered", async () => {
    const template = { subject: "Order {{ order }}", text: "Hello {{ name }}" };
    const put = await call("PUT /v1/templates/order-paid", template);
    expect(put).toMatchObject({ status: 200, body: { id: "order-paid", version: 1, changed: true } });
    expect(fits(templatePutShape, put.body)).toBe(true);
    expect((await call("PUT /v1/templates/order-paid", template)).body).toMatchObject({ version: 1, changed: false });
    expect((await call("PUT /v1/templates/order-paid", { ...template, subject: "Paid" })).body.version).toBe(2);
    const read = await call("GET /v1/templates/order-paid", undefined, own.read);
    expect(read.body).toMatchObject({ version: 2, subject: "Paid", text: "Hello {{ name }}" });
    expect(fits(templateShape, read.body)).toBe(true);
    expect((await call("GET /v1/templates/order-paid", undefined, other.read)).status).toBe(404);
    expect((await call("PUT /v1/templates/broken", { subject: "{% if %}", text: "x" })).body).toMatchObject({ status: 422, errors: [{ path: "subject" }] });
    expect((await call("PUT /v1/templates/empty", { subject: "x" })).status).toBe(422);
  });
});

describe("schedules", () => {
  const schedule = { type: "note", payload: { text: "anna@example.com" }, cron: "30 2 * * *", timezone: "Europe/Prague" };

  test("are refused when their job would be", async () => {
    expect((await call("PUT /v1/schedules/nightly", { ...schedule, type: "nothing" })).body).toMatchObject({ status: 422, errors: [{ path: "type" }] });
    expect((await call("PUT /v1/schedules/nightly", { ...schedule, payload: { txt: "x" } })).body.errors.map((each: { path: string }) => each.path)).toEqual(
      expect.arrayContaining(["payload.text", "payload.txt"]),
    );
    const wrong = (await call("PUT /v1/schedules/nightly", { ...schedule, cron: "nightly" })).body;
    expect(wrong).toMatchObject({ errors: [{ path: "cron" }], detail: expect.stringMatching(/^The body is wrong: cron: .*[^.]\.$/) });
    expect((await call("GET /v1/schedules/nightly")).status).toBe(404);
  });

  test("of mails need a template that is there, and so does a patch of mails", async () => {
    const mails = (templateId: string) => ({ ...schedule, type: "email", payload: { to: "ada@example.com", templateId } });
    const wrong = await call("PUT /v1/schedules/letters", mails("nowhere"));
    expect(wrong.body).toMatchObject({ status: 422, errors: [{ path: "payload.templateId", message: expect.stringContaining("PUT /v1/templates/nowhere") }] });
    expect((await call("PUT /v1/schedules/letters", mails("welcome"))).status).toBe(201);
    expect((await call("DELETE /v1/schedules/letters")).status).toBe(204);
    const patched = await call("POST /v1/replays", { filter: { type: "email" }, patch: { templateId: "nowhere" }, plan: true });
    expect(patched.body).toMatchObject({ status: 422, errors: [{ path: "patch.templateId" }] });
  });

  test("are made, shown masked with their next runs, replaced and removed", async () => {
    const made = await call("PUT /v1/schedules/nightly", schedule);
    expect([made.status, fits(scheduleShape, made.body)]).toEqual([201, true]);
    expect(made.body).toMatchObject({ name: "nightly", payload: { text: "•••" }, enabled: true });
    expect(made.body.nextRuns).toHaveLength(5);
    expect(made.body.nextRuns[0].at).toBe("2026-10-02T00:30:00.000Z");
    const replaced = await call("PUT /v1/schedules/nightly", { ...schedule, enabled: false });
    expect([replaced.status, replaced.body.nextRuns]).toEqual([200, []]);
    const listed = await call("GET /v1/schedules", undefined, own.read);
    expect(listed.body.schedules).toHaveLength(1);
    expect(listed.text).not.toContain("anna@example.com");
    expect((await call("GET /v1/schedules/nightly", undefined, other.read)).status).toBe(404);
    expect((await call("DELETE /v1/schedules/nightly", undefined, other.admin)).status).toBe(404);
    expect((await call("DELETE /v1/schedules/nightly")).status).toBe(204);
    expect((await call("DELETE /v1/schedules/nightly")).status).toBe(404);
  });
});
