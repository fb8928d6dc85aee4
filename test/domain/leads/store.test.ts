import { env } from "cloudflare:workers";
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { getLead, listLeads } from "../../../src/domain/leads/queries";
import { type Stored, storeSubmission } from "../../../src/domain/leads/store";
import { submissionSchema, type SubmissionInput } from "../../../src/domain/leads/model";
import { leadParts, removeParts, submissionsNaming } from "../../../src/domain/leads/erase";
import { keysOf } from "../../../src/domain/erasure/person";

const noon = Date.UTC(2026, 10, 21, 12);
const hour = 3_600_000;
let serial = 0;

interface Given {
  tenant: string;
  id?: string;
  at?: number;
  project?: string;
  kind?: SubmissionInput["kind"];
  contact: SubmissionInput["contact"];
  more?: Partial<SubmissionInput>;
  reengageHours?: number;
}

function store({ tenant, id = `s${++serial}`, at = noon, project = "homes", kind = "lead", contact, more = {}, reengageHours = 24 }: Given): Promise<Stored> {
  const submission = v.parse(submissionSchema, { project, kind, contact, ...more });
  return storeSubmission(env.DB, { tenant, id, at, submission, reengageHours });
}

const leadsOf = async (tenant: string) => (await listLeads(env.DB, tenant, {}, { limit: 200 })).leads;

describe("the primary lead", () => {
  test("is found by visitor, then e-mail, then telephone, of the same project and kind only", async () => {
    const tenant = "resolve";
    const first = await store({ tenant, id: "one", contact: { visitorId: "v1", email: "a@example.com", phone: "+4930123456", phoneKey: "+4930123456" } });
    expect(first).toMatchObject({ follow: "new", lead: { id: "one", submissions: 1 } });
    expect((await store({ tenant, contact: { visitorId: "v1", email: "b@example.com" } })).lead.id).toBe("one");
    expect((await store({ tenant, contact: { visitorId: "v2", email: "a@example.com" } })).lead.id).toBe("one");
    expect((await store({ tenant, contact: { phone: "030", phoneKey: "+4930123456" } })).lead.id).toBe("one");
    expect((await store({ tenant, contact: { visitorId: "v2" } })).lead.id).toBe("one");
    expect((await store({ tenant, id: "other", project: "flats", contact: { visitorId: "v1" } })).lead.id).toBe("other");
    expect((await store({ tenant, id: "test", kind: "test", contact: { visitorId: "v1" } })).lead.id).toBe("test");
    expect((await store({ tenant: "resolve-other", id: "foreign", contact: { visitorId: "v1" } })).lead.id).toBe("foreign");
  });

  test("that the visitor names wins over the one that the e-mail names", async () => {
    const tenant = "order";
    await store({ tenant, id: "by-mail", contact: { email: "a@example.com" } });
    await store({ tenant, id: "by-visitor", at: noon + 1, contact: { visitorId: "v1" } });
    const both = await store({ tenant, contact: { visitorId: "v1", email: "a@example.com" } });
    expect(both.lead.id).toBe("by-visitor");
  });

  test("is found by the network address only when nothing else is known", async () => {
    const tenant = "network";
    const nothing = { email: "" } as never;
    expect(v.safeParse(submissionSchema, { project: "homes", contact: nothing }).success).toBe(false);
    const byIp = { project: "homes", contact: { phone: "x" }, request: { ip: "192.0.2.1" } };
    expect((await store({ tenant, id: "ip", contact: { phone: "x" }, more: byIp })).lead.id).toBe("ip");
    expect((await store({ tenant, contact: { phone: "y" }, more: { request: { ip: "192.0.2.1" } } })).lead.id).toBe("ip");
    expect((await store({ tenant, id: "mail", contact: { email: "z@example.com" }, more: { request: { ip: "192.0.2.1" } } })).lead.id).toBe("mail");
  });

  test("lists other projects of the same person", async () => {
    const tenant = "related";
    await store({ tenant, project: "flats", contact: { email: "a@example.com" } });
    expect((await store({ tenant, contact: { email: "a@example.com" } })).related).toEqual(["flats"]);
  });
});

describe("the same submission again", () => {
  test("changes nothing and gives the same answer", async () => {
    const tenant = "again";
    const given = { tenant, id: "once", contact: { email: "a@example.com", name: "Ada" } };
    const first = await store(given);
    await store({ tenant, at: noon + 1, contact: { email: "a@example.com", name: "Eve" } });
    const second = await store(given);
    expect({ ...second, lead: undefined, newest: undefined }).toEqual({ ...first, lead: undefined, newest: undefined });
    expect(second.lead).toMatchObject({ name: "Eve", submissions: 2 });
  });

  test("of several at once is one", async () => {
    const tenant = "at-once";
    await Promise.all(Array.from({ length: 8 }, () => store({ tenant, id: "same", contact: { email: "a@example.com" } })));
    expect(await leadsOf(tenant)).toMatchObject([{ id: "same", submissions: 1 }]);
  });
});

describe("crossing submissions", () => {
  test("an older one never overwrites a newer one, and fills only what is empty", async () => {
    const tenant = "crossing";
    await store({ tenant, id: "newer", at: noon + hour, contact: { visitorId: "v1", email: "new@example.com" }, more: { score: 60, label: "Hot" } });
    const late = await store({
      tenant,
      id: "older",
      at: noon,
      contact: { visitorId: "v1", email: "old@example.com", name: "Ada" },
      more: { score: 5, label: "Cold" },
    });
    expect(late).toMatchObject({
      follow: "none",
      lead: { id: "newer", email: "new@example.com", name: "Ada", score: 60, label: "Hot", created: noon, updated: noon + hour, submissions: 2 },
    });
    expect(late.newest.contact.email).toBe("new@example.com");
  });

  test("a newer one without a field takes nothing away", async () => {
    const tenant = "blank";
    await store({ tenant, contact: { visitorId: "v1", name: "Ada", email: "a@example.com" } });
    const { lead } = await store({ tenant, at: noon + 1, contact: { visitorId: "v1" } });
    expect(lead).toMatchObject({ name: "Ada", email: "a@example.com" });
  });

  test("end in the same lead in whatever order they arrive", async () => {
    const value = fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined });
    const one = fc.record({ name: value, email: value, phone: value, score: fc.nat(100), at: fc.nat(5) });
    let round = 0;
    const scenario = async (
      all: { name?: string | undefined; email?: string | undefined; phone?: string | undefined; score: number; at: number }[],
      order: number[],
    ) => {
      const tenant = `orders-${++round}`;
      for (const index of order) {
        const given = all[index]!;
        const contact = {
          visitorId: "v",
          ...(given.name ? { name: given.name } : {}),
          ...(given.email ? { email: `${given.email}@x.example` } : {}),
          ...(given.phone ? { phone: given.phone } : {}),
        };
        await store({ tenant, id: `${tenant}-${index}`, at: noon + given.at, contact, more: { score: given.score } });
      }
      const [lead] = await leadsOf(tenant);
      return { ...lead, id: "", reasons: [], suspicion: 0 };
    };
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 2, maxLength: 5 }), fc.infiniteStream(fc.nat()), async (all, keys) => {
        const straight = all.map((_, index) => index);
        const mixed = straight
          .map((index) => [keys.next().value!, index] as const)
          .toSorted(([left], [right]) => left - right)
          .map(([, index]) => index);
        const [left, right] = [await scenario(all, straight), await scenario(all, mixed)];
        // Ids break ties of time; they are the same up to the tenant's name.
        expect(right).toEqual(left);
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  test("of one new visitor at the same moment make one lead, forwarded once", async () => {
    const tenant = "burst";
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, index) => store({ tenant, at: noon + index, contact: { visitorId: "v1", email: "a@example.com" } })),
    );
    expect(all.filter(({ follow }) => follow === "new")).toHaveLength(1);
    expect(await leadsOf(tenant)).toMatchObject([{ submissions: 10 }]);
  });
});

describe("coming back", () => {
  test("counts again after the hours, measured from the last time it counted", async () => {
    const tenant = "back";
    const come = (hours: number) => store({ tenant, at: noon + hours * hour, contact: { visitorId: "v1" } }).then(({ follow }) => follow);
    expect([await come(0), await come(23.9), await come(24), await come(30), await come(47.9), await come(48)]).toEqual([
      "new",
      "none",
      "again",
      "none",
      "none",
      "again",
    ]);
  });

  test("within 24 hours raises suspicion", async () => {
    const tenant = "velocity";
    const come = (minutes: number) =>
      store({ tenant, at: noon + minutes * 60_000, contact: { visitorId: "v1" }, more: { suspicion: 15, reasons: ["no tracking session"] } });
    expect(await come(0)).toMatchObject({ suspicion: 15, earlier: 0 });
    expect(await come(1)).toMatchObject({ suspicion: 25, earlier: 1, reasons: ["no tracking session", "2 submissions in 24 h"] });
    expect(await come(2)).toMatchObject({ suspicion: 35, earlier: 2, reasons: ["no tracking session", "3 or more submissions in 24 h"] });
    expect(await come(48 * 60)).toMatchObject({ suspicion: 15, earlier: 0 });
  });
});

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
