import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createMailStores } from "../../../src/app/mail-stores";
import { createStores } from "../../../src/app/stores";
import { storeSubmission } from "../../../src/domain/leads/store";
import { ids, noon } from "../../support/rows";
import { facts, jobOf } from "./rows";
import { ledger, payloads, leads, tenants, submissionOf } from "./erase-bench";

describe("an address in every store", () => {
  /** The tables, and the objects of R2 and KV, that hold the text; tables of other tests too. */
  async function holding(text: string): Promise<string[]> {
    const tables = await env.DB.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'").all<{
      name: string;
    }>();
    const rows = await Promise.all(
      tables.results.map(async ({ name }) => {
        const { results } = await env.DB.prepare(`SELECT * FROM "${name}"`).all();
        return JSON.stringify(results).toLowerCase().includes(text) ? [name] : [];
      }),
    );
    const { objects } = await env.PAYLOADS.list();
    const texts = await Promise.all(objects.map(async ({ key }) => `${key} ${await (await env.PAYLOADS.get(key))?.text()}`));
    const { keys } = await env.CONFIG.list();
    const configured = await Promise.all(keys.map(({ name }) => env.CONFIG.get(name)));
    return [
      ...rows.flat(),
      ...(texts.join().toLowerCase().includes(text) ? ["R2"] : []),
      ...(configured.join().toLowerCase().includes(text) ? ["KV"] : []),
    ].toSorted();
  }

  test("is in none afterwards, and gets no mail again", async () => {
    const tenant = "stores";
    const address = "everywhere@erase.example";
    await tenants.put(tenant, { name: tenant }, noon);
    const mail = createMailStores(env.DB, createStores(env as never));
    await storeSubmission(env.DB, { tenant, id: "stores1", at: noon, submission: submissionOf(address), reengageHours: 24 });
    await facts.add(tenant, { entity: "lead:stores1", at: noon, event: "e", type: "t", data: { email: address } });
    const ref = await payloads.put(tenant, "big", JSON.stringify({ to: address }));
    await ledger.insert([
      await jobOf(tenant, { type: "email", payload: JSON.stringify({ to: address }) }),
      await jobOf(tenant, { type: "email", payload: null, ref }),
    ]);
    const buried = { tenant, id: await ids.derive(tenant, ["letter"]), type: "lead", version: 1, queue: "lead-submissions", fp: null };
    await ledger.bury([{ ...buried, raw: JSON.stringify(submissionOf(address)), reason: `refused ${address}` }], noon);
    await mail.suppressions.add(tenant, [{ address: "Everywhere@Erase.example", scope: "bulk", reason: "unsubscribe" }], noon);
    await mail.sent.record(tenant, [{ provider: "resend", id: "m-1", job: "job-1" }], noon);
    await mail.sent.begin(tenant, "job-1:send:0", "resend", noon);
    await mail.events.take(
      tenant,
      "resend",
      [{ id: "e-1", kind: "bounced", class: "hard", messageId: "m-1", recipient: address, detail: `550 <${address}> unknown` }],
      noon,
    );
    const before = await holding(address);
    expect(before).toEqual(expect.arrayContaining(["R2", "facts", "jobs", "lead_identities", "lead_submissions", "leads", "suppressions"]));

    expect(await leads.erase(tenant, { email: address })).toMatchObject({ complete: true, mail: 3 });

    expect(await holding(address)).toEqual([]);
    expect((await env.DB.prepare("SELECT COUNT(*) AS n FROM mail_events WHERE tenant = ?").bind(tenant).first())?.["n"]).toBe(0);
    expect(await mail.suppressions.reasons(tenant, [address], false)).toEqual(["bounce"]);
    expect(await mail.suppressions.of(tenant, address)).toMatchObject([{ address: null }, { address: null }]);
  });
});
