import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { AnyRoute } from "../../src/intake/route";
import { routes } from "../../src/intake/routes";
import { createTokens, type TokenScope, tokenScopes } from "../../src/tenants/token";
import { parseKeyRing } from "../../src/tenants/keys";
import { createIntakeBench, root, type Tokens } from "./bench";
import { givenJob, now } from "./given";

const bench = createIntakeBench();
let own: Tokens;
let other: Tokens;
let jobId: string;

beforeAll(async () => {
  own = await bench.tenant("walk-own");
  other = await bench.tenant("walk-other");
  jobId = await givenJob("walk-own");
});

const guarded = routes.filter((route) => route.scope !== "public");
const lines = guarded.map((route) => [`${route.method} ${route.path}`, route] as const);
const open = routes.filter((route) => route.scope === "public" && !route.path.includes(":") && !route.path.startsWith("/demo/"));
// Other tests cover what they do for a known sender.
const doors = routes.filter((route) => route.scope === "public" && route.path.includes("/:"));

function pathOf(route: AnyRoute): string {
  return route.path
    .replace(":tenant", "walk-own")
    .replace("/jobs/:id", `/jobs/${jobId}`)
    .replace(":queue", "events")
    .replace(":type", "note")
    .replace("connections/:name", "connections/mail")
    .replaceAll(/:\w+/g, "some-thing");
}

/** Whether the request came past the door: whatever the handler then answered about a missing body or thing. */
const passed = (status: number) => ![401, 403, 405, 500].includes(status);

describe("every route", () => {
  test.each(lines)("%s refuses a caller without a token", async (_line, route) => {
    const answer = await bench.call(route.method, pathOf(route));
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="jobyard"');
    expect(answer.body).toMatchObject({ status: 401, code: "unauthorized", requestId: answer.headers.get("x-request-id") });
  });

  test.each(lines)("%s refuses garbage for a token, and does not repeat it", async (_line, route) => {
    for (const token of ["garbage", `${own.admin}x`, own.admin.slice(0, -1), own.admin.replace("walk-own", "walk-other"), "jy_s1.walk-own.x.a.AAAA"]) {
      const answer = await bench.call(route.method, pathOf(route), { token });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toContain("invalid_token");
      expect(answer.text).not.toContain(token);
    }
  });

  test.each(lines)("%s shows nothing of one tenant to another", async (_line, route) => {
    const named = await bench.call(route.method, pathOf(route), { token: other.admin, tenant: "walk-own" });
    expect(named.status).toBe(403);
    const unnamed = await bench.call(route.method, pathOf(route), { token: other.admin });
    if (route.scope === "root" || route.tenant === "path") expect(unnamed.status).toBe(403);
    const { instance: _, ...shown } = unnamed.body ?? {};
    expect(JSON.stringify(shown)).not.toContain("walk-own");
    expect(unnamed.text).not.toContain("anna@example.com");
    // Of a route with a body, the missing body is reported first.
    if (route.path.startsWith("/v1/jobs/:id") && !route.body) expect(unnamed.status).toBe(404);
  });

  test.each(lines)("%s requires its scope and names it", async (_line, route) => {
    for (const scope of tokenScopes) {
      const allowed = route.scope !== "root" && (route.scope === "token" || scope === route.scope || scope === "admin");
      const answer = await bench.call(route.method, pathOf(route), { token: own[scope as TokenScope] });
      if (allowed) expect(passed(answer.status), `${scope}: ${answer.text}`).toBe(true);
      else {
        expect(answer.status, scope).toBe(403);
        expect(answer.body.detail).toContain(route.scope);
      }
    }
  });

  const guardedFields = guarded.flatMap((route) => Object.entries(route.fieldScopes ?? {}).map(([field, scope]) => [route.name, field, scope, route] as const));
  test.each(guardedFields)("%s requires for its field %s the scope %s as well", async (_name, field, scope, route) => {
    for (const held of tokenScopes.filter((each) => each === route.scope || each === scope)) {
      const answer = await bench.call(route.method, pathOf(route), { token: own[held], body: { [field]: {} } });
      expect(answer.status === 403, `${held}: ${answer.text}`).toBe(held !== scope);
    }
  });

  test.each(lines)("%s lets the root token in, for a tenant it names", async (_line, route) => {
    const named = await bench.call(route.method, pathOf(route), { token: root, tenant: "walk-own" });
    expect(passed(named.status), named.text).toBe(true);
    const unnamed = await bench.call(route.method, pathOf(route), { token: root });
    if (route.tenant === "own") expect(unnamed.body).toMatchObject({ status: 422, errors: [{ path: "Jobyard-Tenant" }] });
    else expect(passed(unnamed.status), unnamed.text).toBe(true);
    if (route.tenant !== "own" && route.tenant !== "any") return;
    for (const tenant of ["nobody-here", "Not A Name", "../walk-own"]) {
      expect((await bench.call(route.method, pathOf(route), { token: root, tenant })).status).toBe(404);
    }
  });

  test.each(open.map((route) => [route.path, route] as const))("%s requires no token", async (_path, route) => {
    expect((await bench.call(route.method, route.path)).status).toBe(200);
    expect((await bench.call(route.method, route.path, { token: "garbage" })).status).toBe(200);
  });

  test.each(doors.map((route) => [route.path, route] as const))(
    "%s refuses an unknown sender and an unknown tenant with the same 401",
    async (_path, route) => {
      const known = pathOf(route);
      const sent = route.method === "GET" ? {} : { body: {} };
      const answers = await Promise.all([known, known.replace("walk-own", "nobody-here")].map((path) => bench.call(route.method, path, sent)));
      for (const { status, body } of answers) expect([status, body.detail]).toEqual([401, answers[0]?.body.detail]);
      expect((await bench.call(route.method, route.path, sent)).status).toBe(401);
    },
  );

  test("is what the design says it is: the table of scopes, written down once more", () => {
    const fields = guarded.flatMap((route) => Object.entries(route.fieldScopes ?? {}).map(([field, scope]) => `${route.name}.${field}: ${scope}`));
    expect(fields).toEqual(["createReplay.patch: admin"]);
    const table = Object.fromEntries(routes.map((route) => [`${route.method} ${route.path}`, route.scope]));
    expect(table).toMatchObject({
      "GET /healthz": "public",
      "GET /metrics": "read",
      "GET /openapi.json": "public",
      "PUT /v1/tenants/:tenant": "root",
      "POST /v1/tenants/:tenant/tokens": "root",
      "DELETE /v1/tenants/:tenant/tokens/:id": "admin",
      "PUT /v1/sites/:site": "admin",
      "PUT /v1/connections/:name": "admin",
      "PUT /v1/templates/:id": "admin",
      "POST /v1/jobs": "enqueue",
      "POST /v1/jobs/batch": "enqueue",
      "GET /v1/jobs": "read",
      "GET /v1/jobs/:id": "read",
      "POST /v1/jobs/:id/cancel": "operate",
      "POST /v1/jobs/:id/retry": "operate",
      "POST /v1/jobs/effects": "operate",
      "POST /v1/jobs/:id/effects": "operate",
      "DELETE /v1/dead-letters/:id": "operate",
      "GET /v1/dead-letters": "read",
      "GET /v1/dead-letters/groups": "read",
      "POST /v1/jobs/cancel": "operate",
      "POST /v1/jobs/run-now": "operate",
      "POST /v1/dead-letters/dismiss": "operate",
      "GET /v1/bulk-actions/:id": "read",
      "POST /v1/bulk-actions/:id/abort": "operate",
      "POST /v1/replays": "operate",
      "GET /v1/replays/:id": "read",
      "PATCH /v1/replays/:id": "operate",
      "POST /v1/replays/:id/resume": "operate",
      "POST /v1/replays/:id/abort": "operate",
      "GET /v1/types": "read",
      "GET /v1/types/:type/sample": "root",
      "GET /v1/queues": "read",
      "POST /v1/queues/:queue/pause": "operate",
      "POST /v1/queues/:queue/resume": "operate",
      "GET /v1/stats": "read",
      "GET /v1/installation": "root",
      "GET /v1/suppressions": "read",
      "GET /v1/suppressions/:address": "read",
      "PUT /v1/suppressions": "operate",
      "PUT /v1/suppressions/:address": "operate",
      "DELETE /v1/suppressions/:address": "operate",
      "GET /u/:token": "public",
      "POST /u/:token": "public",
      "POST /v1/mail-events/:tenant/:provider": "public",
      "GET /v1/schedules": "read",
      "GET /v1/schedules/:name": "read",
      "PUT /v1/schedules/:name": "admin",
      "DELETE /v1/schedules/:name": "admin",
    });
    expect(new Set(routes.map((route) => route.name)).size).toBe(routes.length);
    expect(new Set(routes.map((route) => `${route.method} ${route.path}`)).size).toBe(routes.length);
  });
});

describe("a token", () => {
  test("that was revoked is refused at once", async () => {
    const { id, token } = await bench.deps.tokens.create("walk-own", { name: "short", scopes: ["read"] }, now);
    expect((await bench.call("GET", "/v1/jobs", { token })).status).toBe(200);
    expect((await bench.call("DELETE", `/v1/tenants/walk-own/tokens/${id}`, { token: own.admin })).status).toBe(204);
    expect((await bench.call("GET", "/v1/jobs", { token })).status).toBe(401);
  });

  test("of a tenant that does not exist is refused, however well it is signed", async () => {
    const token = await createTokens(parseKeyRing("SIGNING_KEYS", env.SIGNING_KEYS)).mint("ghost", "abc", ["admin"]);
    expect((await bench.call("GET", "/v1/jobs", { token })).status).toBe(401);
  });

  test("cannot be checked while no snapshot can be read: 503 with Retry-After", async () => {
    const deaf = createIntakeBench();
    deaf.deps.snapshots = { read: async () => ({ state: "unknown" }) };
    const answer = await deaf.call("GET", "/v1/jobs", { token: own.read });
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await deaf.call("GET", "/v1/jobs", { token: root, tenant: "walk-own" })).status).toBe(503);
  });

  test("may be spelled with any case of Bearer, and be nothing else", async () => {
    const call = (authorization: string) => bench.call("GET", "/v1/jobs", { headers: { authorization } });
    expect((await call(`bearer ${own.read}`)).status).toBe(200);
    expect((await call(`Basic ${btoa(`x:${own.read}`)}`)).status).toBe(401);
    expect((await call(own.read)).status).toBe(401);
    expect((await call(`Bearer ${"x".repeat(10_000)}`)).status).toBe(401);
    expect((await bench.call("GET", `/v1/jobs?token=${own.read}`)).status).toBe(401);
  });

  test("may name its own tenant", async () => {
    expect((await bench.call("GET", "/v1/jobs", { token: own.read, tenant: "walk-own" })).status).toBe(200);
  });
});

test("the root token cannot name one tenant in the path and another in the header", async () => {
  const answer = await bench.call("GET", "/v1/tenants/walk-own", { token: root, tenant: "walk-other" });
  expect(answer.body).toMatchObject({ status: 422, errors: [{ path: "Jobyard-Tenant" }] });
});
