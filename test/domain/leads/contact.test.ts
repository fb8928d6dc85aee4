import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isDisposable, readEmail } from "../../../src/domain/leads/email";
import { readPhone } from "../../../src/domain/leads/phone";

describe("an e-mail address", () => {
  test.each([
    "",
    "ada",
    "@example.com",
    "ada@",
    "a@b",
    "a..b@example.com",
    ".a@example.com",
    "a.@example.com",
    "a@exa mple.com",
    "a@b@",
    "a@-x.com",
    "a@[127.0.0.1]",
    "a@1.2.3.4",
    "a,b@example.com",
    `${"a".repeat(65)}@example.com`,
    "a@x.com/path",
    "a\n@example.com",
    `a@${"x".repeat(250)}.com`,
  ])("cannot be %j", (text) => expect(readEmail(text)).toBeUndefined());

  test.each([
    ["  Ada@Example.COM ", "ada@example.com", "ada@example.com"],
    ["mailto:ada@example.com", "ada@example.com", "ada@example.com"],
    ["jörg@müller.de", "jörg@xn--mller-kva.de", "jörg@xn--mller-kva.de"],
    ["A.d.a+news@GoogleMail.com", "a.d.a+news@googlemail.com", "ada@gmail.com"],
    ["a.d.a+news@example.com", "a.d.a+news@example.com", "a.d.a+news@example.com"],
    ["ada@example.com.", "ada@example.com", "ada@example.com"],
  ])("%j is written to at %s and known as %s", (given, address, key) => expect(readEmail(given)).toMatchObject({ address, key }));

  test("read twice is the same, and what is read reads again", () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        const once = readEmail(text);
        if (!once) return;
        expect(readEmail(once.address)).toEqual(once);
        expect(readEmail(once.key)?.key).toBe(once.key);
      }),
    );
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void readEmail(text)));
  });

  test("of a disposable domain, or of a domain below one, is recognised", async () => {
    const none = { add: [], except: [] };
    const of = (domain: string, rules: Partial<typeof none> = {}) => isDisposable(domain, { ...none, ...rules });
    const domains = ["mailinator.com", "x.mailinator.com", "qqmailinator.com", "example.com", "33mail.com", "cock.li"];
    expect(await Promise.all(domains.map((domain) => of(domain)))).toEqual([true, true, false, false, false, false]);
    expect(await isDisposable("a.throwaway.example", { add: ["throwaway.example"], except: [] })).toBe(true);
    expect(await isDisposable("x.mailinator.com", { add: [], except: ["mailinator.com"] })).toBe(false);
    expect(await isDisposable("mailinator.com", { add: [], except: ["x.mailinator.com"] })).toBe(true);
  });

  test.each(["\u200bada@example.com", "ada@example.com\ufeff", "a\u00add\u2060a@exam\u200dple.com", "\u202aada@example.com\u202c", "ada\u3164@example.com"])(
    "%j is the same without what cannot be seen",
    (text) => expect(readEmail(text)).toEqual(readEmail("ada@example.com")),
  );
});

describe("a telephone number", () => {
  test.each([
    ["030 12345678", ["DE"], "+493012345678"],
    ["+49 (0)30 12345678", [], "+493012345678"],
    ["0049 30 12345678", ["US"], "+493012345678"],
    ["+44 (0)20 7946 0958", [], "+442079460958"],
    ["98765 43210", ["+91"], "+919876543210"],
    ["98765 43210", ["91"], "+919876543210"],
    ["9876543210", [undefined, "IN"], "+919876543210"],
    ["٠٣٠ ١٢٣٤٥٦٧٨", ["DE"], "+493012345678"],
    ["(415) 555-0132 ext. 12", ["US"], "+14155550132"],
    ["030/12345678", ["nowhere", "DE"], "+493012345678"],
    ["491711234567", ["DE"], "+491711234567"],
    ["49 30 1234567", ["DE"], "+49301234567"],
    ["4917 12345", ["DE"], "+49491712345"],
    ["91 98765 43210", ["IN"], "+919876543210"],
    ["91123 45678", ["IN"], "+919112345678"],
    ["14155550132", ["US"], "+14155550132"],
    ["358401234567", ["FI"], "+358401234567"],
    ["3931234567", ["IT"], "+393931234567"],
    ["393931234567", ["IT"], "+393931234567"],
    ["491711234567", ["FR"], "+491711234567"],
  ])("%j from %j is %s", (text, countries, number) => expect(readPhone(text, countries)).toMatchObject({ number, key: number }));

  test.each([
    "+44-114-272-6444,1234",
    "+44-114-272-6444;1234",
    "+44-114-272-6444;ext=1234",
    "+44-114-272-6444p1234",
    "+44-114-272-6444,,1234#",
    "+44-114-272-6444 x1234",
    "+44-114-272-6444 Ext.: 1234",
    "tel:+44-114-272-6444;phone-context=+44",
    "\u202a+44\u200b-114-272-6444\u202c",
    "Fax: +44 114 272 6444",
  ])("%j is the number without its extension", (text) => expect(readPhone(text, [])).toMatchObject({ number: "+441142726444", key: "+441142726444" }));

  test.each(["abc", "", "+", "12", "tel: none", "(0)"])("%j has none in it", (text) => {
    expect(readPhone(text, ["DE"])).toMatchObject({ number: text.trim(), key: undefined, valid: false });
  });

  test("that makes no sense is kept and flagged", () => {
    expect(readPhone("12345", ["US"])).toMatchObject({ number: "12345", key: "12345", valid: false });
  });

  test("of any text is never a throw, and bounded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.option(fc.string(), { nil: undefined }), (text, country) => {
        const { number, key } = readPhone(text, [country]);
        expect(number.length).toBeLessThanOrEqual(64);
        expect(key?.length ?? 0).toBeLessThanOrEqual(32);
      }),
    );
  });

  test("written in E.164 reads as itself, with any separators", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_500_000_0000, max: 1_799_999_9999 }), (rest) => {
        const number = `+49${rest}`;
        expect(readPhone(number.replace(/(\d{3})/g, "$1 "), []).key).toBe(readPhone(number, []).key);
      }),
    );
  });
});
