import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { app } from "../../src/app";
import { createStores } from "../../src/app/stores";
import { createCampaignObjects } from "../../src/domain/campaigns/objects";
import { forgetRecipients, recipientDays } from "../../src/domain/campaigns/forget";
import { chunksOf, createCampaignBench, csvOf, deliverFor } from "./campaign-bench";

const { leads, tenants } = app(env as never).intake;

/** All that R2 and D1 hold of a tenant's campaigns, as text. */
async function heldOf(tenant: string): Promise<string> {
  const { objects } = await env.PAYLOADS.list({ prefix: `_campaigns/${tenant}/` });
  const texts = await Promise.all(objects.map(async ({ key }) => (await env.PAYLOADS.get(key))?.text()));
  const rows = await Promise.all(
    ["campaigns", "campaign_pages", "campaign_recipients", "jobs"].map(
      async (table) => (await env.DB.prepare(`SELECT * FROM ${table} WHERE tenant = ?`).bind(tenant).all()).results,
    ),
  );
  return JSON.stringify([texts, rows]);
}

test("erasing a person reaches lists, rendered pages and rows of recipients, and the others get their mail", async () => {
  const tenant = "camp-erase";
  await tenants.put(tenant, { name: tenant }, 1);
  const world = await createCampaignBench({ tenant, hash: createStores(env as never).hashAddress });
  const list = csvOf(150)
    .replace("n20@list.example,Name 20", "Ada.Lovelace@gmail.com,Ada")
    .replace("n120@list.example,Name 120", "adalovelace@gmail.com,Ada again");
  const draft = await world.draft(list);
  const id = await world.draft(list);
  // The first page's answer is lost: its mails lie in R2 until it is tried again.
  world.answers.push("lost");
  await world.operations.start(tenant, id);
  await deliverFor(world, 2);
  expect((await heldOf(tenant)).toLowerCase()).toContain("lovelace");
  const before = await env.PAYLOADS.list({ prefix: `_campaigns/${tenant}/${draft}/` });

  const erased = await leads.erase(tenant, { email: "ada.lovelace@gmail.com" });
  expect(erased).toMatchObject({ complete: true });
  // Two rows in each of two lists, a rendered mail, and the row of the recipient.
  expect(erased.mail).toBeGreaterThanOrEqual(5);
  expect((await heldOf(tenant)).toLowerCase()).not.toContain("lovelace");
  expect((await env.PAYLOADS.list({ prefix: `_campaigns/${tenant}/${draft}/` })).objects.map(({ size }) => size)).toEqual(
    before.objects.map(({ size }) => size),
  );
  expect(await leads.erase(tenant, { email: "ada.lovelace@gmail.com" })).toMatchObject({ mail: 0, complete: true });

  await world.operations.start(tenant, draft);
  await world.run(draft);
  expect(await world.report(draft)).toMatchObject({ state: "done", sent: 148 });
});

test("thirty days after its end the recipients of a campaign are forgotten, and its counts stay", async () => {
  const tenant = "camp-forget";
  const world = await createCampaignBench({ tenant });
  const id = await world.draft(csvOf(120));
  await world.operations.start(tenant, id);
  await world.run(id);
  const never = await world.operations.create(tenant, { name: "Never", templateId: "news" });
  await world.operations.upload(tenant, never, chunksOf(csvOf(3)), "csv");
  const parts = { db: env.DB, objects: createCampaignObjects(env.PAYLOADS), countsOf: async () => ({ bounced: 7 }) };
  const days = (count: number) => world.bench.now() + count * 24 * 3_600_000;
  await forgetRecipients(parts, days(recipientDays - 1));
  expect(await world.report(id)).toMatchObject({ events: null });
  await forgetRecipients(parts, days(recipientDays + 1));
  expect((await env.PAYLOADS.list({ prefix: `_campaigns/${tenant}/` })).objects).toEqual([]);
  expect(await world.bench.all("SELECT 1 FROM campaign_recipients WHERE tenant = ?", tenant)).toEqual([]);
  expect(await world.report(id)).toMatchObject({ state: "done", sent: 120, list: null, events: { bounced: 7 } });
});
