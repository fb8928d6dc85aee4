import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { createCampaignObjects } from "../../src/domain/campaigns/objects";
import { campaignPage } from "../../src/jobs/campaign-page/job";
import { leftRecipients, pagesUnderWay } from "../../src/domain/campaigns/queries";
import { chunksOf, createCampaignBench, csvOf, deliverFor } from "./campaign-bench";

test("each of 2,000 recipients gets the mail once, in calls of 100, with a link of their own", async () => {
  const tenant = "camp-plain";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(2000));
  expect(await world.operations.start(tenant, id)).toBe("running");
  await world.run(id);
  expect(world.calls).toHaveLength(20);
  expect(new Set(world.mails.map(({ to }) => to)).size).toBe(2000);
  expect(world.mails).toHaveLength(2000);
  expect(await world.report(id)).toMatchObject({ state: "done", total: 2000, sent: 2000, failed: 0, suppressed: 0, duplicates: 0 });
  const [{ message } = { message: undefined }] = world.mails.filter(({ to }) => to === "n7@list.example");
  expect(message).toMatchObject({
    from: "Shop <news@shop.example>",
    subject: "News, Name 7",
    bulk: true,
    text: `Hello Name 7: https://jobs.example/u/n7@list.example-${id}`,
    headers: { "List-Unsubscribe": `<https://jobs.example/u/n7@list.example-${id}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" },
  });
});

test("a Worker that dies again and again sends no mail twice and forgets none", async () => {
  const tenant = "camp-dying";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(1000));
  // After the provider took it, before it took it, and where the answer is lost.
  world.answers.push("take", "die", "die", "lost", "take", "die", "lost", "die");
  await world.operations.start(tenant, id);
  await world.run(id);
  expect(world.mails).toHaveLength(1000);
  expect(new Set(world.mails.map(({ to }) => to)).size).toBe(1000);
  expect(await world.report(id)).toMatchObject({ state: "done", sent: 1000, failed: 0 });
  expect(world.calls.length).toBeGreaterThan(10);
  const rest = await world.parts.objects.bucket.list({ prefix: world.parts.objects.pagesFolder(tenant, id) });
  expect(rest.objects).toEqual([]);
});

test("a page that an earlier version noted after its end does not keep the campaign open", async () => {
  const tenant = "camp-ghosts";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(200));
  await world.operations.start(tenant, id);
  await world.run(id);
  const pages = await world.jobs({ type: campaignPage.type });
  expect(pages).toHaveLength(2);
  await env.DB.prepare("INSERT INTO campaign_pages (tenant, campaign, page, job, count) VALUES (?, ?, 0, ?, 100)").bind(tenant, id, pages[0]?.id).run();
  expect(await pagesUnderWay({ db: env.DB, tenant, id })).toMatchObject({ open: 0 });
});

test("the rendered body of one part goes without those before it", async () => {
  const objects = createCampaignObjects(env.MEDIA);
  const body = { through: 1, at: 1, messages: [], left: [] };
  for (const part of [0, 1]) await objects.putBody("camp-parts", "c1", 0, part, body);
  await objects.removeBody("camp-parts", "c1", 0, 1);
  expect(await Promise.all([0, 1].map((part) => objects.body("camp-parts", "c1", 0, part)))).toEqual([body, null]);
});

test("who is suppressed, named before or lacks a variable gets nothing, and the report says so by line", async () => {
  const tenant = "camp-left";
  const world = await createCampaignBench({ tenant, refuses: ["refused@a.example"] });
  await world.stores.suppressions.add(tenant, [{ address: "bounced@a.example", scope: "all", reason: "bounce" }], 1);
  await world.stores.suppressions.add(tenant, [{ address: "gone@a.example", scope: "bulk", reason: "unsubscribe" }], 1);
  const rows = [
    "email,name",
    "ada@a.example,Ada",
    "bounced@a.example,B",
    "ADA@a.example,Ada again",
    "gone@a.example,G",
    "refused@a.example,R",
    "last@a.example,L",
  ];
  const id = await world.draft(rows.join("\n"));
  const json = ['{"to": "bare@a.example"}', '{"to": "Zoe <zoe@a.example>", "variables": {"name": "Zoe"}}'];
  await world.operations.start(tenant, id);
  await world.run(id);
  expect(world.mails.map(({ to }) => to)).toEqual(["ada@a.example", "last@a.example"]);
  expect(await world.report(id)).toMatchObject({ total: 6, sent: 2, failed: 1, suppressed: 2, duplicates: 1 });
  expect(await leftRecipients({ db: env.DB, tenant, id }, { after: 0, limit: 10 })).toEqual([
    { line: 3, state: "suppressed", reason: "bounce", providerMessage: null },
    { line: 5, state: "suppressed", reason: "unsubscribe", providerMessage: null },
    { line: 6, state: "failed", reason: "invalid address", providerMessage: "no such mailbox" },
  ]);

  const other = await world.operations.create(tenant, { name: "Two", templateId: "news" });
  await world.operations.upload(tenant, other, chunksOf(json.join("\n")), "ndjson");
  await world.operations.start(tenant, other);
  await world.run(other);
  expect(world.mails.map(({ to }) => to).slice(2)).toEqual(["Zoe <zoe@a.example>"]);
  expect(await leftRecipients({ db: env.DB, tenant, id: other }, { after: 0, limit: 10 })).toEqual([
    { line: 1, state: "failed", reason: 'subject: line 1, column 10: the variable "name" is not given', providerMessage: null },
  ]);
});

test("paused it sends nothing, resumed it goes on, and cancelled it ends; who had the mail does not get it again", async () => {
  const tenant = "camp-paused";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(1500));
  // An operator pauses it between two calls.
  world.hooks.beforeCall = async (calls) => void (calls === 4 && (await world.operations.pause(tenant, id)));
  await world.operations.start(tenant, id);
  await deliverFor(world, 3);
  const sent = world.mails.length;
  expect(sent).toBeLessThan(1500);
  expect(await world.report(id)).toMatchObject({ state: "paused", waitingFor: "the campaign is paused" });
  await deliverFor(world, 3);
  expect(world.mails).toHaveLength(sent);

  expect(await world.operations.resume(tenant, id)).toBe("running");
  world.hooks.beforeCall = async (calls) => void (calls === 9 && (await world.operations.cancel(tenant, id)));
  await deliverFor(world, 6);
  const { state, sent: counted } = await world.report(id);
  expect([state, counted]).toEqual(["cancelled", world.mails.length]);
  expect(counted).toBeGreaterThan(sent);
  expect(counted).toBeLessThan(1500);
  expect(new Set(world.mails.map(({ to }) => to)).size).toBe(counted);
  for (const job of await world.jobs({})) expect(job).toBeDone();
  await expect(world.operations.resume(tenant, id)).rejects.toMatchObject({ code: "conflict" });
});

test("a provider that has no quota left makes pages wait and counts no attempt; so does one with a wrong key", async () => {
  const tenant = "camp-quota";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(150));
  const limited = { class: "limited", reason: "429 daily_quota_exceeded", retryAfter: 300 } as const;
  world.answers.push({ fail: limited }, { fail: { class: "config", reason: "401 wrong key", retryAfter: 120 } });
  await world.operations.start(tenant, id);
  await deliverFor(world, 2);
  expect(await world.report(id)).toMatchObject({ sent: 0, waitingFor: expect.stringMatching(/429|401/) });
  // What is suppressed meanwhile counts: nothing had reached the provider.
  await world.stores.suppressions.add(tenant, [{ address: "n3@list.example", scope: "bulk", reason: "unsubscribe" }], 1);
  const began = world.bench.now();
  await world.run(id);
  expect(world.bench.now() - began).toBeGreaterThan(290_000);
  expect(await world.report(id)).toMatchObject({ sent: 149, suppressed: 1 });
  const pages = await world.jobs({ type: campaignPage.type });
  expect(pages.map(({ attempt }) => attempt)).toEqual(pages.map(() => 1));
});

test("without a batch call each recipient is an effect; what a provider without idempotency may have is not sent again", async () => {
  const tenant = "camp-single";
  const world = await createCampaignBench({ tenant, batches: false, refuses: ["n5@list.example"] });
  const id = await world.draft(csvOf(230));
  world.answers.push("take", "lost", "take", { fail: { class: "limited", reason: "421", retryAfter: 30 } }, "take", "die");
  await world.operations.start(tenant, id);
  await world.run(id);
  const report = await world.report(id);
  expect(report).toMatchObject({ state: "done", sent: 227, failed: 3 });
  // The lost one and the one whose Worker died went out, without a record of it.
  expect(world.mails).toHaveLength(229);
  expect(new Set(world.mails.map(({ to }) => to)).size).toBe(229);
  const left = await leftRecipients({ db: env.DB, tenant, id }, { after: 0, limit: 10 });
  expect(left.map(({ reason }) => reason).toSorted()).toEqual(["550 no such user", expect.stringContaining("uncertain"), expect.stringContaining("uncertain")]);
});

test("with a rate the mails of a minute are no more than it says", async () => {
  const tenant = "camp-rate";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(240), { ratePerMinute: 120 });
  await world.operations.start(tenant, id);
  await world.run(id);
  const times = world.mails.map(({ at }) => at).toSorted((a, b) => a - b);
  expect(times).toHaveLength(240);
  for (const from of times) expect(times.filter((at) => at >= from && at < from + 60_000).length).toBeLessThanOrEqual(140);
  expect(times.at(-1)! - times[0]!).toBeGreaterThan(90_000);
  expect(times.at(-1)! - times[0]!).toBeLessThan(300_000);
});

test("it sends within its window on the tenant's clock alone", async () => {
  const tenant = "camp-window";
  // Sunday, 20:00 in Prague.
  const world = await createCampaignBench({ tenant, zone: "Europe/Prague", start: Date.UTC(2026, 10, 22, 19) });
  const id = await world.draft(csvOf(120), { window: { from: "09:00", to: "18:00", days: ["mon", "tue", "wed", "thu", "fri"] } });
  await world.operations.start(tenant, id);
  await deliverFor(world, 2);
  expect(world.mails).toEqual([]);
  await world.run(id, 400);
  expect(world.mails).toHaveLength(120);
  const monday = Date.UTC(2026, 10, 23, 8);
  expect(Math.min(...world.mails.map(({ at }) => at))).toBeGreaterThanOrEqual(monday);
  expect(Math.max(...world.mails.map(({ at }) => at))).toBeLessThan(monday + 3_600_000);
});

test("never more than 200 pages are under way", async () => {
  const tenant = "camp-flood";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(450), { ratePerMinute: 6 });
  await world.operations.start(tenant, id);
  await deliverFor(world, 1);
  expect(await world.jobs({ type: campaignPage.type })).toHaveLength(4);
});
