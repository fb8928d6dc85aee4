import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { campaignOf, leftRecipients } from "../../src/domain/campaigns/queries";
import { eraseNextRecipients } from "../../src/domain/campaigns/erase";
import { campaignPage } from "../../src/jobs/campaign-page/job";
import { retain } from "../../src/ledger/retention";
import { createCampaignBench, csvOf, deliverFor, type CampaignBench } from "./campaign-bench";

const hour = 3_600_000;
const day = 24 * hour;
/** With this text a page of 100 is sent in parts: one call takes 2,000,000 characters. */
const large = { variables: { filler: "x".repeat(25_000) }, templateId: "large" };
const limited = { class: "limited", reason: "429", retryAfter: 600 } as const;

const addressesOf = (world: CampaignBench) => world.mails.map(({ to }) => to);
const twice = (all: readonly string[]) => all.filter((each, index) => all.indexOf(each) < index);
const bodiesOf = async (world: CampaignBench, tenant: string, id: string) =>
  (await world.parts.objects.bucket.list({ prefix: world.parts.objects.pagesFolder(tenant, id) })).objects.length;

async function pausedFor(world: CampaignBench, tenant: string, id: string, ms: number): Promise<void> {
  await world.operations.pause(tenant, id);
  await deliverFor(world, 2);
  world.bench.advance(ms);
  await world.operations.resume(tenant, id);
}

describe("a pause longer than the provider keeps its keys", () => {
  test("a page whose answer was lost does not go out twice: an operator looks at the provider", async () => {
    const tenant = "camp-doubt";
    const world = await createCampaignBench({ tenant });
    const id = await world.draft(csvOf(100));
    world.answers.push("die");
    await world.operations.start(tenant, id);
    await deliverFor(world, 2);
    expect(world.calls).toHaveLength(1);
    await pausedFor(world, tenant, id, 25 * hour);
    await world.run(id);
    expect(twice(addressesOf(world))).toEqual([]);
    expect(world.calls).toHaveLength(1);
    expect(await world.report(id)).toMatchObject({ state: "done", sent: 0, lost: 100 });
    const [page, ...others] = await world.jobs({ type: campaignPage.type, state: "discarded" });
    expect(page).toBeDiscarded(/^uncertain: "send-0" was tried and may/);
    expect(others).toEqual([]);
  });

  test("a part that was not tried before it is sent after it", async () => {
    const tenant = "camp-parts-doubt";
    const world = await createCampaignBench({ tenant });
    const id = await world.draft(csvOf(100), large);
    // The answer of the first part is lost and found; the second one certainly did not arrive.
    world.answers.push("die", "take", { fail: limited });
    await world.operations.start(tenant, id);
    await deliverFor(world, 2);
    world.bench.advance(120_000);
    await deliverFor(world, 2);
    expect(world.calls).toHaveLength(3);
    await pausedFor(world, tenant, id, 25 * hour);
    await world.run(id);
    expect(await world.report(id)).toMatchObject({ state: "done", sent: 100, failed: 0, lost: 0 });
    expect(twice(addressesOf(world))).toEqual([]);
  });

  test("one by one the mail in doubt alone is left out", async () => {
    const tenant = "camp-single-doubt";
    const world = await createCampaignBench({ tenant, batches: false, idempotentFor: 86_400 });
    const id = await world.draft(csvOf(20));
    world.answers.push("take", "take", "die");
    await world.operations.start(tenant, id);
    await deliverFor(world, 2);
    await pausedFor(world, tenant, id, 25 * hour);
    await world.run(id);
    expect(twice(addressesOf(world))).toEqual([]);
    expect(addressesOf(world)).toHaveLength(20);
    expect(await world.report(id)).toMatchObject({ state: "done", sent: 19, failed: 1 });
  });
});

test("erasing a person between two parts of a page skips no other recipient", async () => {
  const tenant = "camp-erase-parts";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(100), large);
  world.answers.push("take", { fail: limited });
  await world.operations.start(tenant, id);
  await deliverFor(world, 2);
  expect(world.calls).toHaveLength(2);
  const erased = "n3@list.example";
  const hash = await world.parts.hash(tenant, erased);
  const person = { mayName: (text: string) => text.includes(erased), names: (text: string) => text.includes(erased), hashes: [hash ?? ""] };
  await eraseNextRecipients({ db: env.DB, objects: world.parts.objects }, tenant, "", person, 1e9);
  await world.run(id);
  expect(new Set(addressesOf(world)).size).toBe(100);
  expect(twice(addressesOf(world))).toEqual([]);
});

describe("a campaign whose job has ended or is gone", () => {
  test("ends although it is paused while its last pages are looked at", async () => {
    const tenant = "camp-late-pause";
    const world = await createCampaignBench({ tenant });
    const id = await world.draft(csvOf(50));
    let isPaused = false;
    world.hooks.afterLook = async (open) => {
      if (isPaused || world.mails.length === 0 || open > 0) return;
      isPaused = true;
      await world.operations.pause(tenant, id);
    };
    await world.operations.start(tenant, id);
    await world.run(id);
    expect(isPaused).toBe(true);
    expect(await world.report(id)).toMatchObject({ state: "done", sent: 50 });
  });

  test.each(["cancelled", "gone", "dead"])("is given one again: %s", async (how) => {
    const tenant = `camp-stranded-${how}`;
    const world = await createCampaignBench({ tenant });
    const id = await world.draft(csvOf(1000), { ratePerMinute: 600 });
    await world.operations.start(tenant, id);
    await deliverFor(world, 3);
    const { job } = (await campaignOf({ db: world.parts.db, tenant, id })) ?? {};
    await deliverFor(world, 1);
    if (how === "cancelled") expect(await world.bench.engine.ledger.cancel({ tenant, id: job ?? "" }, world.bench.now())).toMatchObject({ changed: true });
    if (how === "gone") await env.DB.prepare("DELETE FROM jobs WHERE tenant = ? AND id = ?").bind(tenant, job).run();
    if (how === "dead")
      await env.DB.prepare("UPDATE jobs SET state = 'dead', ended = ? WHERE tenant = ? AND id = ?").bind(world.bench.now(), tenant, job).run();
    if (how === "dead") {
      expect(await world.operations.revive()).toBe(0);
      world.bench.advance(hour + 1);
    }
    expect(await world.operations.revive()).toBe(1);
    expect(await world.operations.revive()).toBe(0);
    await world.run(id);
    expect(await world.report(id)).toMatchObject({ state: "done", sent: 1000 });
    expect(twice(addressesOf(world))).toEqual([]);
  });

  test("ends when its job had ended before", async () => {
    const tenant = "camp-stranded-done";
    const world = await createCampaignBench({ tenant });
    const id = await world.draft(csvOf(5));
    await world.operations.start(tenant, id);
    await world.run(id);
    await env.DB.prepare("UPDATE campaigns SET state = 'running' WHERE tenant = ?").bind(tenant).run();
    expect(await world.operations.revive()).toBe(1);
    expect(await world.report(id)).toMatchObject({ state: "done" });
  });
});

test.each(["resume", "revive"] as const)(
  "an operator cancels its jobs, retention removes them, and it goes on by %s: no recipient gets it twice, and cancelled ones stay cancelled",
  async (how) => {
    const tenant = `camp-retained-${how}`;
    const world = await createCampaignBench({ tenant });
    const id = await world.draft(csvOf(1000), { ratePerMinute: 600 });
    await world.operations.start(tenant, id);
    await deliverFor(world, 3);
    if (how === "resume") await world.operations.pause(tenant, id);
    await deliverFor(world, 2);
    expect(world.mails.length).toBeGreaterThan(0);
    const open = await world.jobs({ state: "open" });
    expect(open.length).toBeGreaterThan(2);
    for (const { id: job } of open) await world.bench.engine.ledger.cancel({ tenant, id: job }, world.bench.now());
    world.bench.held.splice(0);
    const before = await world.report(id);
    expect(before.lost).toBeGreaterThan(0);

    world.bench.advance(15 * day);
    const daysOf = async () => new Map<string, never>();
    await retain({ db: env.DB, daysOf, removePayloads: async () => undefined }, world.bench.now());
    expect(await world.jobs({})).toEqual([]);
    expect(await world.report(id)).toMatchObject({ sent: before.sent, lost: before.lost });
    if (how === "resume") await world.operations.resume(tenant, id);
    else expect(await world.operations.revive()).toBe(1);
    await world.run(id);
    expect(twice(addressesOf(world))).toEqual([]);
    expect(await world.report(id)).toMatchObject({ state: "done", sent: 1000 - before.lost, lost: before.lost });
  },
);

describe("a campaign that is cancelled while a page is half-way", () => {
  test("counts what was sent, and nothing of the page is kept", async () => {
    const tenant = "camp-half";
    const world = await createCampaignBench({ tenant });
    const id = await world.draft(csvOf(100), large);
    world.answers.push("take", { fail: limited });
    await world.operations.start(tenant, id);
    await deliverFor(world, 2);
    expect(world.calls).toHaveLength(2);
    expect(await bodiesOf(world, tenant, id)).toBe(1);
    await world.operations.cancel(tenant, id);
    await deliverFor(world, 2);
    expect(await world.report(id)).toMatchObject({ state: "cancelled", sent: world.mails.length, failed: 0 });
    expect(world.mails.length).toBeGreaterThan(50);
    expect(await bodiesOf(world, tenant, id)).toBe(0);
  });

  test("says of what may have arrived that it may have", async () => {
    const tenant = "camp-half-lost";
    const world = await createCampaignBench({ tenant });
    const id = await world.draft(csvOf(100), large);
    world.answers.push("take", "lost");
    await world.operations.start(tenant, id);
    await deliverFor(world, 2);
    const first = world.calls[0]?.count;
    await world.operations.cancel(tenant, id);
    world.bench.advance(120_000);
    await deliverFor(world, 2);
    expect(world.calls).toHaveLength(2);
    expect(await world.report(id)).toMatchObject({ state: "cancelled", sent: first, failed: world.calls[1]?.count });
    const [left] = await leftRecipients({ db: world.parts.db, tenant, id }, { after: 0, limit: 1 });
    expect(left?.reason).toMatch(/^uncertain/);
    expect(await bodiesOf(world, tenant, id)).toBe(0);
  });

  test("so it is one by one", async () => {
    const tenant = "camp-half-single";
    const world = await createCampaignBench({ tenant, batches: false });
    const id = await world.draft(csvOf(20));
    world.answers.push("take", "take", "take", "take", "take", "take", { fail: limited });
    await world.operations.start(tenant, id);
    await deliverFor(world, 2);
    expect(world.mails.length).toBeGreaterThanOrEqual(6);
    await world.operations.cancel(tenant, id);
    world.bench.advance(700_000);
    await deliverFor(world, 2);
    expect(await world.report(id)).toMatchObject({ state: "cancelled", sent: world.mails.length, failed: 0 });
  });
});

test("addresses that cannot be compared are no duplicates of one another", async () => {
  const tenant = "camp-no-hash";
  const world = await createCampaignBench({ tenant, hash: async () => undefined });
  const id = await world.draft(csvOf(5));
  await world.operations.start(tenant, id);
  await world.run(id);
  expect(await world.report(id)).toMatchObject({ sent: 5, duplicates: 0 });
});
