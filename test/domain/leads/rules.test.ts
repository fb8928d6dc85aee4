import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { cell } from "../../../src/csv";
import { leadLine } from "../../../src/domain/leads/csv";
import { countedAs, pointOf } from "../../../src/domain/leads/analytics-point";
import { ownsUrl, projectSchema } from "../../../src/tenants/project-schema";
import { engagementScore, labelOf, suspicionOf } from "../../../src/domain/leads/score";
import { silenceDue, type Watched } from "../../../src/domain/leads/silence";
import { submissionSchema } from "../../../src/domain/leads/model";

describe("engagement", () => {
  test.each([
    [{}, 0, "Cold"],
    [{ duration: 350, scroll: 100, clicks: 20, returnVisits: 3 }, 100, "Very Hot"],
    [{ duration: 99 }, 9, "Cold"],
    [{ duration: 1e9, scroll: 1e9, clicks: 1e9, returnVisits: 1e9 }, 100, "Very Hot"],
    [{ scroll: 70 }, 21, "Warm"],
    [{ duration: 350, clicks: 11 }, 46, "Hot"],
  ])("%j is %i, %s", (given, score, label) => {
    expect(engagementScore(given)).toBe(score);
    expect(labelOf(score)).toBe(label);
  });
});

describe("suspicion", () => {
  const nothing = { honeypot: false, tracked: true, score: 50, competitor: false, disposable: false, badPhone: false, unverified: false };

  test("adds up, with its reasons, and ends at 100", () => {
    expect(suspicionOf(nothing)).toEqual({ suspicion: 0, reasons: [] });
    expect(suspicionOf({ ...nothing, secondsToSubmit: 4.9 })).toEqual({ suspicion: 30, reasons: ["submitted within 5 s"] });
    expect(suspicionOf({ ...nothing, secondsToSubmit: 5 }).suspicion).toBe(10);
    expect(suspicionOf({ ...nothing, secondsToSubmit: 11 }).suspicion).toBe(0);
    expect(suspicionOf({ ...nothing, tracked: false, score: 0 })).toEqual({ suspicion: 15, reasons: ["no tracking session"] });
    expect(suspicionOf({ ...nothing, score: 0 }).suspicion).toBe(10);
    expect(
      [suspicionOf({ ...nothing, vpnScore: 51 }), suspicionOf({ ...nothing, vpnScore: 21 }), suspicionOf({ ...nothing, vpnScore: 20 })].map(
        ({ suspicion }) => suspicion,
      ),
    ).toEqual([15, 5, 0]);
    const all = {
      honeypot: true,
      secondsToSubmit: 1,
      tracked: false,
      score: 0,
      vpnScore: 90,
      competitor: true,
      disposable: true,
      badPhone: true,
      unverified: true,
    };
    expect(suspicionOf(all)).toMatchObject({ suspicion: 100, reasons: { length: 8 } });
  });
});

describe("a project's domains", () => {
  test.each([
    ["https://example.com/a", true],
    ["https://www.example.com", true],
    ["http://example.com:8080", true],
    ["https://EXAMPLE.com.", true],
    ["https://example.com.evil.test", false],
    ["https://notexample.com", false],
    ["https://sub.example.com", false],
    ["https://evil.test/?example.com", false],
    ["https://example.com@evil.test", false],
    ["https://evil.test#example.com", false],
    ["javascript:alert(1)//example.com", false],
    ["//example.com", false],
    ["null", false],
    ["", false],
    ["https://a.shop.test", true],
    ["https://shop.test", false],
    ["http://localhost:8787", true],
    ["http://localhost:9999", false],
  ])("%s: %s", (address, own) => expect(ownsUrl(["example.com", "*.shop.test", "localhost:8787"], address)).toBe(own));

  test("go with addresses of the network as the network writes them", () => {
    const { testIps } = v.parse(projectSchema, { domains: [], testIps: ["192.0.2.1", " 2001:DB8:0::1 ", "2001:0db8:0:0:0:0:0:2"] });
    expect(testIps).toEqual(["192.0.2.1", "2001:db8::1", "2001:db8::2"]);
    for (const ip of ["", "abc", "1.2.3", "192.0.2.010", "::g", "example.com", "192.0.2.0/24", "1.2.3.4:80"]) {
      expect(v.safeParse(projectSchema, { domains: [], blockedIps: [ip] }).success, ip).toBe(false);
    }
  });

  test("are names of hosts and nothing else", () => {
    for (const domain of ["https://example.com", "example.com/path", "*", "*.*.com", "exa mple.com", "", "-a.com", "a..com"]) {
      expect(v.safeParse(projectSchema, { domains: [domain] }).success, domain).toBe(false);
    }
    expect(v.parse(projectSchema, { domains: [" Example.COM ", "müller.de"] }).domains).toEqual(["example.com", "xn--mller-kva.de"]);
  });
});

describe("CSV", () => {
  test.each([
    ["=cmd|' /C calc'!A0", `"'=cmd|' /C calc'!A0"`],
    ["+4930123", `"'+4930123"`],
    ["-1", "-1"],
    ["-1.50", "-1.50"],
    ["-1+cmd", `"'-1+cmd"`],
    ["x;=cmd|' /C calc'!A0;y", `"x;'=cmd|' /C calc'!A0;y"`],
    ["x\t+1", `"x\t'+1"`],
    ["x\n @a", `"x\n' @a"`],
    ["x|\uff1d1", `"x|'\uff1d1"`],
    ["x, =1", '"x, =1"'],
    ["a-b; c", '"a-b; c"'],
    ["@SUM(A1)", `"'@SUM(A1)"`],
    ["\t=1", `"'\t'=1"`],
    ["  =1", `"'  =1"`],
    ['say "hi", Ada', '"say ""hi"", Ada"'],
    ["line\r\nbreak", '"line\r\nbreak"'],
    ["plain", "plain"],
  ])("%j becomes %j", (given, expected) => expect(cell(given)).toBe(expected));

  test("never begins a cell with a formula", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!/^-?\d+(\.\d+)?$/.test(text)) expect(cell(text).replace(/^"/, "")).not.toMatch(/^\s*[=+\-@]/);
      }),
    );
    const separators = fc.string({ unit: fc.constantFrom("=", "+", "-", "@", "\uff1d", ";", "\t", "\n", "|", " ", "x", "'"), maxLength: 12 });
    fc.assert(
      fc.property(separators, (text) => {
        expect(cell(text).replaceAll('"', "")).not.toMatch(/(?:^|[;\t\n|])\s*[=+\-@\uff1d]/);
      }),
      { numRuns: 1000 },
    );
    const lead = {
      id: "a",
      project: "p",
      kind: "lead",
      name: "=1",
      email: null,
      phone: "+49",
      visitorId: null,
      score: 1,
      label: "Cold",
      suspicion: 0,
      reasons: [],
      submissions: 1,
      crmId: null,
      created: 0,
      updated: 0,
    } as const;
    expect(leadLine({ ...lead, reasons: [] }).split(",")).toHaveLength(16);
  });
});

describe("a point", () => {
  test("holds nothing of the person, not even in the source", () => {
    const contact = { name: "Ada Lovelace", email: "ada@example.com", phone: "+4930123456", visitorId: "visitor-7" };
    const submission = (source: string) =>
      v.parse(submissionSchema, { project: "homes", contact, form: { source, message: "secret" }, extra: { a: "secret" } });
    const stored = { follow: "new", suspicion: 5 } as const;
    expect(pointOf("acme", submission("WebSite"), stored)).toEqual({
      indexes: ["acme"],
      blobs: ["lead", "homes", "lead-new", "Cold", "WebSite"],
      doubles: [1, 0, 5],
    });
    for (const source of ["ada@example.com", "004930123456", "x".repeat(41), "a\nb"])
      expect(pointOf("acme", submission(source), stored).blobs).toContain("other");
    for (const source of ["99", "FB", "google_ads", "news.example/spring"]) expect(pointOf("acme", submission(source), stored).blobs).toContain(source);
    expect(countedAs({ kind: "bot" }, { follow: "new" })).toBe("lead-bot");
  });
});

describe("silence", () => {
  const minute = 60_000;
  const noon = Date.UTC(2026, 10, 23, 12);
  const watch = (more: Partial<Omit<Watched, "silence">> & { silence?: object } = {}): Watched => {
    const { silence } = v.parse(projectSchema, { domains: [], silence: more.silence ?? {} });
    return { tenant: "t", project: "p", last: noon, since: 0, alerted: null, ...more, silence: silence! };
  };

  test("is due after 30 minutes by default, and again after the cooldown", () => {
    expect(silenceDue(watch(), noon + 29.9 * minute)).toBeNull();
    expect(silenceDue(watch(), noon + 30 * minute)).toEqual({ minutes: 30, lastLeadAt: noon });
    expect(silenceDue(watch({ alerted: noon + 30 * minute }), noon + 149 * minute)).toBeNull();
    expect(silenceDue(watch({ alerted: noon + 30 * minute }), noon + 150 * minute)).toMatchObject({ minutes: 150 });
  });

  test("of a project that never had a lead counts from when it was watched", () => {
    expect(silenceDue(watch({ last: null, since: noon }), noon + 29 * minute)).toBeNull();
    expect(silenceDue(watch({ last: null, since: noon }), noon + 31 * minute)).toEqual({ minutes: 31, lastLeadAt: null });
  });

  test("raises no alert outside business hours, and the night does not count", () => {
    const silence = { businessHours: true, timezone: "Europe/Berlin" };
    const at = (hour: number, minutes: number) => Date.UTC(2026, 10, 23, hour - 1, minutes);
    const overnight = watch({ last: at(-6, 0), silence });
    expect([silenceDue(overnight, at(3, 0)), silenceDue(overnight, at(8, 59)), silenceDue(overnight, at(9, 29)), silenceDue(overnight, at(18, 0))]).toEqual([
      null,
      null,
      null,
      null,
    ]);
    expect(silenceDue(overnight, at(9, 30))).toMatchObject({ minutes: 15 * 60 + 30 });
  });

  test("keeps to the days named, also past midnight", () => {
    const silence = { businessHours: { from: "20:00", to: "04:00", days: [1] } };
    const monday = Date.UTC(2026, 10, 23);
    const late = watch({ last: monday, silence });
    expect(silenceDue(late, monday + 21 * 60 * minute)).not.toBeNull();
    expect(silenceDue(late, monday + 27 * 60 * minute)).not.toBeNull();
    expect(silenceDue(late, monday + 45 * 60 * minute)).toBeNull();
    expect(silenceDue(late, monday + 2 * 60 * minute)).toBeNull();
  });
});
