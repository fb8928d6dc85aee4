import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { connectionSection, createConnectionStore, gatesOf } from "../../src/tenants/connection";
import { connectionNames } from "../../src/tenants/connection-schema";
import { createSnapshots } from "../../src/tenants/snapshot";
import { createTenantStore } from "../../src/tenants/tenant";
import { oldVault, refusalOf, rotatedVault, rules } from "./fakes";

const snapshots = createSnapshots({ db: env.DB, kv: env.CONFIG, sections: [connectionSection] });
const store = createConnectionStore(env.DB, oldVault, rules, snapshots.changed);

const api = { baseUrl: "https://api.provider.com/v1/", apiKey: "key-of-the-api" };
const bodies = {
  mail: { provider: "resend", ...api, from: "Acme <post@acme.cz>", replyTo: "info@acme.cz" },
  crm: { provider: "hubspot", ...api },
  models: {
    provider: "openai",
    ...api,
    model: "gpt-9",
    maxTokens: 900,
    temperature: 0.5,
    tokensParameter: "max_tokens",
    responseFormat: "none",
    timeoutSeconds: 90,
  },
  slack: { provider: "slack", url: "https://hooks.slack.com/services/T0/B0/secret-part", limits: { perSecond: 1 } },
  make: { provider: "make", url: "https://hook.eu1.make.com/secret-part", secret: "sign-me-with-this" },
};

beforeAll(async () => {
  for (const tenant of ["one", "two", "rot"]) await createTenantStore(env.DB, snapshots.changed).put(tenant, { name: tenant }, 1);
});

describe("put refuses", () => {
  test.each([
    ["mail", { ...bodies.mail, provider: "sendmail" }, ["provider: must be cloudflare, resend, postmark or smtp"]],
    ["mail", { provider: "resend", baseUrl: api.baseUrl }, ["apiKey: is missing"]],
    ["mail", { ...bodies.mail, apiKey: "with space" }, ["apiKey: must be 1 to 1024 visible characters without spaces"]],
    ["mail", { ...bodies.mail, from: "a@b.cz\nBcc: x@y.cz" }, ["from: must be an e-mail address, or a name and an address in <>"]],
    [
      "mail",
      { ...bodies.mail, model: "x" },
      ["model: is not a field here; known are provider, baseUrl, apiKey, webhookSecret, from, replyTo, limits, fallback"],
    ],
    ["models", { ...bodies.crm, provider: "openai" }, ["model: is missing"]],
    ["models", { ...bodies.models, provider: "bedrock" }, ["provider: must be openai or workers-ai"]],
    ["models", { provider: "workers-ai", model: "openai/gpt-9" }, ["model: must be a model of Workers AI such as @cf/google/gemma-3-12b-it"]],
    [
      "models",
      { ...bodies.models, maxTokens: 0, temperature: 3, tokensParameter: "tokens", responseFormat: "xml", timeoutSeconds: 301 },
      [
        "maxTokens: must be at least 1",
        "temperature: must be at most 2",
        "tokensParameter: must be max_completion_tokens, max_tokens, none",
        "responseFormat: must be json_schema, json_object, none",
        "timeoutSeconds: must be at most 300",
      ],
    ],
    ["slack", { ...bodies.slack, apiKey: "x" }, ["apiKey: is not a field here; known are provider, url, secret, limits"]],
    [
      "slack",
      { ...bodies.slack, url: "https://169.254.169.254/latest" },
      ["url: must have a public host: 169.254.169.254 is link-local, where metadata services live"],
    ],
    ["crm", { ...bodies.crm, baseUrl: "https://jobs.example.com" }, ["baseUrl: must not point back to this service (jobs.example.com)"]],
    ["crm", { ...bodies.crm, baseUrl: "https://api.hubapi.com/?x=1" }, ["baseUrl: must be an address without ? or #"]],
    [
      "crm",
      { ...bodies.crm, limits: { concurrency: 0, perSecond: 0, speed: 1 } },
      [
        "limits.concurrency: must be at least 1",
        "limits.perSecond: must be at least 0.001",
        "limits.speed: is not a field here; known are concurrency, perSecond, burst, breaker",
      ],
    ],
    ["crm", { ...bodies.crm, limits: { breaker: { openSeconds: 601 } } }, ["limits.breaker.openSeconds: must be at most 600"]],
  ])("%s %j", async (name, body, errors) => expect((await refusalOf(store.put("one", name, body, 1))).errors).toEqual(errors));

  test("a name that is none, and a tenant that does not exist", async () => {
    expect(await refusalOf(store.put("one", "fax", bodies.mail, 1))).toMatchObject({ code: "not-found" });
    expect(await refusalOf(store.put("one", "constructor", bodies.mail, 1))).toMatchObject({ code: "not-found" });
    expect(await refusalOf(store.put("nobody", "mail", bodies.mail, 1))).toMatchObject({ code: "not-found" });
  });
});

describe("every kind", () => {
  test("models of Workers AI need no key", async () => {
    const body = { provider: "workers-ai", model: "@cf/google/gemma-3-12b-it", collectLog: true, maxTokens: 900 };
    expect((await store.put("two", "models", body, 5)).connection).toMatchObject({ name: "models", ...body });
    expect(await store.open("two", "models")).toMatchObject({ ok: true, value: body });
  });

  test.each(connectionNames)("%s comes back whole when opened, and without secrets when shown", async (name) => {
    const { connection, created } = await store.put("one", name, bodies[name], 5);
    expect(created).toBe(true);
    expect(connection).toEqual(await store.get("one", name));
    expect(connection).toMatchObject({ name, provider: bodies[name].provider, created: 5, updated: 5 });
    const opened = await store.open("one", name);
    const base = "baseUrl" in bodies[name] ? { baseUrl: "https://api.provider.com/v1" } : {};
    expect(opened).toEqual({ ok: true, value: { ...bodies[name], ...base }, paused: {}, updated: expect.any(Number) });
    const row = JSON.stringify(await env.DB.prepare("SELECT * FROM connections WHERE tenant = 'one' AND name = ?").bind(name).first());
    for (const secret of ["key-of-the-api", "secret-part", "sign-me-with-this"]) {
      expect(JSON.stringify(connection)).not.toContain(secret);
      expect(row).not.toContain(secret);
    }
  });

  test("an address that is a secret shows its host", async () => {
    const { connection } = await store.put("two", "make", bodies.make, 5);
    expect(connection).toEqual({ name: "make", provider: "make", host: "hook.eu1.make.com", signed: true, created: 5, updated: 5 });
  });
});

test("another tenant neither sees, opens nor removes it", async () => {
  await store.put("one", "crm", bodies.crm, 5);
  expect(await store.get("two", "crm")).toBeNull();
  expect(await store.open("two", "crm")).toMatchObject({ ok: false, reason: "missing" });
  expect(await store.remove("two", "crm")).toBe(false);
  expect(await store.remove("one", "crm")).toBe(true);
  expect((await store.list("one")).map(({ name }) => name)).not.toContain("crm");
});

test("the snapshot has each gate's limits, and no credential, sealed or not", async () => {
  await store.put("two", "slack", bodies.slack, 5);
  await store.put("two", "crm", bodies.crm, 6);
  const known = await snapshots.read("two", Date.now());
  const connections = known.state === "known" ? known.snapshot.sections.connections : undefined;
  expect(connections).toMatchObject({ slack: { provider: "slack", limits: { perSecond: 1 } }, crm: { provider: "hubspot", limits: {} } });
  expect(JSON.stringify(connections)).not.toMatch(/v1\.e1\./);
});

test("a rotation seals everything under the new key, once", async () => {
  await store.put("rot", "mail", bodies.mail, 5);
  const rotated = createConnectionStore(env.DB, rotatedVault, rules, snapshots.changed);
  expect(await rotated.rotate("rot")).toBe(1);
  expect(await rotated.rotate("rot")).toBe(0);
  expect(await rotated.open("rot", "mail")).toMatchObject({ ok: true, value: { apiKey: api.apiKey } });
  expect(await store.open("rot", "mail")).toMatchObject({ ok: false, reason: "unreadable", detail: expect.stringContaining('"e2"') });
});

describe("models with a list of fallbacks", () => {
  const openai = { provider: "openai", baseUrl: "https://gateway.ai.cloudflare.com/v1/a/g/openai", apiKey: "sk-secret", gatewayToken: "gw-secret", model: "m" };

  test("come back whole, in their order, and show no secret", async () => {
    const second = { ...openai, apiKey: "sk-secret-2", baseUrl: "https://other.example/v1", price: { input: 1, output: 2 } };
    const body = { ...openai, fallback: [{ provider: "workers-ai", model: "@cf/google/gemma-3-12b-it" }, second] };
    const { connection } = await store.put("one", "models", body, 9);
    expect(JSON.stringify(connection)).not.toContain("secret");
    expect(connection).toMatchObject({ fallback: [{ provider: "workers-ai" }, { provider: "openai", model: "m", price: { input: 1, output: 2 } }] });
    expect(await store.open("one", "models")).toEqual({ ok: true, value: body, paused: {}, updated: expect.any(Number) });
    expect(gatesOf(connection)).toEqual(["models", "models-0", "models-1", "models-2"]);
  });

  test.each<[object, string]>([
    [{ ...openai, fallback: [{ ...openai, baseUrl: "http://10.0.0.1" }] }, "fallback[0].baseUrl: must begin with https"],
    [{ ...openai, fallback: Array.from({ length: 4 }, () => openai) }, "fallback: must have at most 3 entries"],
    [{ ...openai, price: { input: -1, output: 1 } }, "price.input: must be at least 0"],
  ])("%j is refused", async (body, issue) => {
    const refused: unknown = await store.put("one", "models", body, 9).catch((thrown: unknown) => thrown);
    const { errors } = refused as { errors: { path: string; message: string }[] };
    expect(errors.map(({ path, message }) => `${path}: ${message}`).join()).toContain(issue);
  });
});

describe("mail", () => {
  const smtp = { provider: "smtp", host: "smtp.provider.com", port: 587, username: "acme", password: "with a space" };
  const put = (body: unknown) => store.put("one", "mail", body, 9);

  test("of each provider, with a fallback, comes back whole and shows no secret", async () => {
    for (const body of [
      { provider: "cloudflare", from: "a@b.cz" },
      { provider: "resend", apiKey: "re_secret" },
      { provider: "postmark", serverToken: "pm-secret", stream: "outbound", webhookSecret: "hook-secret", fallback: smtp },
      { ...smtp, tls: "starttls", fallback: { provider: "resend", apiKey: "re_secret", webhookSecret: "hook-secret" } },
    ]) {
      const { connection } = await put(body);
      expect(JSON.stringify(connection)).not.toMatch(/secret|with a space/);
      expect(await store.open("one", "mail")).toEqual({ ok: true, value: body, paused: {}, updated: expect.any(Number) });
    }
  });

  test.each<[object, string]>([
    [{ ...smtp, host: "127.0.0.1" }, "host: must have a public host: 127.0.0.1"],
    [{ ...smtp, host: "10.0.0.7" }, "host: must have a public host: 10.0.0.7"],
    [{ ...smtp, host: "smtp.provider.com:25" }, "host: must be a host name, without a port"],
    [{ ...smtp, host: "user@smtp.provider.com" }, "host: must be a host name, without a port"],
    [{ ...smtp, host: "jobs.example.com" }, "host: must not point back to this service"],
    [{ ...smtp, port: 25 }, "port: must not be 25"],
    [{ ...smtp, port: 80 }, "port: must be one of 465, 587, 2525"],
    [{ ...smtp, port: "587" }, "port: must be a number"],
    [{ ...smtp, tls: "none" }, "tls: must not be none"],
    [{ ...smtp, tls: false }, "tls: must not be none"],
    [{ ...smtp, tls: "sometimes" }, "tls: must be implicit"],
    [{ ...smtp, password: undefined }, "password: username and password go together"],
    [{ ...smtp, apiKey: "x" }, "apiKey: is not a field here"],
    [{ provider: "postmark" }, "serverToken: is missing"],
    [{ provider: "postmark", serverToken: "x", fallback: { provider: "postmark", serverToken: "y" } }, "fallback.provider: must be another provider"],
    [{ provider: "postmark", serverToken: "x", fallback: { ...smtp, port: 25 } }, "fallback.port: must not be 25"],
    [
      { provider: "postmark", serverToken: "x", fallback: { provider: "resend", apiKey: "y", baseUrl: "http://10.0.0.1" } },
      "fallback.baseUrl: must begin with https",
    ],
    [{ provider: "postmark", serverToken: "x", fallback: { provider: "carrier-pigeon" } }, "fallback.provider: must be cloudflare, resend"],
    [{}, "provider: must be cloudflare, resend"],
  ])("%j is refused: %s", async (body, message) => {
    const { errors } = await refusalOf(put(JSON.parse(JSON.stringify(body))));
    expect(errors.join("; ")).toContain(message);
  });

  test("a developer's machine may have a server of its own, without TLS", async () => {
    const local = createConnectionStore(env.DB, oldVault, { allowLocal: true, ownHosts: [] }, snapshots.changed);
    await local.put("one", "mail", { provider: "smtp", host: "127.0.0.1", port: 8025, tls: "none" }, 9);
    await expect(local.put("one", "mail", { ...smtp, tls: "none" }, 9)).rejects.toThrow("tls");
  });

  test("a pause is shown until it is lifted or the connection is set anew", async () => {
    await put(smtp);
    const paused = { reason: "SMTP: 535", since: 10 };
    await store.pause("one", "mail", "smtp", paused);
    expect(await store.get("one", "mail")).toMatchObject({ paused: { smtp: paused } });
    expect(await store.open("one", "mail")).toMatchObject({ paused: { smtp: paused } });
    await store.pause("one", "mail", "smtp", null);
    expect(await store.get("one", "mail")).not.toHaveProperty("paused");
    await store.pause("one", "mail", "smtp", paused);
    await put(smtp);
    expect(await store.get("one", "mail")).not.toHaveProperty("paused");
    await store.pause("two", "mail", "smtp", paused);
  });
});
