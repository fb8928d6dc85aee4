import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createTenantStore } from "../../src/tenants/tenant";
import { refusalOf } from "./fakes";

const changes: string[] = [];
const store = createTenantStore(env.DB, async (tenant) => void changes.push(tenant));

describe("put refuses", () => {
  test.each(["", "Acme", "acme.cz", "a".repeat(64), "a/b", "acme\n"])("the name %j", async (name) => {
    expect(await refusalOf(store.put(name, { name: "Acme" }, 1))).toMatchObject({
      code: "invalid",
      errors: ["tenant: must be 1 to 63 of the characters a-z, 0-9 and -"],
    });
  });

  test("the reserved name", async () => {
    expect((await refusalOf(store.put("system", { name: "x" }, 1))).errors).toEqual(['tenant: "system" is reserved']);
  });

  test.each([
    [{}, ["name: is missing"]],
    [null, [": must be an object"]],
    [{ name: " " }, ["name: must not be empty"]],
    [{ name: 1 }, ["name: must be text"]],
    [{ name: "A", timezone: "Mars/Olympus" }, ["timezone: must be an IANA time zone such as Europe/Prague"]],
    [{ name: "A", timezone: "+01:00" }, ["timezone: must be an IANA time zone such as Europe/Prague"]],
    [{ name: "A", colour: "red" }, ["colour: is not a field here; known are name, timezone, settings"]],
    [{ name: "A", settings: { mial: {} } }, ["settings.mial: is not a field here; known are mail, quota, budget, retention, alerts, media, events"]],
    [{ name: "A", settings: { mail: { from: "nobody" } } }, ["settings.mail.from: must be an e-mail address, or a name and an address in <>"]],
    [
      { name: "A", settings: { mail: { from: "A <a@b.cz>\r\nBcc: c@d.cz" } } },
      ["settings.mail.from: must be an e-mail address, or a name and an address in <>"],
    ],
    [{ name: "A", settings: { quota: { jobsPerMinute: 1.5 } } }, ["settings.quota.jobsPerMinute: must be a whole number"]],
    [
      { name: "A", settings: { retention: { done: 0, dead: 9999 } } },
      ["settings.retention.done: must be at least 1", "settings.retention.dead: must be at most 3650"],
    ],
  ])("%j", async (body, errors) => expect((await refusalOf(store.put("wrong", body, 1))).errors).toEqual(errors));

  test("and keeps nothing of it", async () => expect(await store.get("wrong")).toBeNull());
});

test("creates, then replaces as a whole, and publishes each change", async () => {
  const settings = { mail: { from: "Acme <post@acme.cz>" }, quota: { jobsPerMinute: 600 }, retention: { done: 30 } };
  const first = await store.put("acme", { name: " Acme ", timezone: "Europe/Prague", settings }, 10);
  expect(first).toEqual({ created: true, tenant: { tenant: "acme", name: "Acme", timezone: "Europe/Prague", settings, created: 10, updated: 10 } });
  const second = await store.put("acme", { name: "Acme 2" }, 20);
  expect(second).toEqual({ created: false, tenant: { tenant: "acme", name: "Acme 2", timezone: "UTC", settings: {}, created: 10, updated: 20 } });
  expect(await store.get("acme")).toEqual(second.tenant);
  expect(changes).toEqual(["acme", "acme"]);
});

test("lists page by page", async () => {
  for (const tenant of ["list-a", "list-b", "list-c"]) await store.put(tenant, { name: tenant }, 1);
  const first = await store.list({ after: "list-", limit: 2 });
  expect(first.map(({ tenant }) => tenant)).toEqual(["list-a", "list-b"]);
  expect((await store.list({ after: "list-b" })).map(({ tenant }) => tenant)).toContain("list-c");
});
