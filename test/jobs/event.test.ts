import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { childOf } from "../../src/jobs/event/children";
import { event } from "../../src/jobs/event/job";
import { createEventBench, destinationsOf, lead } from "./event-bench";

describe("failures stay where they are", () => {
  test("Slack failing blocks nothing and repeats nothing", async () => {
    const world = await createEventBench();
    world.trouble["slack"] = { class: "transient", reason: "down" };
    await world.work("lead.created", lead);
    expect([world.outside.mail, world.outside.crm.length, world.outside.models, world.outside.slack]).toEqual([["welcome"], 1, 1, []]);
    delete world.trouble["slack"];
    await world.after(3600_000);
    expect([world.outside.mail.length, world.outside.crm.length, world.outside.slack.length]).toEqual([1, 1, 1]);
  });

  test("a permanent refusal is a dead letter of that destination alone", async () => {
    const world = await createEventBench();
    world.trouble["slack"] = { class: "config", reason: "Slack: 404 no_service" };
    const job = await world.work("lead.created", lead);
    const [slack] = await world.jobs({ type: "slack" });
    expect(slack).toBeDiscarded("Slack: 404 no_service");
    expect(job).toBeDone();
    expect(world.outside.mail).toHaveLength(1);
  });

  test("the ledger failing in the middle of the fan-out repeats none of what was enqueued", async () => {
    const world = await createEventBench();
    let writes = 0;
    world.bench.faults.ledger = (call) => call === "insertKeyed" && ++writes > 3 && writes < 6;
    world.bench.faults.send = (queue) => queue === "deliveries" && writes > 3 && writes < 6;
    await world.work("lead.created", lead);
    world.bench.faults.ledger = false;
    world.bench.faults.send = false;
    await world.after(3600_000);
    expect([world.outside.slack.length, world.outside.mail.length, world.outside.crm.length, world.outside.models]).toEqual([1, 1, 1, 1]);
  });

  test("data that make no mail leave the mail out, with the field", async () => {
    const world = await createEventBench();
    const job = await world.work("lead.created", { ...lead, email: "ada at example" });
    const lines = destinationsOf(job);
    expect(lines["email"]).toMatch(/type email: to is not/);
    expect([lines["slack"], lines["store"], world.outside.slack.length]).toEqual(["served", "served", 1]);
  });
});

test("an address with what cannot be seen is that address", async () => {
  const world = await createEventBench();
  await world.work("lead.created", { ...lead, email: "\u200bada@example.com\u200b", phone: "\u202a+420777123456\u202c" });
  expect(world.outside.crm).toMatchObject([{ email: "ada@example.com", properties: { phone: "+420777123456" } }]);
  expect(world.outside.mail).toEqual(["welcome"]);
});

describe("where it goes", () => {
  test("a destination without its connection is skipped, and says so", async () => {
    const world = await createEventBench();
    await env.DB.prepare("DELETE FROM connections WHERE tenant = ?").bind(world.tenant).run();
    const job = await world.work("lead.created", lead);
    expect(destinationsOf(job)).toEqual({
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
    const world = await createEventBench();
    const job = await world.work(type, lead);
    expect(destinationsOf(job)).toEqual(Object.fromEntries(names.map((name) => [name, "served"])));
  });

  test("a test lead sends no mail and makes no CRM or model call", async () => {
    const world = await createEventBench();
    const job = await world.work("lead.created", { ...lead, test: true });
    const left = "a test lead";
    expect(destinationsOf(job)).toEqual({
      slack: "served",
      email: left,
      crm: left,
      analysis: left,
      store: "served",
      "follow-up": left,
      analytics: "served",
    });
    expect([world.outside.mail, world.outside.crm]).toEqual([[], []]);
  });

  test.each([
    ["WebSite", "WebSite"],
    ["ada@example.com", "other"],
    ["call 030 12345678", "other"],
  ])("a lead of the source %j is counted under %s", (source, counted) => {
    const about = { id: "e", type: "lead.created", data: { ...lead, source, label: "x".repeat(300) } };
    const child = childOf({ name: "analytics", kind: "built-in", delaySeconds: 0 }, { event: about, at: 0, key: "k" });
    expect(child).toMatchObject({ payload: { dimensions: { source: counted, label: "x".repeat(200) } } });
  });

  test("one switched off, one filtered, one delayed, one added", async () => {
    const world = await createEventBench();
    const put = "INSERT INTO destinations (tenant, name, enabled, events, filter, delay, host, sealed, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0)";
    await env.DB.batch([
      env.DB.prepare(put).bind(world.tenant, "slack", 0, null, null, null, null, null),
      env.DB.prepare(put).bind(world.tenant, "crm", 1, null, '{"project":{"eq":"hilltop"}}', null, null, null),
      env.DB.prepare(put).bind(world.tenant, "email", 1, null, null, 600, null, null),
      env.DB.prepare(put).bind(world.tenant, "erp", 1, '["lead.created"]', null, null, "erp.example.com", "sealed"),
    ]);
    const job = await world.work("lead.created", lead, { id: "evt-x", timestamp: "2026-11-01T10:00:00Z" });
    expect(destinationsOf(job)).toMatchObject({
      slack: "switched off by the tenant",
      crm: 'the filter on "project" does not let it through',
      erp: "served",
    });
    expect([world.outside.mail, world.outside.crm, world.outside.hooks.length]).toEqual([[], [], 1]);
    expect(world.outside.hooks[0]).toMatchObject({ hops: 1, to: { destination: "erp" } });
    expect(JSON.parse(world.outside.hooks[0]?.body ?? "")).toEqual({ id: "evt-x", type: "lead.created", timestamp: "2026-11-01T10:00:00.000Z", data: lead });
    await world.after(600_000);
    expect(world.outside.mail).toEqual(["welcome"]);
  });

  test("an unknown type is a dead letter, or stored and nothing else", async () => {
    const world = await createEventBench();
    const refused = await world.work("tour.booked", { a: 1 });
    await env.DB.prepare(`UPDATE tenants SET settings = '{"events":{"unknown":"store"}}' WHERE tenant = ?`).bind(world.tenant).run();
    const stored = await world.work("tour.booked", { a: 2 });
    expect(refused).toBeDiscarded();
    expect(destinationsOf(stored)).toEqual({ store: "served" });
  });

  test("an unknown one is found by what its subject names, else by its own id, however long its source is", async () => {
    const world = await createEventBench();
    await env.DB.prepare(`UPDATE tenants SET settings = '{"events":{"unknown":"store"}}' WHERE tenant = ?`).bind(world.tenant).run();
    const about = { source: `https://example.com/${"s".repeat(480)}`, type: "tour.booked" };
    await world.accept(event, { ...about, id: "evt-8", data: { a: 1 } });
    await world.accept(event, { ...about, id: "evt-9", subject: "tour:7", data: { a: 2 } });
    await world.untilIdle();
    expect([await world.state("event:evt-8"), await world.state("tour:7")]).toEqual([{ a: 1 }, { a: 2 }]);
  });

  test("one that goes round in a circle ends", async () => {
    const world = await createEventBench();
    const job = await world.accept(event, { id: "r", type: "lead.created", data: lead, hops: 6 });
    expect(await job.untilIdle()).toBeDiscarded();
  });
});
