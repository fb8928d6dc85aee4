import { env } from "cloudflare:workers";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { answer } from "../../src/app/answer";
import { createStores } from "../../src/app/stores";
import { accessSchema, createAccessVerifier } from "../../src/domain/installation/access";
import type { WorkerEnv } from "../../src/env";
import { createHttp } from "../../src/providers/http";
import { check } from "../../src/queue/validate";
import { stubFetch } from "../providers/fetch-stub";

const teamDomain = "acme.cloudflareaccess.com";
const audience = "a".repeat(64);
const origin = "https://jobs.example.com";
type Key = Awaited<ReturnType<typeof generateKeyPair>>;
let keys: Key;
let others: Key;

const setting = {
  teamDomain,
  audience,
  roles: [
    { email: "Root@Example.com", tenant: "*" },
    { email: "ada@example.com", tenant: "access-own", scopes: ["read" as const] },
    { group: "night", tenant: "access-own", scopes: ["read" as const, "operate" as const] },
  ],
};

beforeAll(async () => {
  keys = await generateKeyPair("RS256", { extractable: true });
  others = await generateKeyPair("RS256", { extractable: true });
  await createStores(env as WorkerEnv).tenants.put("access-own", { name: "Own" }, Date.now());
});

beforeEach(() => createStores(env as WorkerEnv).installation.put("access", setting, Date.now()));
afterEach(() => vi.unstubAllGlobals());

async function jwks(kid = "k1", { publicKey }: Key = keys): Promise<Response> {
  return Response.json({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" }] });
}

interface Claims {
  email?: string;
  aud?: string;
  iss?: string;
  exp?: number;
  kid?: string;
  key?: Key;
  more?: object;
}

function signed({
  email = "ada@example.com",
  aud = audience,
  iss = `https://${teamDomain}`,
  exp = 300,
  kid = "k1",
  key = keys,
  more = {},
}: Claims = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ email, type: "app", ...more })
    .setProtectedHeader({ alg: "RS256", kid })
    .setAudience([aud])
    .setIssuer(iss)
    .setIssuedAt(now - 600)
    .setExpirationTime(now + exp)
    .sign(key.privateKey);
}

/** A Worker of its own with empty caches, and what it answers to a browser behind Access. */
function browser() {
  const worker = { ...env } as unknown as WorkerEnv;
  return async (path: string, token: string | null, init: RequestInit = {}) => {
    const headers = { ...(token === null ? {} : { "cf-access-jwt-assertion": token }), ...(init.headers as Record<string, string>) };
    const response = await answer(worker, new Request(origin + path, { redirect: "manual", ...init, headers }));
    return { status: response.status, location: response.headers.get("location"), text: await response.text(), cookie: response.headers.get("set-cookie") };
  };
}

describe("a person authenticated by Cloudflare Access", () => {
  test("sees the pages of its role, and no token is ever sent to the browser", async () => {
    const seen = stubFetch(await jwks());
    const ask = browser();
    const token = await signed();
    expect(await ask("/", token)).toMatchObject({ status: 303, location: "/t/access-own/" });
    const page = await ask("/t/access-own/jobs", token);
    expect(page.status).toBe(200);
    expect(`${page.text} ${page.cookie}`).not.toMatch(/jy_|root-token/);
    expect((await ask("/t/other/jobs", token)).text).not.toContain("<table");
    expect(seen.map(({ url }) => url)).toEqual([`https://${teamDomain}/cdn-cgi/access/certs`]);
  });

  test("may do what its scopes say, and nothing from a foreign page", async () => {
    stubFetch(await jwks());
    const ask = browser();
    const post = async (token: string, site: string) =>
      ask("/t/access-own/flow", token, {
        method: "POST",
        body: "do=pause&scope=queue&name=events",
        headers: { origin, "sec-fetch-site": site, "content-type": "application/x-www-form-urlencoded", "content-length": "32" },
      });
    const night = await signed({ email: "eve@example.com", more: { custom: { groups: ["night"] } } });
    expect((await post(night, "cross-site")).status).toBe(403);
    expect((await ask("/t/access-own/flow", night)).text).toContain("Pause");
    expect((await ask("/t/access-own/flow", await signed())).text).not.toContain("/pause");
  });

  test("acts for all tenants with the role *, whatever the letters of the address", async () => {
    stubFetch(await jwks());
    expect(await browser()("/", await signed({ email: "root@example.com" }))).toMatchObject({ status: 303, location: "/t/*/" });
  });
});

describe("a token of Access is refused", () => {
  const none = (claims: object) => `${btoa(JSON.stringify({ alg: "none" }))}.${btoa(JSON.stringify(claims))}.`.replaceAll("=", "");
  test.each<[string, () => Promise<string> | string]>([
    ["for another application", () => signed({ aud: "b".repeat(64) })],
    ["of another team", () => signed({ iss: "https://evil.cloudflareaccess.com" })],
    ["that has run out", () => signed({ exp: -60 })],
    ["of an unknown key", () => signed({ kid: "k9", key: others })],
    ["signed by another key under a known name", () => signed({ key: others })],
    ["that is not signed", () => none({ email: "root@example.com", aud: [audience], iss: `https://${teamDomain}`, exp: 9_999_999_999 })],
    [
      "made with the public key as a secret",
      () =>
        new SignJWT({ email: "root@example.com" })
          .setProtectedHeader({ alg: "HS256", kid: "k1" })
          .setAudience(audience)
          .setIssuer(`https://${teamDomain}`)
          .setExpirationTime("1h")
          .sign(new TextEncoder().encode("k1".repeat(32))),
    ],
    [
      "that never runs out",
      () =>
        new SignJWT({ email: "root@example.com" })
          .setProtectedHeader({ alg: "RS256", kid: "k1" })
          .setAudience(audience)
          .setIssuer(`https://${teamDomain}`)
          .sign(keys.privateKey),
    ],
    ["that is none", () => "x"],
    ["that is too long", () => "x".repeat(15_000) + ".".repeat(5000)],
  ])("%s", async (_what, make) => {
    stubFetch(await jwks());
    const { status, text } = await browser()("/t/access-own/jobs", await make());
    expect(status).toBe(403);
    expect(text).toContain("not valid for this application");
    expect(text).toContain('name="token"');
  });

  test("where no role fits the person, and by the words of the page", async () => {
    stubFetch(await jwks());
    for (const claims of [
      { email: "mallory@example.com" },
      { email: "x@example.com", more: { groups: ["day"] } },
      { email: "", more: { common_name: "service" } },
    ]) {
      const { status, text } = await browser()("/", await signed(claims));
      expect([status, text.includes("no role here")]).toEqual([403, true]);
    }
  });
});

describe("the keys of Access", () => {
  test("that cannot be fetched are a clear 503, and a token still opens the pages", async () => {
    stubFetch(new Response("down", { status: 503 }));
    const ask = browser();
    const refused = await ask("/t/access-own/", await signed());
    expect(refused.status).toBe(503);
    expect(refused.text).toContain("sign in with a token");
    const body = `token=${encodeURIComponent(env.ROOT_TOKEN)}`;
    const headers = { origin, "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded", "content-length": String(body.length) };
    const signedIn = await ask("/session", await signed(), { method: "POST", body, headers });
    expect(signedIn.status).toBe(303);
    expect((await ask("/t/access-own/jobs", await signed(), { headers: { cookie: signedIn.cookie?.split(";")[0] ?? "" } })).status).toBe(200);
  });

  test("are kept for an hour, fetched again for a new key at most once a minute, and outlive an outage", async () => {
    let now = Date.now();
    const first = await jwks();
    const second = await jwks("k2", others);
    const seen = stubFetch(first, second, new Error("Network connection lost."));
    const verify = createAccessVerifier(createHttp({ rules: { ownHosts: [], allowLocal: false } }), () => now);
    const ada = { ok: true, person: "ada@example.com" };
    expect(await verify(setting, await signed({ exp: 90_000 }))).toMatchObject(ada);
    expect(await verify(setting, await signed({ exp: 90_000 }))).toMatchObject(ada);
    for (let flood = 0; flood < 5; flood++)
      expect(await verify(setting, await signed({ kid: "k2", key: others, exp: 90_000 }))).toEqual({ ok: false, why: "refused" });
    expect(seen).toHaveLength(1);
    now += 61_000;
    expect(await verify(setting, await signed({ kid: "k2", key: others, exp: 90_000 }))).toMatchObject(ada);
    now += 3_700_000;
    expect(await verify(setting, await signed({ kid: "k2", key: others, exp: 90_000 }))).toMatchObject(ada);
    expect(seen).toHaveLength(3);
  });
});

test("without the setting the header says nothing", async () => {
  await createStores(env as WorkerEnv).installation.remove("access");
  const seen = stubFetch(new Response("{}"));
  const { status, text } = await browser()("/t/access-own/", await signed());
  expect([status, text.includes('name="token"'), seen.length]).toEqual([200, true, 0]);
});

test.each([
  [{ teamDomain: "evil.example.com" }, "teamDomain"],
  [{ audience: "x" }, "audience"],
  [{ roles: [] }, "roles"],
  [{ roles: [{ tenant: "*" }] }, "roles[0].email"],
  [{ roles: [{ email: "a@example.com", group: "g", tenant: "*" }] }, "roles[0].email"],
  [{ roles: [{ email: "a@example.com", tenant: "t" }] }, "roles[0].scopes"],
  [{ roles: [{ email: "a@example.com", tenant: "*", scopes: ["read"] }] }, "roles[0].scopes"],
  [{ roles: [{ email: "a@example.com", tenant: "t", scopes: ["root"] }] }, "roles[0].scopes[0]"],
])("a setting with %j is refused at %s", (change, path) => {
  const checked = check(accessSchema, { ...setting, ...change });
  expect(checked.ok ? [] : checked.issues.map((issue) => issue.path)).toContain(path);
});
