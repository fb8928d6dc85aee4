import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createFacts } from "../../src/domain/events/capability";
import { eventKey } from "../../src/domain/events/model";
import { event } from "../../src/jobs/event/job";
import { idOf } from "../support/engine";
import { createEventBench, type EventBench, lead } from "./event-bench";

describe("twice and crossing", () => {
  test("the same event twice does nothing twice", async () => {
    const world = await createEventBench();
    const first = await world.send("lead.created", lead, { id: "evt-1" });
    const second = await world.send("lead.created", lead, { id: "evt-1" });
    await world.untilIdle();
    const third = await world.work("lead.created", lead, { id: "evt-1" });
    expect(new Set([first.id, second.id, third.id]).size).toBe(1);
    expect([world.outside.slack.length, world.outside.mail.length, world.outside.crm.length]).toEqual([1, 1, 1]);
  });

  test("and so does the same event twice in one batch", async () => {
    const world = await createEventBench();
    const payload = { id: "evt-1", type: "lead.created", data: lead };
    const twice = [1, 2].map(async () => ({ tenant: world.tenant, type: "event", payload, ...(await eventKey(payload)) }));
    const [first, second] = (await world.bench.accept(await Promise.all(twice))).map(idOf);
    await world.untilIdle();
    expect([first === second, world.outside.slack.length, world.outside.mail.length]).toEqual([true, 1, 1]);
  });

  test("newer first, older after: a field of both keeps the newer value, a field of the older alone is stored", async () => {
    const world = await createEventBench();
    const newer = { id: "4711", email: "ada@example.com", phone: "+2", status: "won" };
    const older = { id: "4711", email: "ada@old.example", phone: "+1", company: "Lovelace Ltd" };
    await world.work("lead.updated", newer, { id: "evt-new", timestamp: "2026-11-01T11:00:00Z" });
    await world.work("lead.updated", older, { id: "evt-old", timestamp: "2026-11-01T10:00:00Z" });
    const state = await world.state("lead:4711");
    expect(state).toEqual({ ...newer, company: "Lovelace Ltd" });
    expect(world.outside.crm.at(-1)).toEqual({ email: "ada@example.com", properties: { phone: "+2", company: "Lovelace Ltd" } });
    for (const { properties } of world.outside.crm) expect(properties["phone"]).toBe("+2");
  });

  test("events out of order end in the newest state, in the store and in the CRM", async () => {
    const world = await createEventBench();
    await world.work("lead.updated", { id: "4711", email: "ada@example.com", phone: "+3", city: "Brno" }, { timestamp: "2026-11-01T12:00:00Z" });
    await world.send("lead.created", { ...lead, phone: "+1" }, { timestamp: "2026-11-01T10:00:00Z" });
    await world.work("lead.updated", { id: "4711", email: "ada@example.com", phone: "+2", city: "Praha" }, { timestamp: "2026-11-01T11:00:00Z" });
    expect(await world.state("lead:4711")).toMatchObject({ phone: "+3", city: "Brno", firstName: "Ada", project: "riverside" });
    expect(world.outside.crm.at(-1)?.properties).toMatchObject({ phone: "+3", city: "Brno", firstname: "Ada" });
  });

  test("a slow word that arrives after a newer one is followed by the newer one again", async () => {
    const world = await createEventBench();
    let held = true;
    world.hooks.beforeUpsert = async ({ properties }) => {
      if (!held || properties["phone"] !== "+1") return;
      held = false;
      // While the old word is on its way, another isolate sends the newer one.
      await createFacts(env.DB).add(world.tenant, {
        entity: "crm lead:4711",
        at: Date.parse("2026-11-01T11:00:00Z"),
        event: "evt-new",
        type: "crm",
        data: { email: "ada@example.com", phone: "+2" },
      });
      world.outside.crm.push({ email: "ada@example.com", properties: { phone: "+2" } });
    };
    await world.work("lead.created", { ...lead, phone: "+1" }, { timestamp: "2026-11-01T10:00:00Z" });
    expect(world.outside.crm.map(({ properties }) => properties["phone"])).toEqual(["+2", "+1", "+2"]);
  });
});

describe("the follow-up", () => {
  const day = 24 * 3600_000;
  // The tick serves every tenant; those of other tests are none of ours.
  const later = async (world: EventBench) => {
    await env.DB.prepare("DELETE FROM due WHERE tenant <> ?").bind(world.tenant).run();
    await world.bench.tick(day + 60_000);
    await world.untilIdle();
  };

  test("is written when the lead has not answered", async () => {
    const world = await createEventBench();
    await world.work("lead.created", lead);
    await later(world);
    expect(world.outside.mail).toEqual(["welcome", "follow-up"]);
  });

  test.each([
    ["lead.answered", { id: "4711" }],
    ["lead.status_changed", { id: "4711", status: "contacted" }],
    ["lead.updated", { ...lead, answered: true }],
    ["offer.submitted", { id: "o-1", leadId: "4711", email: "ada@example.com" }],
  ])("is cancelled by %s", async (type, data) => {
    const world = await createEventBench();
    await world.work("lead.created", lead);
    world.bench.advance(1000);
    await world.work(type, data);
    expect((await world.jobs({ type: "follow-up" })).map(({ state }) => state)).toEqual(["cancelled"]);
    await later(world);
    expect(world.outside.mail).not.toContain("follow-up");
  });

  test("is not written when the answer came in before the lead did", async () => {
    const world = await createEventBench();
    await world.work("lead.answered", { id: "4711" }, { timestamp: "2026-11-01T11:00:00Z" });
    await world.work("lead.created", lead, { timestamp: "2026-11-01T10:00:00Z" });
    await later(world);
    expect(world.outside.mail).toEqual(["welcome"]);
    const [followUp] = await world.jobs({ type: "follow-up" });
    expect(followUp).toBeDone({ mail: null, because: "the lead has answered" });
  });

  test("is written again for a lead that came back after its answer", async () => {
    const world = await createEventBench();
    await world.send("lead.answered", { id: "4711" }, { timestamp: "2026-11-01T09:00:00Z" });
    await world.work("lead.created", lead, { timestamp: "2026-11-01T10:00:00Z" });
    await later(world);
    expect(world.outside.mail).toEqual(["welcome", "follow-up"]);
  });
});

test("a dry run sends nothing, and asks the model, as a dry run of an agent does", async () => {
  const world = await createEventBench();
  const job = await world.accept(event, { id: "d", type: "lead.created", data: lead }, { dryRun: true });
  expect(await job.untilIdle()).toBeDone();
  expect([world.outside.slack, world.outside.mail, world.outside.crm, world.outside.models, world.outside.hooks]).toEqual([[], [], [], 1, []]);
  expect(await world.state("lead:4711")).toEqual({});
});

test("everything about one lead is found under its key", async () => {
  const world = await createEventBench();
  await world.work("lead.created", lead);
  const found = await world.jobs({ q: "lead:4711" });
  expect(found.map(({ type }) => type).toSorted()).toEqual(["agent", "analytics", "crm", "email", "event", "follow-up", "slack", "store-event"]);
});
