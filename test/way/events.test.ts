import { createHmac } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Entry } from "../../scripts/sandbox/journal.ts";
import type { Api } from "./support/api.ts";
import { startWay, type Way } from "./support/harness.ts";
import { until, untilAllEnded, untilJob } from "./support/until.ts";

const key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const secret = `whsec_${key}`;
let way: Way;
let shop: Api;

const lead = { id: "4711", email: "ada@example.com", firstName: "Ada", lastName: "Lovelace", project: "riverside", phone: "+420777000001" };
const calls = (path: string): Promise<Entry[]> => way.sandbox.calls(`?path=${encodeURIComponent(path)}&limit=10000`);
const sum = (id: string, at: string, body: string) => createHmac("sha256", Buffer.from(key, "base64")).update(`${id}.${at}.${body}`).digest("base64");

beforeAll(async () => {
  way = await startWay();
  shop = await connected("shop");
});
beforeEach(async () => void (await way.sandbox.ask("DELETE", "/__faults")));
afterAll(() => way?.close());

/** A tenant with everything an event may want. */
async function connected(name: string): Promise<Api> {
  const own = await way.tenant(name);
  const { url } = way.sandbox;
  const settings: [string, object][] = [
    ["connections/slack", { provider: "slack", url: `${url}/slack/${name}` }],
    ["connections/crm", { provider: "hubspot", baseUrl: `${url}/crm`, apiKey: "pat" }],
    ["connections/models", { provider: "openai", baseUrl: `${url}/models/v1`, apiKey: "sk", model: "good" }],
    ["destinations/follow-up", { delaySeconds: 7200 }],
  ];
  for (const [path, body] of settings) expect((await own.ask("PUT", `/v1/${path}`, { body })).status).toBeLessThan(300);
  return own;
}

async function send(api: Api, event: object): Promise<string> {
  const answer = await api.ask("POST", "/v1/events", { body: event });
  expect([answer.status, answer.text]).toEqual([202, answer.text]);
  return String(answer.body.id);
}

test("a lead reaches every destination, once, and all of it is found under its key", async () => {
  const event = { id: "evt-1", type: "lead.created", timestamp: "2026-10-01T12:00:00Z", data: lead };
  const [id, again] = [await send(shop, event), await send(shop, event)];
  expect(again).toBe(id);
  const job = await untilJob(shop, id, "done");
  expect(job.result.destinations.map(({ name, job: child, skipped }: Record<string, string>) => [name, skipped ?? typeof child])).toEqual(
    ["slack", "email", "crm", "analysis", "store", "follow-up", "analytics"].map((name) => [name, "string"]),
  );
  await until("all but the follow-up are done", async () => {
    const { jobs } = (await shop.get("/v1/jobs?q=lead:4711&limit=100")).body;
    const states = Object.fromEntries(jobs.map(({ type, state }: Record<string, string>) => [type, state]));
    return Object.entries(states).every(([type, state]) => state === (type === "follow-up" ? "waiting" : "done") || type === "follow-up") && jobs.length === 8
      ? true
      : states;
  });
  expect((await calls("/slack/shop")).map(({ body }) => body)).toEqual([expect.stringContaining("Ada Lovelace")]);
  expect((await calls("/crm/crm/*")).length).toBe(1);
  expect((await calls("/models/*")).length).toBe(1);
  expect((await way.sandbox.mails("?to=ada@example.com")).map(({ subject }) => subject)).toEqual(["Thank you for your interest in riverside"]);
  expect((await shop.get("/v1/events?entity=lead:4711")).body).toMatchObject({ events: [{ id: "evt-1" }], state: lead });
  expect((await shop.get(`/v1/jobs/${id}`)).text).not.toContain("ada@example.com");

  await send(shop, { id: "evt-2", type: "lead.answered", data: { id: "4711" } });
  await until("the follow-up is cancelled", async () => (await shop.get("/v1/jobs?q=lead:4711&type=follow-up")).body.jobs[0]?.state === "cancelled");
  const timeline = (await shop.get("/v1/jobs?q=lead:4711&limit=100")).body.jobs as { id: string; type: string; at: string }[];
  expect(timeline.map(({ at }) => at)).toEqual(timeline.map(({ at }) => at).toSorted((one, other) => (one < other ? 1 : -1)));
  expect([timeline.at(-1)?.id, timeline.filter(({ type }) => type === "event").length]).toEqual([id, 2]);
});

test("Slack being down holds back Slack alone, which gets each message once when it is back", async () => {
  const own = await connected("patient");
  const fault = await way.sandbox.fault({ provider: "slack", path: "/slack/patient", status: 500 });
  await send(own, { id: "evt-1", type: "lead.updated", data: { ...lead, id: "1" } });
  await until("CRM and store are done", async () => (await own.get("/v1/jobs?q=lead:1&state=done")).body.jobs.length === 3);
  expect((await own.get("/v1/jobs?type=slack")).body.jobs[0].state).toMatch(/retrying|waiting|queued|running/);
  await way.sandbox.ask("DELETE", `/__faults/${fault}`);
  await untilAllEnded(way, "patient");
  expect((await calls("/slack/patient")).filter(({ status }) => status === 200)).toHaveLength(1);
  expect((await calls("/crm/crm/*")).filter(({ body }) => body.includes('"1"') || body.includes("ada@example.com")).length).toBeLessThanOrEqual(2);
});

const contactOf = async (email: string) => {
  const answer = await way.sandbox.ask("GET", "/crm/crm/v3/objects/contacts", undefined, { authorization: "Bearer pat" });
  const contacts = answer.json()["results"] as { properties: Record<string, string> }[];
  return contacts.find(({ properties }) => properties["email"] === email)?.properties;
};
const at = (minute: number) => `2026-10-01T12:0${minute}:00Z`;

test("events crossing end in the newest state, in the CRM too", async () => {
  const own = await connected("crossing");
  const who = { id: "9", email: "grace@example.com" };
  const ids = await Promise.all(
    [3, 1, 2].map((minute) =>
      send(own, { id: `evt-${minute}`, type: "lead.updated", timestamp: at(minute), data: { ...who, phone: `+42077700000${minute}` } }),
    ),
  );
  for (const id of ids) await untilJob(own, id, "done");
  await untilAllEnded(way, "crossing");
  expect(await contactOf(who.email)).toMatchObject({ phone: "+420777000003" });
  expect((await own.get("/v1/events?entity=lead:9")).body).toMatchObject({
    events: [{ id: "evt-1" }, { id: "evt-2" }, { id: "evt-3" }],
    state: { phone: "+420777000003" },
  });
});

test("a lead whose change arrives before its creation keeps the change, and gains the fields of the creation alone", async () => {
  const own = await connected("overtaken");
  expect((await own.ask("PUT", "/v1/destinations/follow-up", { body: { enabled: false } })).status).toBeLessThan(300);
  const who = { id: "10", email: "mary@example.com" };
  await send(own, { id: "evt-2", type: "lead.updated", timestamp: at(2), data: { ...who, phone: "+420777000002" } });
  await untilAllEnded(way, "overtaken");
  const created = await send(own, { id: "evt-1", type: "lead.created", timestamp: at(1), data: { ...who, phone: "+420777000001", company: "Jackson" } });
  await untilJob(own, created, "done");
  await untilAllEnded(way, "overtaken");
  expect(await contactOf(who.email)).toMatchObject({ phone: "+420777000002", company: "Jackson" });
  expect((await own.get("/v1/events?entity=lead:10")).body).toMatchObject({
    events: [
      { id: "evt-1", type: "lead.created" },
      { id: "evt-2", type: "lead.updated" },
    ],
    state: { phone: "+420777000002", company: "Jackson" },
  });
  expect((await way.sandbox.mails("?to=mary@example.com")).length).toBe(1);
});

test("subscriptions get events and ends of jobs, signed, once each, and never the ends of their own deliveries", async () => {
  const own = await connected("told");
  const body = { url: `${way.sandbox.url}/make/told`, secret, events: ["lead.updated", "job.done", "job.dead"] };
  expect((await own.ask("PUT", "/v1/subscriptions/saas", { body })).status).toBe(201);
  await send(own, { id: "evt-7", type: "lead.updated", data: { id: "7", email: "ada@example.com" } });
  await own.ask("PUT", "/v1/templates/incomplete", { body: { subject: "s", text: "{{ notGiven }}" } });
  const dead = await own.enqueue("email", { to: "x@example.com", templateId: "incomplete" });
  await untilJob(own, dead, "discarded");
  await until("all ends are delivered, that of the dead letter's alert too", async () => {
    await untilAllEnded(way, "told");
    await way.tick();
    return (await calls("/make/told")).length >= 7 && (await way.rows("SELECT 1 FROM ended_jobs WHERE tenant = ?", "told")).length === 0;
  });
  await untilAllEnded(way, "told");

  const deliveries = await calls("/make/told");
  const events = deliveries.map((call) => JSON.parse(call.body) as { id: string; type: string; data: { type?: string; id: string; state?: string } });
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  expect(events.map(({ type, data }) => (type.startsWith("job.") ? `${type} ${data.type}` : type)).toSorted()).toEqual([
    "job.dead email",
    "job.done crm",
    "job.done event",
    "job.done slack",
    // The alert of the dead letter.
    "job.done slack",
    "job.done store-event",
    "lead.updated",
  ]);
  for (const { headers, body: text } of deliveries) {
    expect(headers["webhook-signature"]).toBe(`v1,${sum(headers["webhook-id"] ?? "", headers["webhook-timestamp"] ?? "", text)}`);
  }
  expect(await way.rows("SELECT * FROM ended_jobs WHERE tenant = ?", "told")).toEqual([]);
});

test("an event is taken at the signed door, and only there and so", async () => {
  const own = await connected("signed");
  expect((await own.ask("PUT", "/v1/event-secret", { body: { secret } })).status).toBe(200);
  const text = JSON.stringify({ type: "lead.updated", data: { id: "3" } });
  const at = String(Math.floor(way.now() / 1000));
  const headers = (mac: string) => ({ "webhook-id": "msg-1", "webhook-timestamp": at, "webhook-signature": `v1,${mac}`, authorization: "" });
  const good = await own.ask("POST", "/v1/events/signed", { body: text, headers: headers(sum("msg-1", at, text)) });
  expect(good.status).toBe(202);
  const wrong = await own.ask("POST", "/v1/events/signed", { body: `${text} `, headers: headers(sum("msg-1", at, text)) });
  const elsewhere = await own.ask("POST", "/v1/events/shop", { body: text, headers: headers(sum("msg-1", at, text)) });
  expect([wrong.status, elsewhere.status]).toEqual([401, 401]);
});
