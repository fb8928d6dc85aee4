import { expect, test } from "vitest";
import { createReportsOn } from "../../../src/app/reports";
import { campaignPage } from "../../../src/jobs/campaign-page/job";
import { type CampaignBench, createCampaignBench, csvOf, deliverFor } from "../../jobs/campaign-bench";
import { env } from "cloudflare:workers";
import { troubledCampaigns } from "../../../src/domain/campaigns/trouble";
import { recordingDb } from "../../support/recorder";
import { partsOn, useReports } from "./world";

useReports();

const findingsOf = async (world: CampaignBench, tenant: string | null) =>
  (await createReportsOn({ ...partsOn(env.DB), now: world.bench.now }).findings(tenant)).filter(({ code }) => code.startsWith("campaign-"));

test("a campaign whose mails all fail is a finding that says how many and why, for a day after its end", async () => {
  const tenant = "camp-lost";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft("email\na@list.example\nb@list.example\nc@list.example", { name: "October" });
  await world.operations.start(tenant, id);
  await world.run(id);
  const { ended, started } = await world.report(id);
  expect(await findingsOf(world, tenant)).toEqual([
    {
      ...{ code: "campaign-failed", severity: "critical", tenant, subject: `campaign/${id}`, count: 3, since: started },
      sentence: expect.stringMatching(/^The campaign October ended at .*Z: 3 of 3 recipients failed: .*the variable "name" is not given$/),
      actions: [
        { method: "GET", path: `/v1/campaigns/${id}`, label: "Look" },
        { method: "POST", path: `/v1/campaigns/${id}/acknowledge`, label: "Acknowledge" },
      ],
    },
  ]);
  expect(await findingsOf(world, null)).toHaveLength(1);
  expect(await findingsOf(world, "camp-other")).toEqual([]);
  world.bench.advance((ended ?? 0) + 86_400_000 - world.bench.now());
  expect(await findingsOf(world, tenant)).toEqual([]);
});

test("a few wrong addresses of a long list are no finding, one of a hundred is a warning", async () => {
  const tenant = "camp-few";
  const world = await createCampaignBench({ tenant, refuses: ["n7@list.example"] });
  for (const [count, severities] of [
    [101, []],
    [100, ["warning"]],
  ] as const) {
    const id = await world.draft(csvOf(count));
    await world.operations.start(tenant, id);
    await world.run(id);
    const found = (await findingsOf(world, tenant)).filter(({ subject }) => subject === `campaign/${id}`);
    expect(found.map(({ severity }) => severity)).toEqual(severities);
  }
});

test("a running campaign whose first mails fail is a finding, and can be paused", async () => {
  const tenant = "camp-begun";
  const world = await createCampaignBench({
    tenant,
    refuses: Array.from({ length: 300 }, (_, index) => `n${index}@list.example`),
  });
  const id = await world.draft(csvOf(300), { ratePerMinute: 60 });
  await world.operations.start(tenant, id);
  await deliverFor(world, 8);
  const [found, ...others] = await findingsOf(world, tenant);
  expect(others).toEqual([]);
  expect(found).toMatchObject({ code: "campaign-failed", severity: "critical", count: 10 });
  expect(found?.sentence).toBe("The campaign News is running: 10 of the first 10 recipients failed: invalid address");
  expect(found?.actions.map(({ label }) => label)).toEqual(["Look", "Pause", "Acknowledge"]);
  expect(await world.operations.acknowledge(tenant, id, 4)).toMatchObject({ failed: 4 });
  expect(await findingsOf(world, tenant)).toMatchObject([{ count: 10 }]);
  expect(await world.operations.acknowledge(tenant, id, 5000)).toMatchObject({ failed: 10 });
  expect(await findingsOf(world, tenant)).toEqual([]);
  for (let tries = 0; tries < 100 && (await world.report(id)).failed < 19; tries++) {
    expect(await findingsOf(world, tenant)).toEqual([]);
    await deliverFor(world, 2);
  }
  await deliverFor(world, 12);
  expect((await world.report(id)).failed).toBeGreaterThanOrEqual(20);
  expect(await findingsOf(world, tenant)).toMatchObject([{ code: "campaign-failed", severity: "critical" }]);
  const draft = await world.draft(csvOf(3));
  await expect(world.operations.acknowledge(tenant, draft)).rejects.toMatchObject({ code: "conflict" });
});

test("acknowledged failures are a finding again once their share becomes critical, before twice as many have failed", async () => {
  const tenant = "camp-graver";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(100));
  const counts = (failed: number, sent: number) =>
    env.DB.prepare("UPDATE campaigns SET state = 'running', started = ?3, failed = ?1, sent = ?2 WHERE id = ?4")
      .bind(failed, sent, world.bench.now(), id)
      .run();
  await counts(6, 94);
  expect(await findingsOf(world, tenant)).toMatchObject([{ severity: "warning" }]);
  await world.operations.acknowledge(tenant, id);
  expect(await findingsOf(world, tenant)).toEqual([]);
  await counts(9, 91);
  expect(await findingsOf(world, tenant)).toEqual([]);
  await counts(10, 90);
  expect(await findingsOf(world, tenant)).toMatchObject([{ code: "campaign-failed", severity: "critical", count: 10 }]);
  await world.operations.acknowledge(tenant, id);
  expect(await findingsOf(world, tenant)).toEqual([]);
  await counts(11, 50);
  expect(await findingsOf(world, tenant)).toEqual([]);
  await env.DB.prepare("UPDATE campaigns SET acknowledged_severity = NULL WHERE id = ?").bind(id).run();
  expect(await findingsOf(world, tenant)).toEqual([]);
});

test("a campaign whose page is tried again is a finding with its recipients, worse with each attempt; once it is sent there is none", async () => {
  const tenant = "camp-stands";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(60));
  const broken = { fail: { class: "transient", reason: "mail: 503" } } as const;
  world.answers.push(broken, broken, broken);
  await world.operations.start(tenant, id);
  await deliverFor(world, 2);
  const [found] = await findingsOf(world, tenant);
  expect(found).toMatchObject({ code: "campaign-stalled", severity: "warning", count: 60, since: expect.any(Number), subject: `campaign/${id}` });
  expect(found?.sentence).toBe("60 of 60 recipients of the campaign News wait: their page failed and will be tried again: mail: 503");
  for (let tries = 0; tries < 200 && world.calls.length < 3; tries++) await deliverFor(world, 10);
  expect(await findingsOf(world, tenant)).toMatchObject([{ code: "campaign-stalled", severity: "critical", count: 60 }]);
  await world.run(id);
  expect(await findingsOf(world, tenant)).toEqual([]);
});

test("a campaign whose own job fails is a finding with all recipients that are left", async () => {
  const tenant = "camp-own-job";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(60));
  world.hooks.afterLook = () => Promise.reject(new Error("R2 does not answer"));
  await world.operations.start(tenant, id);
  await deliverFor(world, 2);
  expect(await findingsOf(world, tenant)).toMatchObject([
    {
      code: "campaign-stalled",
      severity: "warning",
      count: 60,
      sentence: expect.stringMatching(/^60 of 60 recipients .* wait: its pages cannot be enqueued: .*R2 does not answer/),
    },
  ]);
  world.hooks.afterLook = async () => undefined;
  await world.run(id);
  expect(await findingsOf(world, tenant)).toEqual([]);
});

test("the recipients of a page that is a dead letter have failed, with its reason", async () => {
  const tenant = "camp-dead-page";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(40));
  world.answers.push({ fail: { class: "permanent", reason: "mail: 422" } });
  await world.operations.start(tenant, id);
  await world.run(id);
  expect(await world.jobs({ type: campaignPage.type, state: "discarded" })).toHaveLength(1);
  expect(await findingsOf(world, tenant)).toMatchObject([
    { code: "campaign-failed", severity: "critical", count: 40, sentence: expect.stringMatching(/40 of 40 recipients failed: mail: 422$/) },
  ]);
});

test("what keeps a campaign's own pace, or was paused, is no finding; a wait for wrong settings is one", async () => {
  const tenant = "camp-pace";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(300), { ratePerMinute: 60 });
  await world.operations.start(tenant, id);
  await deliverFor(world, 3);
  expect(await findingsOf(world, tenant)).toEqual([]);
  await world.operations.pause(tenant, id);
  await deliverFor(world, 3);
  await world.operations.resume(tenant, id);
  expect(await findingsOf(world, tenant)).toEqual([]);
  world.answers.push(...Array.from({ length: 20 }, () => ({ fail: { class: "config", reason: "mail: 401", gate: "mail" } }) as const));
  await deliverFor(world, 30);
  expect(await findingsOf(world, tenant)).toMatchObject([
    { code: "campaign-stalled", severity: "warning", sentence: expect.stringMatching(/wait: mail: 401$/) },
  ]);
});

test("what a report reads of D1 does not grow with campaigns that ended before, ended well or were never started", async () => {
  const tenant = "camp-many";
  const now = Date.UTC(2026, 10, 21, 12);
  const day = 86_400_000;
  const rowsRead = async () => {
    const { db, statements } = recordingDb();
    expect(await troubledCampaigns(db, [tenant, "camp-none"], now - day, now)).toHaveLength(1);
    const results = await Promise.all(
      statements.map(({ sql, values }) =>
        env.DB.prepare(sql)
          .bind(...values)
          .all(),
      ),
    );
    return results.reduce((sum, { meta }) => sum + meta.rows_read, 0);
  };
  const add = (name: string, count: number, state: string, ended: number | null, failed: number, owner = tenant) =>
    env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
       INSERT INTO campaigns (tenant, id, name, template, variables, state, created, updated, started, ended, failed)
       SELECT ?1, ?3 || i, ?3, 'news', '{}', ?4, 0, 0, 0, ?5, ?6 FROM n`,
    )
      .bind(owner, count, name, state, ended, failed)
      .run();
  await add("failed", 1, "done", now - 1, 3);
  const few = await rowsRead();
  await add("old", 500, "done", now - 2 * day, 3);
  await add("draft", 500, "draft", null, 0);
  await add("cancelled", 50, "cancelled", now - 2 * day, 3);
  expect(await rowsRead()).toBeLessThanOrEqual(few);
  // Another tenant with more campaigns than a report reads of one hides none.
  await add("big", 150, "running", null, 3, "camp-big");
  const seen = await troubledCampaigns(env.DB, ["camp-big", tenant], now - day, now);
  expect(Object.entries(Object.groupBy(seen, (each) => each.tenant)).map(([owner, all = []]) => [owner, all.length])).toEqual([
    ["camp-big", 100],
    [tenant, 1],
  ]);
});
