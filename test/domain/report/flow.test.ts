import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createReportsOn } from "../../../src/app/reports";
import { percentile95 } from "../../../src/domain/report/flow";
import type { GateView } from "../../../src/domain/gates/model";
import { emptyLedger } from "../../support/invariants";
import { noon } from "../../support/rows";
import { minute, world, circuit, reports, given, whyOf, partsOn, pause, useReports } from "./world";

useReports();

describe("flow", () => {
  test("counts jobs, not messages, and says what holds them", async () => {
    world.gates = [circuit];
    await given("acme", 213, { state: "waiting", gate: "mail", reason: "mail: open" });
    await given("acme", 2, { state: "running", started: noon });
    await given("acme", 3, {});
    await given("acme", 1, { due: noon + minute });
    await given("acme", 1, { state: "retrying", due: noon + minute, reason: "x" });
    await given("acme", 4, { state: "done", at: noon - 900, started: noon, ended: noon });
    await given("other", 9, {});
    await env.DB.prepare(`INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES ('acme', ?, 'email', 'done', 10, 0)`).bind(noon).run();
    const flow = (await reports.flow("acme")).get("email-sending");
    expect(flow).toMatchObject({
      running: 2,
      ready: 3,
      held: 213,
      parked: 213,
      retrying: 1,
      scheduled: 1,
      donePerMinute: 2,
      health: "partly-held",
      oldestReadyAt: noon,
    });
    expect(flow?.heldBy).toEqual([{ cause: "mail", count: 213 }]);
    expect((await reports.flow(null)).get("email-sending")).toMatchObject({ ready: 12 });
  });

  test("asks 40 gates at most, however many the tenants with retrying jobs have", async () => {
    const lookups: string[] = [];
    const parts = partsOn(env.DB);
    const views = (tenant: string, names: readonly string[]) => {
      lookups.push(...names.map((name) => `${tenant} ${name}`));
      return names.map((dependency) => ({ ...circuit, dependency, circuit: "closed" as const }));
    };
    const counting = createReportsOn({
      ...parts,
      gates: {
        first: async (tenant, limit) =>
          views(
            tenant,
            Array.from({ length: Math.min(limit, 200) }, (_, index) => `destination-${index}`),
          ),
        named: async (tenant, names) => views(tenant, names),
      },
    });
    const tenants = ["one", "two", "three", "four", "five", "six"];
    for (const tenant of tenants) {
      await given(tenant, 2, { state: "retrying", due: noon + minute, reason: "mail: 503" });
      for (const gate of ["mail", "crm", "chat"]) await given(tenant, 1, { state: "waiting", gate, reason: `${gate}: open` });
    }
    await counting.flow(null);
    expect(lookups).toHaveLength(40);
    lookups.length = 0;
    await counting.flow("one");
    expect(lookups).toHaveLength(33);
    for (const tenant of tenants)
      for (const site of ["a", "b", "c"])
        await given(tenant, 1, { type: "sync-orders", state: "retrying", due: noon + minute, site, reason: "503", payload: JSON.stringify({ siteId: site }) });
    lookups.length = 0;
    await counting.flow(null);
    expect(lookups).toHaveLength(40);
    expect(new Set(lookups).size).toBe(40);
  });

  test("finds the circuit of a shop and of a receiver whose jobs all wait for their next try, however many tenants retry and whatever else they have", async () => {
    const busy = Array.from({ length: 9 }, (_, index): GateView => ({ ...circuit, dependency: `other-${index}`, circuit: "closed" }));
    const failed = { lastFailure: { at: noon - minute, reason: "the shop answered 503" } };
    world.gates = [...busy, { ...circuit, ...failed, dependency: "shop:last" }];
    const shop = { type: "sync-orders", queue: "prestashop-sync", state: "retrying", due: noon + minute, reason: "the shop answered 503" };
    for (const tenant of ["one", "two", "three", "four", "five", "six", "seven"])
      await given(tenant, 2, { ...shop, site: "last", payload: JSON.stringify({ siteId: "last" }) });
    const found = (await reports.findings(null)).filter(({ code }) => code === "circuit-open");
    expect(found.map(({ tenant, subject }) => `${tenant} ${subject}`).toSorted()).toEqual(
      ["five", "four", "one", "seven", "six", "three", "two"].map((tenant) => `${tenant} gate/shop:last`),
    );
    expect((await reports.flow(null)).get("prestashop-sync")?.why).toMatchObject({ code: "circuit-open" });
  });

  test("a payload that is large, in R2, or of another shape leaves its gates unknown, and the other gates of its tenant are asked", async () => {
    world.gates = [circuit];
    for (const [index, payload] of [null, "not JSON", JSON.stringify({ html: "x".repeat(20_000) })].entries())
      await given(`odd-${index}`, 1, { state: "retrying", due: noon + minute, reason: "mail: 503", payload });
    const found = (await reports.findings(null)).filter(({ code }) => code === "circuit-open");
    expect(found.map(({ tenant }) => tenant).toSorted()).toEqual(["odd-0", "odd-1", "odd-2"]);
  });

  describe("of a campaign's own pace", () => {
    const waits = { queue: "email-sending", state: "waiting", due: noon + minute, started: noon - minute };
    const queueFlow = async () => (await reports.flow("acme")).get("email-sending");

    test.each(["the campaign's rate", "its pages are being sent", "outside of the campaign's send window"])(
      "%s: the queue is paced, not held",
      async (reason) => {
        const [id = ""] = await given("acme", 3, { ...waits, type: "campaign-page", reason });
        expect(await queueFlow()).toMatchObject({ health: "paced", held: 3, paced: 3, heldBy: [] });
        expect((await queueFlow())?.why).toMatchObject({ code: "paced", sentence: `3 jobs wait by the plan of campaigns: ${reason}.`, actions: [] });
        expect(await whyOf("acme", id)).toEqual({
          ...{ code: "paced", sentence: `It waits by the plan of its campaign: ${reason}.`, since: expect.any(Number), until: noon + minute, actions: [] },
        });
      },
    );

    test("it hides nothing that is held, retried or late, and a job of another type with that reason is held", async () => {
      await given("acme", 9, { ...waits, type: "campaign", reason: "its pages are being sent" });
      await given("acme", 1, { ...waits, reason: "the account's quota is used up" });
      expect(await queueFlow()).toMatchObject({
        ...{ health: "held", held: 10, paced: 9, heldBy: [{ cause: "the account's quota is used up", count: 1 }] },
        why: { code: "waiting", sentence: "1 job waits: the account's quota is used up." },
      });
      await emptyLedger();
      await given("acme", 1, { ...waits, reason: "its pages are being sent" });
      expect(await queueFlow()).toMatchObject({ health: "held", paced: 0 });
      await emptyLedger();
      await given("acme", 9, { ...waits, type: "campaign", reason: "its pages are being sent" });
      await given("acme", 1, { state: "retrying", due: noon + minute, reason: "mail: 503" });
      expect((await queueFlow())?.health).toBe("retrying");
      await given("acme", 1, { at: noon - 20 * minute });
      expect((await queueFlow())?.health).toBe("behind");
    });

    test("a job of a paused campaign waits, and is not offered to be run", async () => {
      const [id = ""] = await given("acme", 1, { ...waits, type: "campaign-page", reason: "the campaign is paused" });
      expect(await whyOf("acme", id)).toMatchObject({ code: "waiting", sentence: "Its campaign is paused.", actions: [{ path: "/v1/campaigns" }] });
    });
  });

  test("jobs that have just come and of which none runs are ready, not flowing", async () => {
    await given("acme", 3, {});
    expect((await reports.flow("acme")).get("email-sending")?.health).toBe("ready");
    await given("acme", 1, { state: "running", started: noon });
    expect((await reports.flow("acme")).get("email-sending")?.health).toBe("flowing");
  });

  test("is held, not flowing, while nothing runs, whatever was done before", async () => {
    const health = async () => (await reports.flow("acme")).get("email-sending")?.health;
    const count = env.DB.prepare(`INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES ('acme', ?, 'email', ?, ?, 0)`);
    await env.DB.batch([count.bind(noon, "done", 5), count.bind(noon, "retrying", 75)]);
    expect(await health()).toBe("flowing");
    await given("acme", 8, { state: "retrying", due: noon + minute, reason: "mail: 503" });
    expect(await health()).toBe("retrying");
    await given("acme", 20, { state: "waiting", gate: "mail", reason: "mail: open" });
    expect(await health()).toBe("held");
    await given("acme", 1, { state: "running", started: noon });
    expect(await health()).toBe("flowing");
  });

  test("is held in part, with the circuit's sentence, while others are retried behind an open circuit of one tenant", async () => {
    world.gates = [{ ...circuit, held: 0, parked: 0 }];
    const flow = async (tenant: string | null = null) => (await reports.flow(tenant)).get("email-sending");
    await env.DB.prepare(`INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES ('other', ?, 'email', 'done', 50, 0)`).bind(noon).run();
    await given("acme", 8, { state: "retrying", due: noon + minute, reason: "mail: 422 validation_error" });
    expect(await flow()).toMatchObject({ health: "flowing", why: null });
    await given("acme", 3, { state: "retrying", due: noon + minute, reason: "mail API: host not found" });
    expect(await flow()).toMatchObject({ health: "partly-held", why: { code: "circuit-open", tenant: "acme", since: noon - minute } });
    expect((await flow("acme"))?.health).toBe("retrying");
    await given("other", 1, { state: "running", started: noon });
    expect((await flow())?.health).toBe("partly-held");
    world.gates = [{ ...circuit, circuit: "closed", openUntil: null }];
    expect(await flow()).toMatchObject({ health: "flowing", why: null });
  });

  test("is retrying, not idle, when all its jobs wait for their next attempt; flowing when most of what ends is done", async () => {
    await given("acme", 3, { state: "retrying", due: noon + minute, reason: "mail: 503" });
    expect((await reports.flow("acme")).get("email-sending")).toMatchObject({ health: "retrying", retrying: 3 });
    await env.DB.prepare(`INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES ('acme', ?, 'email', 'done', 50, 0)`).bind(noon).run();
    expect((await reports.flow("acme")).get("email-sending")?.health).toBe("flowing");
  });

  test("a queue that is held, paused or behind says so", async () => {
    await given("acme", 1, { state: "waiting", gate: "mail" });
    expect((await reports.flow("acme")).get("email-sending")?.health).toBe("held");
    await given("acme", 1, { at: noon - 2 * minute });
    expect((await reports.flow("acme")).get("email-sending")?.health).toBe("behind");
    world.pauses = [pause];
    expect((await reports.flow("acme")).get("email-sending")?.health).toBe("paused");
    expect((await reports.flow("acme")).get("prestashop-sync")?.health).toBe("idle");
  });

  test("the 95th percentile is one of the values", () => {
    expect([percentile95([]), percentile95([7]), percentile95(Array.from({ length: 100 }, (_, index) => index + 1))]).toEqual([null, 7, 95]);
  });
});
