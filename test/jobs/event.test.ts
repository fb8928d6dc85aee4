import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createFacts } from "../../src/domain/events/facts";
import { childOf } from "../../src/jobs/event/children";
import { idOf } from "../support/engine";
import { tenant, outside, trouble, world, lead, send, settle, jobsOf, linesOf } from "./event-world";

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
