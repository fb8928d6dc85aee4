import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { createFacts } from "../../src/domain/events/facts";
import { createFollowUps } from "../../src/domain/events/follow-ups";
import { createRouting } from "../../src/domain/events/routing";
import { eventKey } from "../../src/domain/events/key";
import { agentRuns } from "../../src/domain/agents/store";
import { createPayloads } from "../../src/ledger/payloads";
import { jobs } from "../../src/jobs";
import { childOf } from "../../src/jobs/event/children";
import type { Contact } from "../../src/providers/crm/crm";
import { failed, ok, type Failure, type Reply } from "../../src/queue/effect";
import { job } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import { createEngineBench, idOf, type Row } from "../support/engine";
import { fakeSuppressions } from "./fake-suppressions";

let count = 0;
let tenant = "";

/** What the outside world was told, and how it answers: by name of the destination. */
const outside = { slack: [] as string[], mail: [] as string[], crm: [] as Contact[], models: 0, hooks: [] as { to: unknown; body: string; hops: number }[] };
const trouble: { [name: string]: Failure | undefined } = {};
let beforeUpsert: (contact: Contact) => Promise<void> = async () => undefined;

const reply = <T>(name: string, value: T): Reply<T> => (trouble[name] ? failed(trouble[name]) : ok(value));
const verdict = { summary: "s", intent: "buy", urgency: "low", score: 1, nextStep: "n" };

function world() {
  const bench = createEngineBench({
    jobs: [
      ...jobs.filter(({ contract }) => contract.type !== "analytics" && contract.type !== "lead"),
      job({ ...analytics(), batch: false, needs: [] } as never, (async () => done({ stored: true })) as never),
    ],
    capabilities: async () =>
      ({
        routing: createRouting(env.DB),
        facts: createFacts(env.DB),
        followUps: createFollowUps(env.DB, (owner, id) => bench.engine.ledger.cancel({ tenant: owner, id }, bench.now())),
        chat: { post: async ({ text }: { text: string }) => told("slack", () => outside.slack.push(text), { posted: true }) },
        suppressions: fakeSuppressions(),
        mail: { idempotentFor: 86_400, send: async ({ subject }: { subject: string }) => told("mail", () => outside.mail.push(subject), { id: "m" }) },
        templates: { at: async (_: string, id: string) => ({ id, version: 0, created: 0, subject: id, text: "t" }) },
        crm: {
          idempotentFor: 86_400,
          upsert: async (contact: Contact) => {
            await beforeUpsert(contact);
            return told("crm", () => outside.crm.push(contact), { id: "1", created: true });
          },
        },
        agents: { runs: agentRuns(env.DB, createPayloads(env.PAYLOADS), tenant), world: {}, went: () => undefined },
        models: {
          idempotentFor: 86_400,
          endpoints: [{ model: "m" }],
          chat: async () =>
            told("models", () => outside.models++, {
              text: JSON.stringify({ verdict }),
              toolCalls: [],
              end: "stop",
              model: "m",
              tokens: { input: 1, output: 1 },
            }),
        },
        hooks: {
          open: async (to: unknown) => ({
            idempotentFor: 86_400,
            post: async ({ body, hops }: { body: string; hops: number }) =>
              told("hooks", () => outside.hooks.push({ to, body, hops }), { status: 200, response: "ok" }),
            retire: async () => undefined,
          }),
        },
      }) as never,
  });
  return bench;
}

function told<T>(name: string, act: () => unknown, value: T): Reply<T> {
  const answer = reply(name, value);
  if (answer.ok) act();
  return answer;
}

function analytics() {
  return jobs.find(({ contract }) => contract.type === "analytics")!.contract;
}

type World = ReturnType<typeof world>;

const lead = { id: "4711", email: "ada@example.com", firstName: "Ada", lastName: "Lovelace", project: "riverside" };

async function send(bench: World, type: string, data: object, more: { id?: string; timestamp?: string } = {}) {
  const event = { id: more.id ?? `evt-${++count}`, type, data, ...(more.timestamp ? { timestamp: more.timestamp } : {}) };
  return idOf((await bench.accept([{ tenant, type: "event", payload: event, ...(await eventKey(event)) }]))[0]);
}

/** Delivers what is due now, and what comes of it, without moving the clock to follow-ups. */
async function settle(bench: World) {
  for (let round = 0; round < 50; round++) {
    const due = bench.held.filter(({ at }) => at <= bench.now());
    if (due.length === 0) return;
    for (const group of Map.groupBy(due, ({ queue }) => queue).values()) await bench.deliver(group.slice(0, 25));
  }
}

const jobsOf = (bench: World, type: string) => bench.all<Row>("SELECT * FROM jobs WHERE tenant = ? AND type = ?", tenant, type);
const linesOf = async (bench: World, id: string) => {
  const { destinations } = JSON.parse((await bench.row(id))?.result ?? "{}") as { destinations: { name: string; job?: string; skipped?: string }[] };
  return Object.fromEntries(destinations.map(({ name, skipped }) => [name, skipped ?? "served"]));
};

beforeEach(async () => {
  tenant = `t-${++count}`;
  Object.assign(outside, { slack: [], mail: [], crm: [], models: 0, hooks: [] });
  for (const name of Object.keys(trouble)) delete trouble[name];
  beforeUpsert = async () => undefined;
  await env.DB.prepare("INSERT INTO tenants (tenant, name, timezone, settings, created, updated) VALUES (?, 't', 'UTC', '{}', 0, 0)").bind(tenant).run();
  for (const name of ["slack", "mail", "crm", "models"]) await connect(name);
});

function connect(name: string) {
  return env.DB.prepare("INSERT INTO connections (tenant, name, provider, settings, credentials, created, updated) VALUES (?, ?, 'x', '{}', '', 0, 0)")
    .bind(tenant, name)
    .run();
}

describe("failures stay where they are", () => {
  test("Slack failing blocks nothing and repeats nothing", async () => {
    const bench = world();
    trouble["slack"] = { class: "transient", reason: "down" };
    await send(bench, "lead.created", lead);
    await settle(bench);
    expect([outside.mail, outside.crm.length, outside.models, outside.slack]).toEqual([["welcome"], 1, 1, []]);
    delete trouble["slack"];
    bench.advance(3600_000);
    await settle(bench);
    expect([outside.mail.length, outside.crm.length, outside.slack.length]).toEqual([1, 1, 1]);
  });

  test("a permanent refusal is a dead letter of that destination alone", async () => {
    const bench = world();
    trouble["slack"] = { class: "config", reason: "Slack: 404 no_service" };
    const id = await send(bench, "lead.created", lead);
    await settle(bench);
    expect([(await jobsOf(bench, "slack"))[0]?.state, (await bench.row(id))?.state, outside.mail.length]).toEqual(["discarded", "done", 1]);
  });

  test("the ledger failing in the middle of the fan-out repeats none of what was enqueued", async () => {
    const bench = world();
    let writes = 0;
    bench.faults.ledger = (call) => call === "insertKeyed" && ++writes > 3 && writes < 6;
    bench.faults.send = (queue) => queue === "deliveries" && writes > 3 && writes < 6;
    await send(bench, "lead.created", lead);
    await settle(bench);
    bench.faults.ledger = false;
    bench.faults.send = false;
    bench.advance(3600_000);
    await settle(bench);
    expect([outside.slack.length, outside.mail.length, outside.crm.length, outside.models]).toEqual([1, 1, 1, 1]);
  });

  test("data that make no mail leave the mail out, with the field", async () => {
    const bench = world();
    const id = await send(bench, "lead.created", { ...lead, email: "ada at example" });
    await settle(bench);
    const lines = await linesOf(bench, id);
    expect(lines["email"]).toMatch(/type email: to is not/);
    expect([lines["slack"], lines["store"], outside.slack.length]).toEqual(["served", "served", 1]);
  });
});

test("an address with what cannot be seen is that address", async () => {
  const bench = world();
  await send(bench, "lead.created", { ...lead, email: "\u200bada@example.com\u200b", phone: "\u202a+420777123456\u202c" });
  await settle(bench);
  expect(outside.crm).toMatchObject([{ email: "ada@example.com", properties: { phone: "+420777123456" } }]);
  expect(outside.mail).toEqual(["welcome"]);
});

describe("where it goes", () => {
  test("a destination without its connection is skipped, and says so", async () => {
    const bench = world();
    await env.DB.prepare("DELETE FROM connections WHERE tenant = ?").bind(tenant).run();
    const id = await send(bench, "lead.created", lead);
    await settle(bench);
    expect(await linesOf(bench, id)).toEqual({
      slack: 'the tenant has no connection "slack"',
      email: 'the tenant has no connection "mail"',
      crm: 'the tenant has no connection "crm"',
      analysis: 'the tenant has no connection "models"',
      store: "served",
      "follow-up": 'the tenant has no connection "mail"',
      analytics: "served",
    });
  });

  test.each([
    ["lead.created", ["slack", "email", "crm", "analysis", "store", "follow-up", "analytics"]],
    ["lead.updated", ["slack", "crm", "store"]],
    ["offer.submitted", ["slack", "email", "analysis", "store"]],
    ["lead.answered", ["store"]],
  ])("%s", async (type, names) => {
    const bench = world();
    const id = await send(bench, type, lead);
    await settle(bench);
    expect(await linesOf(bench, id)).toEqual(Object.fromEntries(names.map((name) => [name, "served"])));
  });

  test("a test lead costs nothing and disturbs nobody", async () => {
    const bench = world();
    const id = await send(bench, "lead.created", { ...lead, test: true });
    await settle(bench);
    const left = "a test lead";
    expect(await linesOf(bench, id)).toEqual({
      slack: "served",
      email: left,
      crm: left,
      analysis: left,
      store: "served",
      "follow-up": left,
      analytics: "served",
    });
    expect([outside.mail, outside.crm]).toEqual([[], []]);
  });

  test.each([
    ["WebSite", "WebSite"],
    ["ada@example.com", "other"],
    ["call 030 12345678", "other"],
  ])("a lead of the source %j is counted under %s", (source, counted) => {
    const event = { id: "e", type: "lead.created", data: { ...lead, source, label: "x".repeat(300) } };
    const child = childOf({ name: "analytics", kind: "built-in", delaySeconds: 0 }, { event, at: 0, key: "k" });
    expect(child).toMatchObject({ payload: { dimensions: { source: counted, label: "x".repeat(200) } } });
  });

  test("one switched off, one filtered, one delayed, one added", async () => {
    const bench = world();
    const put = "INSERT INTO destinations (tenant, name, enabled, events, filter, delay, host, sealed, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0)";
    await env.DB.batch([
      env.DB.prepare(put).bind(tenant, "slack", 0, null, null, null, null, null),
      env.DB.prepare(put).bind(tenant, "crm", 1, null, '{"project":{"eq":"hilltop"}}', null, null, null),
      env.DB.prepare(put).bind(tenant, "email", 1, null, null, 600, null, null),
      env.DB.prepare(put).bind(tenant, "erp", 1, '["lead.created"]', null, null, "erp.example.com", "sealed"),
    ]);
    const id = await send(bench, "lead.created", lead, { id: "evt-x", timestamp: "2026-11-01T10:00:00Z" });
    await settle(bench);
    expect(await linesOf(bench, id)).toMatchObject({
      slack: "switched off by the tenant",
      crm: 'the filter on "project" does not let it through',
      erp: "served",
    });
    expect([outside.mail, outside.crm, outside.hooks.length]).toEqual([[], [], 1]);
    expect(outside.hooks[0]).toMatchObject({ hops: 1, to: { destination: "erp" } });
    expect(JSON.parse(outside.hooks[0]?.body ?? "")).toEqual({ id: "evt-x", type: "lead.created", timestamp: "2026-11-01T10:00:00.000Z", data: lead });
    bench.advance(600_000);
    await settle(bench);
    expect(outside.mail).toEqual(["welcome"]);
  });

  test("an unknown type is a dead letter, or stored and nothing else", async () => {
    const bench = world();
    const refused = await send(bench, "tour.booked", { a: 1 });
    await settle(bench);
    await env.DB.prepare(`UPDATE tenants SET settings = '{"events":{"unknown":"store"}}' WHERE tenant = ?`).bind(tenant).run();
    const stored = await send(bench, "tour.booked", { a: 2 });
    await settle(bench);
    expect([(await bench.row(refused))?.state, await linesOf(bench, stored)]).toEqual(["discarded", { store: "served" }]);
  });

  test("an unknown one is found by what its subject names, else by its own id, however long its source is", async () => {
    const bench = world();
    await env.DB.prepare(`UPDATE tenants SET settings = '{"events":{"unknown":"store"}}' WHERE tenant = ?`).bind(tenant).run();
    const about = { source: `https://example.com/${"s".repeat(480)}`, type: "tour.booked" };
    await bench.accept([
      { tenant, type: "event", payload: { ...about, id: "evt-8", data: { a: 1 } } },
      { tenant, type: "event", payload: { ...about, id: "evt-9", subject: "tour:7", data: { a: 2 } } },
    ]);
    await settle(bench);
    const facts = createFacts(env.DB);
    const states = await Promise.all(["event:evt-8", "tour:7"].map((entity) => facts.stateOf(tenant, entity)));
    expect(states.map(({ data }) => data)).toEqual([{ a: 1 }, { a: 2 }]);
  });

  test("one that goes round in a circle ends", async () => {
    const bench = world();
    const id = idOf((await bench.accept([{ tenant, type: "event", payload: { id: "r", type: "lead.created", data: lead, hops: 6 } }]))[0]);
    await settle(bench);
    expect((await bench.row(id))?.state).toBe("discarded");
  });
});

describe("twice and crossing", () => {
  test("the same event twice does nothing twice", async () => {
    const bench = world();
    const [first, second] = [await send(bench, "lead.created", lead, { id: "evt-1" }), await send(bench, "lead.created", lead, { id: "evt-1" })];
    await settle(bench);
    const third = await send(bench, "lead.created", lead, { id: "evt-1" });
    await settle(bench);
    expect(new Set([first, second, third]).size).toBe(1);
    expect([outside.slack.length, outside.mail.length, outside.crm.length]).toEqual([1, 1, 1]);
  });

  test("and so does the same event twice in one batch", async () => {
    const bench = world();
    const payload = { id: "evt-1", type: "lead.created", data: lead };
    const twice = [1, 2].map(async () => ({ tenant, type: "event", payload, ...(await eventKey(payload)) }));
    const [first, second] = (await bench.accept(await Promise.all(twice))).map(idOf);
    await settle(bench);
    expect([first === second, outside.slack.length, outside.mail.length]).toEqual([true, 1, 1]);
  });

  test("newer first, older after: what the older says of a field is not believed any more, what it alone says is", async () => {
    const bench = world();
    const newer = { id: "4711", email: "ada@example.com", phone: "+2", status: "won" };
    const older = { id: "4711", email: "ada@old.example", phone: "+1", company: "Lovelace Ltd" };
    await send(bench, "lead.updated", newer, { id: "evt-new", timestamp: "2026-11-01T11:00:00Z" });
    await settle(bench);
    await send(bench, "lead.updated", older, { id: "evt-old", timestamp: "2026-11-01T10:00:00Z" });
    await settle(bench);
    const state = (await createFacts(env.DB).stateOf(tenant, "lead:4711")).data;
    expect(state).toEqual({ ...newer, company: "Lovelace Ltd" });
    expect(outside.crm.at(-1)).toEqual({ email: "ada@example.com", properties: { phone: "+2", company: "Lovelace Ltd" } });
    for (const { properties } of outside.crm) expect(properties["phone"]).toBe("+2");
  });

  test("events out of order end in the newest state, in the store and in the CRM", async () => {
    const bench = world();
    await send(bench, "lead.updated", { id: "4711", email: "ada@example.com", phone: "+3", city: "Brno" }, { timestamp: "2026-11-01T12:00:00Z" });
    await settle(bench);
    await send(bench, "lead.created", { ...lead, phone: "+1" }, { timestamp: "2026-11-01T10:00:00Z" });
    await send(bench, "lead.updated", { id: "4711", email: "ada@example.com", phone: "+2", city: "Praha" }, { timestamp: "2026-11-01T11:00:00Z" });
    await settle(bench);
    expect((await createFacts(env.DB).stateOf(tenant, "lead:4711")).data).toMatchObject({ phone: "+3", city: "Brno", firstName: "Ada", project: "riverside" });
    expect(outside.crm.at(-1)?.properties).toMatchObject({ phone: "+3", city: "Brno", firstname: "Ada" });
  });

  test("a slow word that arrives after a newer one is followed by the newer one again", async () => {
    const bench = world();
    let held = true;
    beforeUpsert = async ({ properties }) => {
      if (!held || properties["phone"] !== "+1") return;
      held = false;
      // While the old word is on its way, another isolate sends the newer one.
      await createFacts(env.DB).add(tenant, {
        entity: "crm lead:4711",
        at: Date.parse("2026-11-01T11:00:00Z"),
        event: "evt-new",
        type: "crm",
        data: { email: "ada@example.com", phone: "+2" },
      });
      outside.crm.push({ email: "ada@example.com", properties: { phone: "+2" } });
    };
    await send(bench, "lead.created", { ...lead, phone: "+1" }, { timestamp: "2026-11-01T10:00:00Z" });
    await settle(bench);
    expect(outside.crm.map(({ properties }) => properties["phone"])).toEqual(["+2", "+1", "+2"]);
  });
});

describe("the follow-up", () => {
  const day = 24 * 3600_000;
  // The tick serves every tenant; those of other tests are none of ours.
  const later = async (bench: World) => {
    await env.DB.prepare("DELETE FROM due WHERE tenant <> ?").bind(tenant).run();
    await bench.tick(day + 60_000);
    await settle(bench);
  };

  test("is written when the lead has not answered", async () => {
    const bench = world();
    await send(bench, "lead.created", lead);
    await settle(bench);
    await later(bench);
    expect(outside.mail).toEqual(["welcome", "follow-up"]);
  });

  test.each([
    ["lead.answered", { id: "4711" }],
    ["lead.status_changed", { id: "4711", status: "contacted" }],
    ["lead.updated", { ...lead, answered: true }],
    ["offer.submitted", { id: "o-1", leadId: "4711", email: "ada@example.com" }],
  ])("is cancelled by %s", async (type, data) => {
    const bench = world();
    await send(bench, "lead.created", lead);
    await settle(bench);
    bench.advance(1000);
    await send(bench, type, data);
    await settle(bench);
    expect((await jobsOf(bench, "follow-up")).map(({ state }) => state)).toEqual(["cancelled"]);
    await later(bench);
    expect(outside.mail).not.toContain("follow-up");
  });

  test("is not written when the answer came in before the lead did", async () => {
    const bench = world();
    await send(bench, "lead.answered", { id: "4711" }, { timestamp: "2026-11-01T11:00:00Z" });
    await settle(bench);
    await send(bench, "lead.created", lead, { timestamp: "2026-11-01T10:00:00Z" });
    await settle(bench);
    await later(bench);
    expect(outside.mail).toEqual(["welcome"]);
    expect(JSON.parse((await jobsOf(bench, "follow-up"))[0]?.result ?? "")).toEqual({ mail: null, because: "the lead has answered" });
  });

  test("is written again for a lead that came back after its answer", async () => {
    const bench = world();
    await send(bench, "lead.answered", { id: "4711" }, { timestamp: "2026-11-01T09:00:00Z" });
    await send(bench, "lead.created", lead, { timestamp: "2026-11-01T10:00:00Z" });
    await settle(bench);
    await later(bench);
    expect(outside.mail).toEqual(["welcome", "follow-up"]);
  });
});

test("a dry run tells nobody anything, and asks the model, as a dry run of an agent does", async () => {
  const bench = world();
  const id = idOf((await bench.accept([{ tenant, type: "event", dryRun: true, payload: { id: "d", type: "lead.created", data: lead } }]))[0]);
  await settle(bench);
  expect((await bench.row(id))?.state).toBe("done");
  expect([outside.slack, outside.mail, outside.crm, outside.models, outside.hooks]).toEqual([[], [], [], 1, []]);
  expect(await bench.all("SELECT * FROM facts WHERE tenant = ?", tenant)).toEqual([]);
});

test("everything about one lead is found under its key", async () => {
  const bench = world();
  await send(bench, "lead.created", lead);
  await settle(bench);
  const found = await bench.all<{ type: string }>(
    "SELECT j.type FROM entities e JOIN jobs j ON j.tenant = e.tenant AND j.id = e.id WHERE e.tenant = ? AND e.key = 'lead:4711'",
    tenant,
  );
  expect(found.map(({ type }) => type).toSorted()).toEqual(["agent", "analytics", "crm", "email", "event", "follow-up", "slack", "store-event"]);
});
