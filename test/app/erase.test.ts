import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { app } from "../../src/app";
import { entitiesOfPerson, eraseAbout } from "../../src/domain/events/erase";
import { factsIn } from "../../src/domain/events/facts";
import { followUpsIn } from "../../src/domain/events/follow-ups";
import { storeSubmission } from "../../src/domain/leads/store";
import { lead } from "../../src/jobs/lead/job";
import { createLedger } from "../../src/ledger/ledger";
import { createPayloads } from "../../src/ledger/payloads";
import { planOf, recordingDb } from "../support/recorder";
import { ids, newJob, noon } from "../support/rows";

const ledger = createLedger(env.DB, () => undefined);
const payloads = createPayloads(env.PAYLOADS);
const facts = factsIn(env.DB);
const followUps = followUpsIn(env.DB, async () => undefined);
const { leads, tenants, projects } = app(env as never).intake;
const secret = "ada@erase.example";

const submissionOf = (email: string) => v.parse(lead.payload, { project: "homes", contact: { email, emailKey: email.toLowerCase(), name: "Ada" } });
const jobOf = async (tenant: string, more: Parameters<typeof newJob>[0] | object) => newJob({ tenant, id: await ids.make(tenant, noon), ...more });

/** Every table's rows of a tenant that still say something. */
async function left(tenant: string, text: string): Promise<string[]> {
  const tables = ["jobs", "effects", "history", "dead_letters", "entities", "leads", "lead_submissions", "lead_identities", "lead_activity", "facts", "audit"];
  const rows = await Promise.all(
    [...tables, "follow_ups", "answers"].map(async (table) => {
      const { results } = await env.DB.prepare(`SELECT * FROM ${table} WHERE tenant = ?`).bind(tenant).all();
      return results.some((row) => JSON.stringify(row).toLowerCase().includes(text)) ? [table] : [];
    }),
  );
  return rows.flat();
}

beforeAll(async () => {
  for (const tenant of ["forget", "keep"]) {
    await tenants.put(tenant, { name: tenant }, noon);
    await projects.put(tenant, "homes", { domains: [], country: "DE" }, noon);
    await storeSubmission(env.DB, { tenant, id: `${tenant}1`, at: noon, submission: submissionOf(secret), reengageHours: 24 });
  }
});

describe("erasing a person", () => {
  test("takes what leads, jobs, stored payloads and events hold of them, counts each, and leaves other tenants alone", async () => {
    const tenant = "forget";
    const ref = await payloads.put(tenant, "big", secret);
    const event = (entity: string, data: object, id = entity) => facts.add(tenant, { entity, at: noon, event: id, type: "t", data: data as never });
    await event("lead:forget1", { email: secret });
    await event("crm lead:forget1", { email: secret });
    // The SaaS's own name for the same person, an offer of theirs, and a house that others have looked at as well.
    await event("lead:4711", { email: "Ada@Erase.example", name: "Ada" });
    await event("offer:o-1", { leadId: "4711", message: "by ada@erase.example" });
    await event("property:p-1", { leadId: "4711", note: secret }, "hers");
    await event("property:p-1", { leadId: "9", value: 1 }, "somebody else's");
    await followUps.planned(tenant, "lead:forget1", "job");
    await followUps.answered(tenant, "lead:4711", noon);
    const jobs = [
      await jobOf(tenant, { type: "slack", entities: ["lead:forget1"], payload: JSON.stringify({ text: secret }), fp: "fingerprint" }),
      await jobOf(tenant, { type: "email", entities: ["offer:o-1"], payload: null, ref }),
      await jobOf(tenant, { type: "email", payload: JSON.stringify({ other: "mail" }) }),
    ];
    await ledger.insert(jobs);
    const buried = { tenant, id: await ids.derive(tenant, ["dead"]), type: "lead", version: 1, queue: "lead-submissions", fp: null };
    await ledger.bury([{ ...buried, raw: JSON.stringify(submissionOf(secret)), reason: "it failed" }], noon);

    const counts = await leads.erase(tenant, { email: "ADA@erase.example" });

    expect(counts).toEqual({ leads: 1, submissions: 1, facts: 5, jobs: 3, payloads: 1, running: 0 });
    expect(await left(tenant, secret)).toEqual([]);
    expect(await left(tenant, "fingerprint")).toEqual([]);
    expect(await payloads.get(ref)).toBeNull();
    const states = await env.DB.prepare("SELECT state FROM jobs WHERE tenant = ? ORDER BY state").bind(tenant).all<{ state: string }>();
    expect(states.results.map(({ state }) => state)).toEqual(["cancelled", "cancelled", "discarded", "queued"]);
    expect((await facts.list(tenant, "property:p-1")).map(({ event: id }) => id)).toEqual(["somebody else's"]);
    expect(await left("keep", secret)).toEqual(["leads", "lead_submissions", "lead_identities"]);
    expect(await leads.erase(tenant, { email: secret })).toEqual({ leads: 0, submissions: 0, facts: 0, jobs: 0, payloads: 0, running: 0 });
  });

  test("by telephone finds them as it is dialled in a project's country", async () => {
    const contact = { phone: "+493012345678", phoneKey: "+493012345678" };
    const submission = v.parse(lead.payload, { project: "homes", contact });
    await storeSubmission(env.DB, { tenant: "keep", id: "dialled", at: noon, submission, reengageHours: 24 });
    expect(await leads.erase("keep", { phone: "030 12345678" })).toMatchObject({ leads: 1, submissions: 1 });
    expect(await leads.erase("keep", { phone: "030 12345678" })).toMatchObject({ leads: 0 });
  });

  test("looks nothing up by a scan", async () => {
    const { db, said } = recordingDb();
    const entities = await entitiesOfPerson(db, "t", { emails: ["a@example.com"], leads: ["1"] });
    await eraseAbout(db, "t", entities, ["a@example.com"]);
    const plans = (await Promise.all(said.map(planOf))).flat();
    expect(said.length).toBeGreaterThan(5);
    expect(plans.filter((line) => /^SCAN (?!.*VIRTUAL TABLE)|USING PRIMARY KEY \(tenant=\?\)$/.test(line))).toEqual([]);
    expect(plans.join()).toMatch(/facts_by_email.*facts_by_lead/);
  });
});
