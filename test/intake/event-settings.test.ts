import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { createStores } from "../../src/app/stores";
import type { WorkerEnv } from "../../src/env";
import { createIntakeBench, root, type Tokens } from "./bench";
import { now } from "./given";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const bench = createIntakeBench();
let tokens: Tokens;

beforeAll(async () => {
  tokens = await bench.tenant("shop");
  await bench.tenant("other");
  await bench.deps.tenants.put("collector", { name: "c", settings: { events: { unknown: "store" } } }, now);
});

const admin = (method: string, path: string, body?: unknown) => bench.call(method, path, { token: tokens.admin, body });

test("a built-in destination is changed and put back", async () => {
  expect((await admin("PUT", "/v1/destinations/slack", { enabled: false, filter: { score: { gte: 46 } } })).body).toMatchObject({
    name: "slack",
    builtIn: true,
    enabled: false,
  });
  expect((await admin("PUT", "/v1/destinations/slack", { url: "https://x.example.com/" })).status).toBe(422);
  expect((await admin("DELETE", "/v1/destinations/slack")).status).toBe(204);
  expect((await admin("GET", "/v1/destinations/slack")).body).toMatchObject({
    enabled: true,
    filter: null,
    events: ["lead.created", "lead.updated", "lead.silence", "offer.submitted"],
  });
});

test("one of its own needs an address that may be called, and shows its host", async () => {
  const body = { url: "https://erp.example.com/hook/s3cret", events: ["lead.created"], secret };
  expect((await admin("PUT", "/v1/destinations/erp", { events: ["lead.created"] })).status).toBe(422);
  expect((await admin("PUT", "/v1/destinations/erp", { ...body, url: "https://10.0.0.1/" })).body.errors).toMatchObject([{ path: "url" }]);
  const answer = await admin("PUT", "/v1/destinations/erp", body);
  expect([answer.status, answer.body.host]).toEqual([201, "erp.example.com"]);
  expect((await admin("GET", "/v1/destinations")).text).not.toMatch(/s3cret|MfKQ/);
  expect((await bench.call("GET", "/v1/destinations/erp", { token: root, tenant: "other" })).status).toBe(404);
});

test("a subscription", async () => {
  const body = { url: "https://saas.example.com/in", secret, events: ["job.done", "lead.created"] };
  expect([(await admin("PUT", "/v1/subscriptions/saas", body)).status, (await admin("PUT", "/v1/subscriptions/saas", body)).status]).toEqual([201, 200]);
  expect((await admin("GET", "/v1/subscriptions")).body).toMatchObject({ subscriptions: [{ name: "saas", host: "saas.example.com", events: body.events }] });
  expect([(await admin("DELETE", "/v1/subscriptions/saas")).status, (await admin("GET", "/v1/subscriptions/saas")).status]).toEqual([204, 404]);
});

test("a secret that is replaced is refused at once, or taken for a while where that is asked for", async () => {
  const { inboundSecrets } = createStores(env as unknown as WorkerEnv);
  const open = async (at: number) => {
    const row = await env.DB.prepare("SELECT secret FROM event_doors WHERE tenant = 'shop'").first<{ secret: string }>();
    return inboundSecrets.open("shop", row?.secret ?? "", at);
  };
  const [first, second, third] = ["A", "B", "C"].map((letter) => `whsec_${letter.repeat(32)}`);
  await admin("PUT", "/v1/event-secret", { secret: first });
  await admin("PUT", "/v1/event-secret", { secret: second, overlapSeconds: 60 });
  expect([await open(now + 59_999), await open(now + 60_000)]).toEqual([[second, first], [second]]);
  await admin("PUT", "/v1/event-secret", { secret: third });
  expect([await open(now), await inboundSecrets.open("other", "v1.e1.x.y", now)]).toEqual([[third], []]);
});

test("events that there are not cannot be asked for, unless the tenant takes any", async () => {
  const body = { url: "https://erp.example.com/", events: ["lead.created", "lead.craeted", "job.done"] };
  expect((await admin("PUT", "/v1/destinations/erp", body)).body.errors).toMatchObject([{ path: "events[1]" }, { path: "events[2]" }]);
  expect((await admin("PUT", "/v1/subscriptions/saas", { ...body, secret })).body.errors).toMatchObject([{ path: "events[1]" }]);
  expect((await admin("PUT", "/v1/subscriptions/saas", { ...body, secret, events: ["*", "job.dead"] })).status).toBe(201);
  const collector = { token: root, tenant: "collector", body: { ...body, events: ["tour.booked"] } };
  expect((await bench.call("PUT", "/v1/destinations/erp", collector)).status).toBe(201);
  await admin("DELETE", "/v1/subscriptions/saas");
});

test("a secret that is made here is shown once, one that is given never", async () => {
  expect((await admin("PUT", "/v1/event-secret", {})).body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect((await admin("PUT", "/v1/event-secret", { secret })).body).toEqual({});
  expect((await admin("PUT", "/v1/event-secret", { secret: `v1,${secret}` })).status).toBe(200);
  for (const wrong of ["whsec_x", "v1,whsec_short-and-urlsafe"])
    expect((await admin("PUT", "/v1/event-secret", { secret: wrong })).body.errors).toMatchObject([{ path: "secret" }]);
  expect((await admin("PUT", "/v1/event-secret", { secret, overlapSeconds: -1 })).body.errors).toMatchObject([{ path: "overlapSeconds" }]);
  const row = await env.DB.prepare("SELECT secret FROM event_doors WHERE tenant = 'shop'").first<{ secret: string }>();
  expect(row?.secret).toMatch(/^v1\.e1\./);
  expect((await admin("DELETE", "/v1/event-secret")).status).toBe(204);
});

test("what events said of a lead needs the scope for lead data", async () => {
  await bench.deps.tenants.put("shop", { name: "shop" }, now);
  expect([
    (await bench.call("GET", "/v1/events?entity=lead:1", { token: tokens.read })).status,
    (await bench.call("GET", "/v1/events?entity=lead:1", { token: tokens.leads })).body,
  ]).toEqual([403, { events: [], state: {} }]);
});

test("the catalogue", async () => {
  const { types } = (await bench.call("GET", "/v1/event-types", { token: tokens.read })).body;
  expect(types.map(({ type }: { type: string }) => type)).toContain("lead.created");
  expect(types[0].data).toMatchObject({ type: "object", required: ["id"] });
});
