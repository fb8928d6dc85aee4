import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createFacts } from "../../src/domain/events/facts";
import { eventKey } from "../../src/domain/events/key";
import { idOf } from "../support/engine";
import { tenant, outside, crm, world, type World, lead, send, settle, jobsOf } from "./event-world";

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
    crm.beforeUpsert = async ({ properties }) => {
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
