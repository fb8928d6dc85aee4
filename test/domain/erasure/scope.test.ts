import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { app } from "../../../src/app";
import { leadParts } from "../../../src/domain/leads/erase";
import { createLedger } from "../../../src/ledger/ledger";
import { noon } from "../../support/rows";
import { add, facts, jobOf, left, payloadsOf, storeAs } from "./rows";

const ledger = createLedger(env.DB, () => undefined);
const { leads } = app(env as never).intake;

describe("erasing by one key", () => {
  test("takes of leads that name others as well only what carries the key, whatever strangers typed beside it", async () => {
    const tenant = "tied";
    const strangers = Array.from({ length: 5 }, (_, n) => `+4917155500${n}0`);
    for (const [n, phone] of strangers.entries()) await storeAs(tenant, `genuine${n}`, { name: `Stranger ${n}`, phone, phoneKey: phone }, "browser", noon + n);
    for (const [n, phone] of strangers.entries())
      await storeAs(
        tenant,
        `forged${n}`,
        { name: "Mallory", email: "mallory@m.example", emailKey: "mallory@m.example", phone, phoneKey: phone },
        "browser",
        noon + 100 + n,
      );
    for (const n of [0, 1]) await add(tenant, `lead:genuine${n}`, { email: "mallory@m.example", phone: strangers[n] ?? "" });
    await facts.add(tenant, { entity: "lead:genuine0", at: noon, event: "own", type: "t", data: { phone: strangers[0], name: "Stranger 0" } });
    await ledger.insert([
      await jobOf(tenant, { payload: JSON.stringify({ to: "mallory@m.example" }) }),
      await jobOf(tenant, { payload: JSON.stringify({ call: strangers[0], name: "Stranger 0" }) }),
    ]);
    const person = { email: "mallory@m.example" };
    const plan = await leads.planErasure(tenant, person);
    expect(plan).toMatchObject({ counts: { leads: 0, submissions: 5 }, more: false, keys: [{ kind: "email", value: "mallory@m.example" }] });
    expect(plan.leads.every(({ whole, tiedBy }) => !whole && tiedBy.length === 1)).toBe(true);
    expect(plan.notFollowed).toHaveLength(5);
    expect((await leads.planErasure(tenant, { ...person, together: true })).counts).toMatchObject({ leads: 0, submissions: 5 });
    expect(await left(tenant, "mallory")).toContain("leads");
    expect(await leads.erase(tenant, { ...person, together: true })).toMatchObject({ leads: 0, submissions: 5, facts: 2, jobs: 1, complete: true });
    expect(await left(tenant, "mallory")).toEqual([]);
    const { results } = await env.DB.prepare("SELECT name, email, phone, submissions FROM leads WHERE tenant = ? ORDER BY phone").bind(tenant).all();
    expect(results).toEqual(strangers.map((phone, n) => ({ name: `Stranger ${n}`, email: null, phone, submissions: 1 })));
    expect((await facts.list(tenant, "lead:genuine0")).map(({ event: id }) => id)).toEqual(["own"]);
    expect(await payloadsOf(tenant)).toEqual([expect.stringContaining("Stranger 0")]);
    const again = await storeAs(tenant, "back", { email: "mallory@m.example", emailKey: "mallory@m.example" }, "browser", noon + 1000);
    expect(again.lead.id).toBe("back");
  });

  test("removes a lead whole if it names no other person; it follows what the tenant's server added only with the option together", async () => {
    const tenant = "follow";
    const phone = "+491715559999";
    await storeAs(tenant, "one", { email: "eva@f.example", emailKey: "eva@f.example", visitorId: "v1" });
    await storeAs(tenant, "bare", { visitorId: "v1" }, "browser", noon + 1);
    await storeAs(tenant, "two", { email: "eva@f.example", emailKey: "eva@f.example", phone, phoneKey: phone }, "server", noon + 2);
    await storeAs(tenant, "three", { phone, phoneKey: phone }, "browser", noon + 3);
    await add(tenant, "lead:4711", { email: "eva@f.example" });
    await add(tenant, "lead:4711", { email: "eva@f.example", phone: "0171 8887777" });
    const alone = await leads.planErasure(tenant, { email: "eva@f.example" });
    expect(alone).toMatchObject({ counts: { leads: 0 }, leads: [{ whole: false, submissions: 2 }], notFollowed: [{ kind: "phone", value: "+491715559999" }] });
    const together = await leads.planErasure(tenant, { email: "eva@f.example", together: true });
    expect(together).toMatchObject({ counts: { leads: 1, submissions: 4 }, leads: [{ whole: true }], notFollowed: [] });
    expect(await leads.erase(tenant, { email: "eva@f.example", together: true })).toMatchObject({ leads: 1, submissions: 4 });
    expect(await left(tenant, "eva")).toEqual([]);
  });

  test("a number takes nothing of another country's number with the same end, and is shown whole", async () => {
    const tenant = "ends";
    const [british, american] = ["+447125550100", "+12125550100"];
    for (const phone of [british, american]) await storeAs(tenant, `lead${phone.slice(1)}`, { phone, phoneKey: phone });
    await add(tenant, "lead:us", { phone: "+1 212 555 0100", name: "American" });
    await add(tenant, "offer:us", { phone: "12125550100", name: "American" });
    await add(tenant, "lead:gb", { phone: "07125 550100", name: "Briton" });
    await ledger.insert([
      ...(await Promise.all(
        ["Call +1 (212) 555-0100", "Call 212 555 0100"].map((text) => jobOf(tenant, { payload: JSON.stringify({ text, to: "American" }) })),
      )),
      ...(await Promise.all(
        ["Call +44 (0)7125 550100", "Call 07125/550100"].map((text) => jobOf(tenant, { payload: JSON.stringify({ text, to: "Briton" }) })),
      )),
    ]);
    const plan = await leads.planErasure(tenant, { phone: british });
    expect(plan).toMatchObject({ counts: { leads: 1, submissions: 1 }, keys: [{ kind: "phone", value: british }], notFollowed: [] });
    expect(plan.leads.map(({ id }) => id)).toEqual(["lead447125550100"]);
    expect(await leads.erase(tenant, { phone: british })).toMatchObject({ leads: 1, submissions: 1, facts: 1, jobs: 2, complete: true });
    expect(await left(tenant, "briton")).toEqual([]);
    expect((await payloadsOf(tenant)).map((payload) => payload.includes("American"))).toEqual([true, true]);
    expect(await facts.list(tenant, "offer:us")).toHaveLength(1);
    expect(await facts.list(tenant, "lead:us")).toHaveLength(1);
    expect(await left(tenant, american)).toEqual(["leads", "lead_submissions", "lead_identities"]);
  });

  test("what is written without a country stays when two numbers of the tenant could be meant", async () => {
    const tenant = "two-countries";
    const [british, american] = ["+447125550100", "+17125550100"];
    for (const phone of [british, american]) await storeAs(tenant, `lead${phone.slice(1)}`, { phone, phoneKey: phone });
    await add(tenant, "lead:bare", { phone: "07125 550100" });
    await ledger.insert(await Promise.all(["Call 07125 550100", "Call 0044 7125 550100"].map((text) => jobOf(tenant, { payload: JSON.stringify({ text }) }))));
    expect((await leads.planErasure(tenant, { phone: "07125 550100" })).counts).toEqual({ leads: 0, submissions: 0, jobs: 0 });
    expect(await leads.erase(tenant, { phone: british })).toMatchObject({ leads: 1, submissions: 1, facts: 0, jobs: 1 });
    expect(await payloadsOf(tenant)).toEqual([expect.stringContaining("Call 07125 550100")]);
    expect(await left(tenant, american)).toEqual(["leads", "lead_submissions", "lead_identities"]);
  });

  test("removes no submission without one of the keys if its lead has a submission of another person", () => {
    const key = fc.constantFrom("e:a", "e:b", "p:1", "p:2");
    const submission = fc.record({
      lead: fc.constantFrom("x", "y"),
      id: fc.uuid(),
      keys: fc.uniqueArray(key),
      hasContact: fc.boolean(),
      isTrusted: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(submission, { maxLength: 12 }), fc.uniqueArray(key, { minLength: 1 }), (all, given) => {
        const sought = new Set(given);
        const gone = new Set(leadParts(all, sought).flatMap(({ submissions }) => submissions));
        for (const each of all) {
          const carries = each.keys.some((one) => sought.has(one));
          const others = all.filter(({ lead, keys, hasContact }) => lead === each.lead && hasContact && !keys.some((one) => sought.has(one)));
          if (carries) expect(gone.has(each.id)).toBe(true);
          else expect(gone.has(each.id)).toBe(others.length === 0);
        }
      }),
    );
  });
});
