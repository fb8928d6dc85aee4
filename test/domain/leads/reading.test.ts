import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { getLead, listLeads } from "../../../src/domain/leads/queries";
import { leadParts, removeParts, submissionsNaming } from "../../../src/domain/leads/erase";
import { keysOf } from "../../../src/domain/erasure/person";
import { noon, store } from "./stored";

const leadsOf = async (tenant: string) => (await listLeads(env.DB, tenant, {}, { limit: 200 })).leads;

describe("reading", () => {
  test("newest first, page by page, and nothing of another tenant", async () => {
    const tenant = "pages";
    for (let index = 0; index < 7; index++)
      await store({ tenant, id: `p${index}`, at: noon + index, project: index % 2 ? "odd" : "even", contact: { visitorId: `v${index}` } });
    await store({ tenant: "pages-other", contact: { visitorId: "v1" } });
    const seen: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await listLeads(env.DB, tenant, {}, { cursor, limit: 3 });
      seen.push(...page.leads.map(({ id }) => id));
      cursor = page.cursor;
    }
    expect(seen).toEqual(["p6", "p5", "p4", "p3", "p2", "p1", "p0"]);
    expect((await listLeads(env.DB, tenant, { project: "odd" }, { limit: 10 })).leads.map(({ id }) => id)).toEqual(["p5", "p3", "p1"]);
    expect((await listLeads(env.DB, tenant, { from: noon + 2, to: noon + 4 }, { limit: 10 })).leads.map(({ id }) => id)).toEqual(["p3", "p2"]);
  });

  test("finds a name in any case, in any language", async () => {
    const tenant = "search-case";
    await store({ tenant, id: "x1", contact: { visitorId: "v1", name: "Jürgen Groß" } });
    await store({ tenant, id: "x2", contact: { visitorId: "v2", name: "Οδυσσεύς" } });
    const found = async (q: string) => (await listLeads(env.DB, tenant, { q }, { limit: 10 })).leads.map(({ id }) => id);
    expect([await found("JÜRGEN"), await found("GROSS"), await found("ΟΔΥΣΣΕΎΣ"), await found("jurgen")]).toEqual([["x1"], ["x1"], ["x2"], []]);
  });

  test("finds by id, e-mail in another spelling, telephone, visitor, or a part of the name", async () => {
    const tenant = "search";
    await store({
      tenant,
      id: "x1",
      contact: {
        visitorId: "vis-7",
        name: "Grace Hopper",
        email: "g.hopper@gmail.com",
        emailKey: "ghopper@gmail.com",
        phone: "+14155550100",
        phoneKey: "+14155550100",
      },
    });
    await store({ tenant, id: "x2", contact: { visitorId: "vis-7" } });
    await store({ tenant, id: "x3", contact: { visitorId: "vis-8", name: "Ada" } });
    for (const q of ["x1", "x2", "G.Hopper+spam@GoogleMail.com", "+1 415 555 0100", "vis-7", "hopp"]) {
      expect(
        (await listLeads(env.DB, tenant, { q }, { limit: 10 })).leads.map(({ id }) => id),
        q,
      ).toEqual(["x1"]);
      expect((await listLeads(env.DB, "search-other", { q }, { limit: 10 })).leads, q).toEqual([]);
    }
    expect((await getLead(env.DB, tenant, "x2"))?.submissions.map(({ id }) => id).toSorted()).toEqual(["x1", "x2"]);
    expect(await getLead(env.DB, "search-other", "x1")).toBeNull();
  });

  test("seeks and never scans", async () => {
    const details = async (sql: string, ...values: unknown[]) =>
      (
        await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .bind(...values)
          .all<{ detail: string }>()
      ).results
        .map(({ detail }) => detail)
        .join("; ");
    const byTime =
      "SELECT * FROM leads l WHERE l.tenant = ?1 AND l.created >= ?2 AND l.created < ?3 AND (l.created, l.id) < (?4, ?5) ORDER BY l.created DESC, l.id DESC LIMIT 5";
    const plan = await details(byTime, "t", 0, 1, 1, "x");
    expect(plan).toContain("leads_by_time");
    expect(plan).not.toMatch(/SCAN|TEMP B-TREE/);
  });
});

describe("erasing", () => {
  test("removes each lead with the address, in any spelling, and no other lead", async () => {
    const tenant = "erase";
    await store({ tenant, id: "mine", contact: { visitorId: "v1", email: "Ada.L@gmail.com", emailKey: "adal@gmail.com" } });
    await store({ tenant, id: "shared", project: "flats", contact: { visitorId: "v2", email: "adal@gmail.com", emailKey: "adal@gmail.com" } });
    await store({ tenant, id: "other", contact: { visitorId: "v3", email: "eve@example.com" } });
    await store({ tenant: "erase-other", id: "foreign", contact: { email: "adal@gmail.com", emailKey: "adal@gmail.com" } });
    // Another visitor typed the same address: it is in that lead's submissions as well.
    await store({ tenant, id: "typed", contact: { visitorId: "v3", email: "a.dal@googlemail.com", emailKey: "adal@gmail.com" } });
    const keys = keysOf({ email: "a.d.a.l+news@googlemail.com" });
    const parts = leadParts(await submissionsNaming(env.DB, tenant, keys, []), new Set(keys));
    expect(parts.map(({ lead, isWhole }) => [lead, isWhole]).toSorted()).toEqual([
      ["mine", true],
      ["other", false],
      ["shared", true],
    ]);
    expect(await removeParts(env.DB, tenant, parts)).toEqual({ leads: 2, submissions: 3 });
    expect(await leadsOf(tenant)).toMatchObject([{ id: "other", email: "eve@example.com" }]);
    expect(await leadsOf("erase-other")).toHaveLength(1);
    const left = await env.DB.prepare("SELECT count(*) AS n FROM lead_identities WHERE tenant = ?").bind(tenant).first<{ n: number }>();
    expect(left?.n).toBe(2);
  });

  test("finds no submission without a key, and finds a telephone number in any notation", async () => {
    const tenant = "erase-phone";
    await store({ tenant, contact: { phone: "+4930123456", phoneKey: "+4930123456" } });
    expect(keysOf({ email: "nobody" })).toEqual([]);
    expect(keysOf({ phone: "no" })).toEqual([]);
    expect(await submissionsNaming(env.DB, tenant, [], [])).toEqual([]);
    expect(await submissionsNaming(env.DB, tenant, keysOf({ phone: "0049 (30) 123456" }), [])).toHaveLength(1);
  });
});
