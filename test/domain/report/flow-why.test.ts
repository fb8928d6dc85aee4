import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { circuitSentence } from "../../../src/domain/report/gate-why";
import { noon } from "../../support/rows";
import { minute, world, circuit, reports, given, whyOf, pause, useReports } from "./world";

useReports();

describe("flow", () => {
  test("says why its jobs wait in the very sentence of the report and of each job", async () => {
    world.gates = [circuit];
    const [id = ""] = await given("acme", 213, { state: "waiting", gate: "mail", reason: "mail: open" });
    const sentence = circuitSentence(circuit);
    expect(sentence).toContain("213 jobs wait for it");
    const flow = (await reports.flow("acme")).get("email-sending")?.why;
    expect(flow).toMatchObject({ code: "circuit-open", sentence, since: noon - minute, until: noon + 30_000, tenant: "acme" });
    expect(flow?.actions.map(({ label }) => label)).toEqual(["Probe now", "Close the circuit"]);
    expect([(await whyOf("acme", id))?.sentence, (await reports.findings("acme"))[0]?.sentence]).toEqual([sentence, sentence]);
    await given("other", 1, { state: "waiting", gate: "chat", reason: "chat: open" });
    expect((await reports.flow(null)).get("email-sending")?.why).toMatchObject({ sentence, tenant: "acme" });
    expect((await reports.flow("acme")).get("prestashop-sync")?.why).toBeNull();
  });

  test("names the pause that holds most of its jobs, a gate that is free again, another reason, and how late it is", async () => {
    const why = async () => (await reports.flow("acme")).get("email-sending")?.why;
    await given("acme", 1, { at: noon - 2 * minute });
    expect((await why())?.sentence).toBe("The queue email-sending is behind: its oldest job waits since 2026-11-21T11:58:00Z.");
    await given("acme", 2, { at: noon - 20 * minute });
    expect((await why())?.sentence).toBe("3 jobs of the queue email-sending wait since 2026-11-21T11:40:00Z, and none has ended in the last 5 minutes.");
    await given("acme", 2, { state: "waiting", reason: "the budget of the month is used" });
    expect(await why()).toMatchObject({ code: "waiting", sentence: "2 jobs wait: the budget of the month is used." });
    world.gates = [{ ...circuit, circuit: "closed", openUntil: null }];
    await given("acme", 3, { state: "waiting", gate: "mail", reason: "mail: open" });
    expect((await why())?.sentence).toBe("3 jobs wait for mail, which lets jobs in again: they go on within the next minute.");
    await given("acme", 4, { state: "waiting", gate: "pause/type/email", reason: "paused: type/email" });
    world.pauses = [{ ...pause, scope: "type", name: "email" }];
    expect(await why()).toMatchObject({ code: "paused", sentence: "The type email is paused since 2026-11-21T10:00:00Z by ana: provider migration." });
    world.pauses = [pause];
    expect(await why()).toMatchObject({ sentence: "The queue email-sending is paused since 2026-11-21T10:00:00Z by ana: provider migration." });
  });

  test("says of a paused site and of a missing worker what the report and the job say", async () => {
    await env.DB.prepare(
      `INSERT INTO shop_sites (tenant, site, connected, paused_reason, paused_at) VALUES ('acme', 'main', 0, 'The key is refused (401).', ?1)`,
    )
      .bind(noon - minute)
      .run();
    const [id = ""] = await given("acme", 2, {
      type: "sync-orders",
      queue: "prestashop-sync",
      state: "waiting",
      site: "main",
      reason: "shop:main: open",
      gate: "shop:main",
    });
    await given("acme", 1, { type: "sync-orders", queue: "prestashop-sync", state: "waiting", site: "main", reason: "the shop refuses the key" });
    const sentence = "The site main is paused: The key is refused (401).";
    const site = (await reports.flow("acme")).get("prestashop-sync")?.why;
    expect(site).toMatchObject({ code: "site-paused", sentence, since: noon - minute, tenant: "acme", actions: [{ path: "/v1/sites/main/test" }] });
    expect([(await whyOf("acme", id))?.sentence, (await reports.findings("acme")).find(({ code }) => code === "site-paused")?.sentence]).toEqual([
      sentence,
      sentence,
    ]);
    expect((await reports.flow(null)).get("prestashop-sync")?.why).toMatchObject({ sentence, tenant: "acme" });
    expect((await reports.flow("other")).get("prestashop-sync")?.why).toBeNull();
    const [remote = ""] = await given("acme", 3, { type: "remote-demo" });
    const none = "No worker has ever asked for remote-demo jobs.";
    const flow = (await reports.flow("acme")).get("email-sending");
    expect([flow?.health, flow?.why?.code, flow?.why?.sentence, (await whyOf("acme", remote))?.sentence]).toEqual(["no-worker", "no-worker", none, none]);
    const findings = (await reports.findings("acme")).filter(({ subject }) => subject !== "site/main");
    expect(findings).toMatchObject([{ code: "no-worker", sentence: `${none} 3 jobs wait.`, since: noon }]);
    await given("acme", 1, { at: noon - 20 * minute });
    expect((await reports.flow("acme")).get("email-sending")?.health).toBe("behind");
    const [later = ""] = await given("acme", 1, { type: "remote-demo", due: noon + minute });
    expect((await whyOf("acme", later))?.code).toBe("scheduled");
  });
});
