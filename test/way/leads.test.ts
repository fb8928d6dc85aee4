import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Api, expectOk } from "./support/api.ts";
import { startWay, type Way } from "./support/harness.ts";
import { openAgency } from "./support/leads.ts";
import { until, untilAllEnded, untilJob } from "./support/until.ts";

let way: Way;
let agency: Api;
let keys: { siteKey: string; formId: string; apiKey: string };

beforeAll(async () => {
  way = await startWay();
  agency = await way.tenant("agency");
  // Other tests cover what follows from the events.
  await expectOk(agency.ask("DELETE", "/v1/connections/mail"));
  await expectOk(agency.ask("PUT", "/v1/connections/make", { body: { provider: "make", url: `${way.sandbox.url}/make/leads` } }));
  keys = (await project("homes", {})).body;
  await calm();
});
afterEach(async () => {
  await way.sandbox.ask("DELETE", "/__faults");
  await calm();
});
afterAll(() => way?.close());

async function calm(): Promise<void> {
  await way.calm();
  await way.trouble({ longestDelay: 1 });
}

const project = (name: string, more: object) =>
  expectOk(agency.ask("PUT", `/v1/projects/${name}`, { body: { domains: ["homes.example"], country: "DE", ...more } }));
const post = (name: string, body: unknown, apiKey = keys.apiKey, headers: Record<string, string> = {}) =>
  agency.ask("POST", `/v1/leads/agency/${name}`, { body, headers: { "x-api-key": apiKey, accept: "application/json", ...headers } });
const forwarded = async (email: string) =>
  (await way.sandbox.calls("?provider=make&limit=1000")).filter(({ body, status }) => status === 200 && String(body).includes(`"${email}"`));

describe("a lead", () => {
  test("is answered, stored, forwarded and found, with all that followed from it", async () => {
    const answer = await post("homes", { FIRSTNAME: "Ada", EMAIL: "ada@way.example", PHONE: "030 12345678", __visitor_id: "way-1" });
    expect(answer).toMatchObject({ status: 200, body: { ok: true } });
    await untilJob(agency, answer.body.id, "done");
    await until("Make has it", async () => (await forwarded("ada@way.example")).length === 1);
    const { body } = await agency.get(`/v1/leads/${answer.body.id}`);
    expect(body).toMatchObject({ id: answer.body.id, phone: "+493012345678", submissions: [{ id: answer.body.id, follow: "new" }] });
    expect(body.jobs.map(({ type }: { type: string }) => type)).toEqual(expect.arrayContaining(["lead", "event", "webhook"]));
    const timeline = await agency.get(`/v1/jobs?q=lead:${answer.body.id}`);
    expect(timeline.body.jobs.map(({ type }: { type: string }) => type)).toContain("lead");
    expect(timeline.text).not.toContain("ada@way.example");
  });

  test("of a form that was pressed twice is one", async () => {
    const form = (tts: string) =>
      agency.ask("POST", "/v1/leads/agency/homes", {
        body: new URLSearchParams({ siteKey: keys.siteKey, formId: keys.formId, EMAIL: "twice@way.example", __pg_nonce: "press", __pg_tts: tts }).toString(),
        headers: { "content-type": "application/x-www-form-urlencoded", origin: "https://homes.example", accept: "application/json" },
      });
    const [one, two] = await Promise.all([form("5"), form("6")]);
    expect([one.status, two.status, one.body.id]).toEqual([200, 200, two.body.id]);
    await untilJob(agency, one.body.id, "done");
    await until("Make has it", async () => (await forwarded("twice@way.example")).length === 1);
    expect((await agency.get("/v1/leads?q=twice@way.example")).body.leads).toMatchObject([{ submissions: 1 }]);
    expect(await forwarded("twice@way.example")).toHaveLength(1);
  });

  test("that is only stored goes nowhere", async () => {
    const { apiKey } = (await project("quiet", { forward: false })).body;
    const { body } = await post("quiet", { email: "quiet@way.example" }, apiKey);
    await untilJob(agency, body.id, "done");
    expect((await agency.get(`/v1/jobs?q=lead:${body.id}`)).body.jobs.filter(({ type }: { type: string }) => type === "webhook")).toEqual([]);
    expect((await agency.get("/v1/leads?project=quiet")).body.leads).toHaveLength(1);
  });
});

describe("erasing", () => {
  test("takes the person out of leads, submissions and every job", async () => {
    const { body } = await post("homes", { email: "erase@way.example", USER_MESSAGE: "remember me" });
    await untilJob(agency, body.id, "done");
    await until("Make has it", async () => (await forwarded("erase@way.example")).length === 1);
    const { body: counts } = await agency.ask("POST", "/v1/leads/erase", { body: { email: "Erase@Way.example" } });
    expect(counts).toMatchObject({ leads: 1, submissions: 1 });
    expect(counts.jobs).toBeGreaterThanOrEqual(3);
    expect((await agency.get(`/v1/leads/${body.id}`)).status).toBe(404);
    for (const table of ["jobs", "effects", "history", "dead_letters", "leads", "lead_submissions", "lead_identities", "audit"]) {
      const rows = await way.rows<object>(`SELECT * FROM ${table} WHERE tenant = 'agency'`);
      expect(
        rows.filter((row) => JSON.stringify(row).toLowerCase().includes("erase@way.example")),
        table,
      ).toEqual([]);
    }
  });
});

describe("what a lead waits for", () => {
  test("a lead that is done when it is stored is, one that is done when it is forwarded is not", async () => {
    const [stores, forwards] = [await openAgency(way, "option-a"), await openAgency(way, "option-b", { ackAfter: "forward" })];
    await way.sandbox.fault({ provider: "make", status: 503 });
    const [a, b] = [(await stores.post({ email: "a@option.example" })).body.id, (await forwards.post({ email: "b@option.example" })).body.id];
    await until("A is done and B waits", async () => {
      const states = [(await stores.api.job(a)).state, (await forwards.api.job(b)).state];
      return states.join() === "done,waiting" || states;
    });
    expect(await forwards.api.job(b)).toMatchObject({ waitingFor: "stored; its forwarding is under way" });
    expect([await stores.stored(), await forwards.stored()]).toEqual([
      { leads: 1, submissions: 1 },
      { leads: 1, submissions: 1 },
    ]);
    await way.sandbox.ask("DELETE", "/__faults");
    for (const tenant of ["option-a", "option-b"]) await untilAllEnded(way, tenant, { jobs: 2, tickEvery: 500, later: 180_000 });
    expect(await forwards.api.job(b)).toMatchObject({ state: "done", result: { follow: "new", forward: "handed on" } });
    expect([[...(await stores.forwarded())], [...(await forwards.forwarded())]]).toEqual([[[a, 1]], [[b, 1]]]);
  });

  test("with neither the queue nor D1 it is refused for now, readably for whom it is", async () => {
    const agency = await openAgency(way, "nowhere");
    const form = { EMAIL: "again@nowhere.example", __pg_nonce: "pressed" };
    for (const more of [{}, { kv: "down" }, { analytics: "down" }, { kv: "down", analytics: "down" }] as const) {
      await way.trouble({ db: "down", queue: "down", ...more });
      const [server, page] = [await agency.post({ email: "server@nowhere.example" }), await agency.submit(form)];
      expect([server.status, page.status], JSON.stringify(more)).toEqual([503, 503]);
      for (const { headers } of [server, page]) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
      expect(server.body).toMatchObject({ code: "unavailable" });
      expect(page.headers.get("content-type")).toContain("text/html");
      expect(page.text).toContain("Please try again in a moment");
    }
    await calm();
    // Sent again, and pressed twice: one lead.
    const both = await Promise.all([agency.submit(form), agency.submit(form)]);
    expect(both.map(({ status }) => status)).toEqual([200, 200]);
    expect(both[0]?.body.id).toBe(both[1]?.body.id);
    await untilAllEnded(way, "nowhere", { jobs: 2 });
    expect(await agency.stored()).toEqual({ leads: 1, submissions: 1 });
    expect([...(await agency.forwarded()).values()]).toEqual([1]);
  });
});
