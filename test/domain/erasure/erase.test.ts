import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { app } from "../../../src/app";
import { eraseAbout, numbersGiven, personEntities } from "../../../src/domain/events/erase";
import { numbersLike, removeParts, submissionsNaming } from "../../../src/domain/leads/erase";
import { storeSubmission } from "../../../src/domain/leads/store";
import { lead } from "../../../src/jobs/lead/job";
import { planOf, recordingDb } from "../../support/recorder";
import { ids, newJob, noon } from "../../support/rows";
import { add, facts, jobOf, left, payloadsOf, storeAs } from "./rows";
import { statesOf } from "../../support/jobs-of";
import { ledger, payloads, followUps, leads, enqueue, projects, tenants, secret, nothing, submissionOf } from "./erase-bench";

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

    expect(counts).toEqual({
      leads: 1,
      submissions: 1,
      facts: 5,
      jobs: 3,
      payloads: 1,
      media: 0,
      altTexts: 0,
      mail: 0,
      running: 0,
      complete: true,
      cursor: null,
    });
    expect(await left(tenant, secret)).toEqual([]);
    expect(await left(tenant, "fingerprint")).toEqual([]);
    expect(await payloads.get(ref)).toBeNull();
    expect(await statesOf(tenant)).toEqual({ cancelled: 2, discarded: 1, queued: 1 });
    expect((await facts.list(tenant, "property:p-1")).map(({ event: id }) => id)).toEqual(["somebody else's"]);
    expect(await left("keep", secret)).toEqual(["leads", "lead_submissions", "lead_identities"]);
    expect(await leads.erase(tenant, { email: secret })).toEqual(nothing);
  });

  test("by telephone finds them as it is dialled in a project's country", async () => {
    const contact = { phone: "+493012345678", phoneKey: "+493012345678" };
    const submission = v.parse(lead.payload, { project: "homes", contact });
    await storeSubmission(env.DB, { tenant: "keep", id: "dialled", at: noon, submission, reengageHours: 24 });
    expect(await leads.erase("keep", { phone: "030 12345678" })).toMatchObject({ leads: 1, submissions: 1 });
    expect(await leads.erase("keep", { phone: "030 12345678" })).toMatchObject({ leads: 0 });
  });

  test("by telephone reaches what came in as events, however the number was written", async () => {
    const tenant = "phone-events";
    await add(tenant, "lead:1", { phone: "0171 5559999", name: "Eva" });
    await add(tenant, "offer:2", { phone: "+49 (0)171-555 99 99" });
    await add(tenant, "lead:3", { phone: "0171 5558888" });
    await ledger.insert([
      await jobOf(tenant, { type: "event", payload: JSON.stringify({ type: "lead.created", data: { id: "1", phone: "0171 5559999" } }) }),
      await jobOf(tenant, { type: "slack", payload: JSON.stringify({ text: "Call Eva at 0171/555.99.99, today" }) }),
      await jobOf(tenant, { type: "crm", entities: ["offer:2"], payload: JSON.stringify({ data: { name: "Eva" } }) }),
      await jobOf(tenant, { type: "event", payload: JSON.stringify({ data: { id: "3", phone: "0171 5558888" } }) }),
    ]);
    expect(await leads.erase(tenant, { phone: "+49 171 5559999" })).toEqual({ ...nothing, facts: 2, jobs: 3 });
    expect(await payloadsOf(tenant)).toEqual([expect.stringContaining("5558888")]);
    expect(await leads.erase(tenant, { phone: "01715559999" })).toEqual(nothing);
  });

  test("by telephone takes what carries only the e-mail of that lead, in leads and in events", async () => {
    const tenant = "phone-mail";
    await storeAs(tenant, "both", { email: "Eva.Both@gmail.com", phone: "+491715559999", phoneKey: "+491715559999" });
    await add(tenant, "lead:77", { email: "evaboth@googlemail.com", phone: "+49 30 7654321" });
    await add(tenant, "offer:78", { phone: "030 7654321" });
    await add(tenant, "order:9", { customer: { email: "EvaBoth+shop@gmail.com" } });
    await ledger.insert([await jobOf(tenant, { type: "event", payload: JSON.stringify({ data: { note: "mail to evaboth@gmail.com" } }) })]);
    // Without a country the number is found all the same.
    expect(await leads.erase(tenant, { phone: "0171 5559999", together: true })).toEqual({ ...nothing, leads: 1, submissions: 1, facts: 3, jobs: 1 });
    expect(await left(tenant, "eva")).toEqual([]);
  });

  test.each(["Erase.Token1@gmail.com", "erasetoken1@gmail.com", "e.r.a.s.e.token1+now@googlemail.com"])("finds every spelling by %s", async (email) => {
    const tenant = `spelling-${email.length}`;
    await storeAs(tenant, "dotted", { email: "Erase.Token1@gmail.com" });
    await storeAs(tenant, "plain", { email: "erasetoken1@gmail.com", emailKey: "erasetoken1@gmail.com" });
    await add(tenant, "lead:8", { email: "Erase.Token1+a@googlemail.com" });
    const texts = ["EraseToken1@GMAIL.com", "erase.token1+b@gmail.com", "<mailto:erase.token1@gmail.com|erase.token1>", "?email=erase.token1%40gmail.com"];
    await ledger.insert(await Promise.all(texts.map((to) => jobOf(tenant, { payload: JSON.stringify({ to: `hello\n${to}` }) }))));
    await ledger.insert([await jobOf(tenant, { payload: JSON.stringify({ to: "my-erasetoken1@gmail.com", or: "erasetoken1@mail.example" }) })]);
    expect(await leads.erase(tenant, { email })).toMatchObject({ leads: 1, submissions: 2, facts: 1, jobs: 4, complete: true });
    expect(await payloadsOf(tenant)).toHaveLength(1);
    expect(await leads.erase(tenant, { email })).toEqual(nothing);
  });

  test("empties a plain mail to the person, its result, and one whose payload lies in R2", async () => {
    const tenant = "plain-mail";
    const ref = await payloads.put(tenant, "far", JSON.stringify({ to: "person@x.example", html: "long" }));
    const other = await payloads.put(tenant, "other", JSON.stringify({ to: "someperson@x.example" }));
    await ledger.insert([
      await jobOf(tenant, { payload: JSON.stringify({ to: "person@x.example", subject: "Hello" }) }),
      await jobOf(tenant, { payload: null, ref }),
      await jobOf(tenant, { payload: null, ref: other }),
    ]);
    expect(await leads.erase(tenant, { email: "Person@X.example" })).toEqual({ ...nothing, jobs: 2, payloads: 1 });
    expect([await payloads.get(ref), await payloads.get(other)]).toEqual([null, expect.stringContaining("someperson")]);
    expect(await payloadsOf(tenant)).toEqual([]);
  });

  test("ends early in a large ledger, keeps what ties the person together, and goes on by the cursor", async () => {
    const tenant = "large";
    await storeAs(tenant, "large1", { email: "big@x.example", phone: "+491715550000", phoneKey: "+491715550000" });
    const many = await Promise.all(Array.from({ length: 101 }, (_, n) => payloads.put(tenant, `o${n}`, "{}")));
    await ledger.insert(await Promise.all(many.map((ref) => jobOf(tenant, { payload: null, ref }))));
    const last = await ids.make(tenant, noon + 1000);
    await ledger.insert([newJob({ tenant, id: last, payload: JSON.stringify({ to: "+49 171 5550000" }) })]);
    const person = { email: "big@x.example", together: true };
    const first = await leads.erase(tenant, person);
    expect(first).toEqual({ ...nothing, complete: false, cursor: expect.stringMatching(/^j/) });
    expect(await leads.erase(tenant, { ...person, cursor: first.cursor ?? "" })).toEqual({ ...nothing, leads: 1, submissions: 1, jobs: 1 });
  });

  test("that fails midway keeps the leads, by which a repeated call finds the rest", async () => {
    const tenant = "midway";
    await storeAs(tenant, "midway1", { email: "half@x.example" });
    const ref = await payloads.put(tenant, "half", JSON.stringify({ to: "half@x.example" }));
    await ledger.insert([await jobOf(tenant, { payload: JSON.stringify({ to: "half@x.example" }) }), await jobOf(tenant, { payload: null, ref })]);
    const away = { list: () => Promise.reject(new Error("R2 is away")), get: () => Promise.reject(new Error("R2 is away")) };
    const without = app({ ...env, PAYLOADS: away } as never).intake.leads;
    await expect(without.erase(tenant, { email: "half@x.example" })).rejects.toThrow("R2 is away");
    expect(await left(tenant, "half@x.example")).toEqual(expect.arrayContaining(["leads", "lead_submissions", "lead_identities"]));
    expect(await leads.erase(tenant, { email: "half@x.example" })).toMatchObject({ leads: 1, submissions: 1, complete: true });
    expect(await left(tenant, "half@x.example")).toEqual([]);
    expect(await payloads.get(ref)).toBeNull();
  });

  test("leaves a key that answers with the same job, does nothing again and is no mismatch", async () => {
    const tenant = "forget";
    const send = (to: string) => enqueue([{ tenant, type: "email", key: "mail-1", payload: { to, subject: "Hello", text: "Hello" } }]);
    const [sent] = await send("keyed@x.example");
    expect(await leads.erase(tenant, { email: "keyed@x.example" })).toMatchObject({ jobs: 1 });
    expect(await send("keyed@x.example")).toMatchObject([{ ok: true, id: sent?.ok ? sent.id : "", replayed: true, erased: true }]);
    expect(await left(tenant, "keyed@x.example")).toEqual([]);
  });

  test("looks nothing up by a scan", async () => {
    const { db, statements } = recordingDb();
    const keys = ["e:a@example.com", "p:+491715559999"];
    await submissionsNaming(db, "t", keys, []);
    await removeParts(db, "t", [
      { lead: "1", isWhole: true, submissions: ["1"] },
      { lead: "2", isWhole: false, submissions: ["3"] },
    ]);
    await personEntities(db, "t", { keys, leads: ["1"] }, []);
    await eraseAbout(db, "t", { entities: ["lead:1"], keys, countries: [] });
    await numbersLike(db, "t", keys);
    await numbersGiven(db, "t", keys, []);
    const plans = (await Promise.all(statements.map(planOf))).flat();
    expect(statements.length).toBeGreaterThan(9);
    expect(plans.filter((line) => /^SCAN (?!.*VIRTUAL TABLE|\(subquery|found|[sb]$)|USING PRIMARY KEY \(tenant=\?\)$/.test(line))).toEqual([]);
    expect(plans.join()).toMatch(/lead_identities_by_end.*facts_by_email.*facts_by_phone.*facts_by_lead/);
  });
});
