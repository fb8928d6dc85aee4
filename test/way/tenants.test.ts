import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer, Api } from "./support/api.ts";
import { startWay, type Way } from "./support/harness.ts";
import { sideBySide } from "./support/leads.ts";
import { until, untilJob } from "./support/until.ts";

interface Route {
  method: string;
  path: string;
  name: string;
  scope: string;
  tenant: string;
}

let way: Way;
/** The tenant that owns the objects, and another tenant that asks for them. */
let owner: Api;
let stranger: Api;
let routes: Route[];

/** Texts that only the owner may see; credentials no answer may contain. */
const personal = "grace.hopper@private.example";
const inside = "THE-TEXT-OF-THE-MAIL";
const apiKey = "re_owner_key";
const owned: Record<string, string> = { tenant: "owner", site: "owner-shop", name: "mail", queue: "email-sending", type: "email" };

beforeAll(async () => {
  way = await startWay();
  owner = await way.tenant("owner");
  stranger = await way.tenant("stranger");
  routes = (await way.api.get("/__test/routes")).body;
  await owner.ask("PUT", "/v1/templates/mail", { body: { subject: "of the owner", text: inside } });
  await owner.ask("PUT", "/v1/sites/owner-shop", { body: { platform: "prestashop", url: "https://owner-shop.example", key: "A".repeat(32) } });
  await owner.ask("PUT", "/v1/templates/incomplete", { body: { subject: "s", text: "{{ notGiven }}" } });
  const id = await owner.enqueue("email", { to: personal, templateId: "incomplete", variables: { secret: inside } });
  owned["id"] = id;
  await untilJob(owner, id, "discarded");
  const body = { type: "email", payload: { to: personal, subject: inside, text: inside }, cron: "0 3 * * *" };
  await owner.ask("PUT", "/v1/schedules/mail", { body });
});
afterAll(() => way?.close());

const filled = (path: string) => path.replaceAll(/:(\w+)/g, (_, name: string) => owned[name] ?? "mail");
/** A refusal repeats the path that was asked for, nothing else. */
const seesOwner = (answer: Answer) => {
  const visible = answer.text.replace(String(answer.body?.instance), "");
  return [personal, inside, apiKey, owned["id"]!, "owner-shop.example"].filter((text) => visible.includes(text));
};

/** Eight at a time: each alone waits for its answer most of the time. */
async function walk(isMeant: (route: Route) => boolean, ask: (route: Route) => Promise<void>): Promise<void> {
  const meant = routes.filter(isMeant);
  await sideBySide(8, meant.length, (index) => ask(meant[index]!));
}

describe("every route", () => {
  test("there are routes, and each is walked", () => {
    expect(routes.length).toBeGreaterThan(35);
  });

  test("refuses who has no token, or a forged one", async () => {
    await walk(
      ({ scope }) => scope !== "public",
      async ({ method, path }) => {
        const line = `${method} ${path}`;
        const none = await way.api.withToken("").ask(method, filled(path));
        const forged = await way.api.withToken(`jy_${"A".repeat(80)}`).ask(method, filled(path));
        expect([line, none.status, forged.status]).toEqual([line, 401, 401]);
        expect([line, none.headers.get("www-authenticate")]).toEqual([line, expect.stringContaining("Bearer")]);
      },
    );
  });

  test("refuses a tenant's token that names another tenant", async () => {
    await walk(
      ({ scope, tenant }) => scope !== "public" && tenant !== "none",
      async ({ method, path }) => {
        const line = `${method} ${path}`;
        const named = await stranger.ask(method, filled(path), { headers: { "jobyard-tenant": "owner" }, ...(method === "GET" ? {} : { body: {} }) });
        expect([line, named.status, seesOwner(named)]).toEqual([line, 403, []]);
      },
    );
  });

  test("shows and does nothing to another tenant's things", async () => {
    const before = await everythingOf();
    await walk(
      ({ scope }) => scope !== "public",
      async ({ method, path, scope, tenant }) => {
        const line = `${method} ${path}`;
        const answer = await stranger.ask(method, filled(path), method === "GET" || method === "DELETE" ? {} : { body: {} });
        expect([line, seesOwner(answer)]).toEqual([line, []]);
        if (tenant === "path" || scope === "root") expect([line, answer.status]).toEqual([line, 403]);
        // A body that is wrong is refused before anything is looked up.
        if (path.includes("/jobs/:id")) expect([line, [404, 422]]).toEqual([line, expect.arrayContaining([answer.status])]);
        expect([line, answer.status < 500]).toEqual([line, true]);
      },
    );
    expect(await everythingOf()).toEqual(before);
  });

  test("asks for its scope", async () => {
    const ranks: Record<string, string[]> = { enqueue: ["enqueue"], read: ["read"], operate: ["operate"], leads: ["leads"] };
    for (const [name, scopes] of Object.entries(ranks)) {
      const minted = await way.api.ask("POST", "/v1/tenants/owner/tokens", { body: { name, scopes } });
      const limited = way.api.withToken(minted.body.token);
      await walk(
        ({ scope }) => ![name, "public", "token"].includes(scope),
        async ({ method, path, scope }) => {
          const line = `${name}: ${method} ${path} needs ${scope}`;
          expect([line, (await limited.ask(method, filled(path), method === "GET" ? {} : { body: {} })).status]).toEqual([line, 403]);
        },
      );
    }
  });

  test("a revoked token is refused, and the others of its tenant are not", async () => {
    const minted = await way.api.ask("POST", "/v1/tenants/owner/tokens", { body: { name: "short", scopes: ["read"] } });
    const short = way.api.withToken(minted.body.token);
    expect((await short.get("/v1/jobs")).status).toBe(200);
    expect((await owner.ask("DELETE", `/v1/tenants/owner/tokens/${minted.body.id}`)).status).toBe(204);
    expect((await short.get("/v1/jobs")).status).toBe(401);
    expect((await owner.get("/v1/jobs")).status).toBe(200);
  });

  /** What a stranger must not be able to change. */
  function everythingOf(): Promise<unknown[]> {
    const tables = ["jobs", "dead_letters", "pauses", "schedules", "sites", "connections", "templates", "tokens"];
    return Promise.all(tables.map((table) => way.rows(`SELECT * FROM ${table} WHERE tenant = 'owner'`)));
  }
});

describe("personal and secret fields", () => {
  test("are in no list, metric, statistic or job page", async () => {
    const pages = [
      "/v1/jobs",
      `/v1/jobs/${owned["id"]}`,
      "/v1/dead-letters",
      "/v1/dead-letters/groups",
      "/v1/schedules",
      "/v1/stats",
      "/metrics",
      "/v1/queues",
      "/v1/connections",
      "/v1/sites",
    ];
    for (const page of pages) {
      const answer = await owner.get(page);
      expect([page, answer.status]).toEqual([page, 200]);
      expect([page, [personal, inside, apiKey, "A".repeat(32)].filter((text) => answer.text.includes(text))]).toEqual([page, []]);
    }
  });

  test("are shown to an admin who asks for them, and that is recorded", async () => {
    const revealed = await owner.get(`/v1/jobs/${owned["id"]}?reveal=1`);
    expect(revealed.body).toMatchObject({ revealed: true, payload: { to: personal, variables: { secret: inside } } });
    expect(await way.rows("SELECT action, target FROM audit WHERE tenant = 'owner' AND action = 'reveal'")).toEqual([
      { action: "reveal", target: owned["id"] },
    ]);
    const minted = await way.api.ask("POST", "/v1/tenants/owner/tokens", { body: { name: "reader", scopes: ["read"] } });
    const reader = await way.api.withToken(minted.body.token).get(`/v1/jobs/${owned["id"]}?reveal=1`);
    expect(reader.text).not.toContain(personal);
  });

  test("are in no log line, whatever goes wrong with them", async () => {
    const logged = way.logs().length;
    await way.sandbox.fault({
      provider: "mail",
      status: 422,
      body: { statusCode: 422, name: "validation_error", message: `Invalid to: ${personal} (${inside})` },
      times: 1,
    });
    const refused = await untilJob(owner, await owner.enqueue("email", { to: personal, subject: inside, text: "x" }), "discarded");
    expect(refused.error).toContain("422");
    const thrown = await untilJob(owner, await owner.enqueue("scripted", { steps: [{ do: "throw", text: `cannot mail ${personal}` }] }), "dead");
    // Its text is a personal field, so nothing of it is repeated.
    expect(thrown.error).toContain("•••");
    await until("something was logged", async () => way.logs().length > logged);
    const all = way.logs().join("\n");
    for (const text of [personal, inside, apiKey, "A".repeat(32)]) expect(all).not.toContain(text);
    expect(JSON.stringify([refused, thrown, (await owner.get("/v1/dead-letters")).body])).not.toContain(personal);
  });
});
