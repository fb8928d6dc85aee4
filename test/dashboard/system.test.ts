import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rolesFrom, rolesText } from "../../src/dashboard/system/roles";
import { tokenScopes } from "../../src/tenants/token";
import { answersOf } from "./answers";
import { createFakeApi, people } from "./desk";
import { now, visitor } from "./visitor";

const accept = { accept: "text/vnd.jobyard.fragment" };
const words = fc.stringMatching(/^[\w.", -]{1,30}$/);
const person = fc.oneof(
  words.map((group) => ({ group })),
  fc.stringMatching(/^[a-z0-9.]{1,20}@[a-z0-9.]{1,20}$/).map((email) => ({ email })),
);
const role = fc.oneof(
  person.map((who) => ({ ...who, tenant: "*" })),
  fc.record({ who: person, scopes: fc.subarray([...tokenScopes], { minLength: 1 }) }).map(({ who, ...more }) => ({ ...who, tenant: "acme", ...more })),
);

describe("roles of Cloudflare Access", () => {
  test("that are typed as they are shown are the same roles", () => {
    fc.assert(fc.property(fc.array(role, { minLength: 1 }), (roles) => void expect(rolesFrom(rolesText(roles))).toEqual(roles)));
  });

  test("may part their scopes by commas, and name a group with one", () => {
    expect(rolesFrom('demo@example.com, demo, read, operate\ngroup:"Night, late", demo, read operate, leads\ngroup: Day , *')).toEqual([
      { email: "demo@example.com", tenant: "demo", scopes: ["read", "operate"] },
      { group: "Night, late", tenant: "demo", scopes: ["read", "operate", "leads"] },
      { group: "Day", tenant: "*" },
    ]);
  });

  test("are read whatever was typed, in time that grows with the text", () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => void expect(rolesFrom(text).length).toBeLessThanOrEqual(text.split("\n").length)));
  });
});

describe("the settings of the installation", () => {
  test("are shown to the root token alone, and are calls of the interface", async () => {
    const api = createFakeApi(now, answersOf({ rows: 1, text: "shop", now }));
    const { get, post } = await visitor(people.root, api);
    const page = await (await get("/t/*/system")).text();
    for (const shown of [
      "acme.cloudflareaccess.com",
      "group shop",
      "all tenants",
      "do/put-heartbeat",
      "do/delete-heartbeat",
      "do/put-access",
      "do/delete-access",
    ])
      expect(page).toContain(shown);
    api.answers.set("PUT /v1/heartbeat", { host: "hc.example.com", updated: "", last: null });
    api.answers.set("PUT /v1/access", { teamDomain: "acme.cloudflareaccess.com" });
    const put = await post("/t/*/do/put-heartbeat", { url: "https://hc.example.com/secret" }, accept);
    expect(await put.text()).toBe("Each tick without a failing step calls hc.example.com.");
    expect(api.calls.at(-1)).toMatchObject({ path: "/v1/heartbeat", body: { url: "https://hc.example.com/secret" } });
    await post(
      "/t/*/do/put-access",
      { teamDomain: "acme.cloudflareaccess.com", audience: "b", roles: "ada@example.com, acme, read  operate\r\n\r\nroot@example.com, *" },
      accept,
    );
    expect(api.calls.at(-1)?.body).toEqual({
      ...{ teamDomain: "acme.cloudflareaccess.com", audience: "b" },
      roles: [
        { email: "ada@example.com", tenant: "acme", scopes: ["read", "operate"] },
        { email: "root@example.com", tenant: "*" },
      ],
    });
    const admin = await (await (await visitor(people.admin, api)).get("/t/demo/system")).text();
    expect(admin).not.toContain("Heartbeat");
    expect(admin).not.toContain("cloudflareaccess");
  });

  test("that are not set say what they are for", async () => {
    const { get } = await visitor(people.root, createFakeApi(now, answersOf({ rows: 0, text: "shop", now })));
    const page = await (await get("/t/*/system")).text();
    expect(page).toContain("No address is set.");
    expect(page).toContain("only tokens open these pages");
  });
});

test("a row of the audit links to what was acted on, and says how many jobs it was", async () => {
  const api = createFakeApi(now);
  const id = "0b6f3c1e-8a52-4d6e-9d0e-3f1f6a9c2b77";
  const row = { tenant: "demo", at: new Date(now).toISOString(), actor: "t1", actorName: "ops", detail: null, jobs: null };
  const acts = [
    ["run-now", id, `/bulk/${id}`],
    ["replay", id, `/replays/${id}`],
    ["resume", "queues/email-sending", "/flow/email-sending"],
    ["set", "alert-rules/night", "/alerts"],
    ["reset", "gates/shop:main", "/flow"],
    ["revoke", "tokens/t2", undefined],
    ["unsuppress", "suppression", undefined],
    ["set", "__proto__/x", undefined],
  ] as const;
  api.answers.set("GET /v1/audit", {
    entries: acts.map(([action, target], index) => ({ ...row, action, target, jobs: index === 0 ? 213 : null })),
    cursor: null,
  });
  const html = await (await (await visitor(people.operator, api)).get("/t/demo/system")).text();
  for (const [, target, address] of acts) expect(html.includes(`<a href="/t/demo${address}">${target}</a>`)).toBe(address !== undefined);
  expect(html).toContain("213 jobs");
});
