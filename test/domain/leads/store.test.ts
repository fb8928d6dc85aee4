import { env } from "cloudflare:workers";
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { listLeads } from "../../../src/domain/leads/queries";
import { submissionSchema } from "../../../src/domain/leads/model";
import { noon, hour, store } from "./stored";

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
  });

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
