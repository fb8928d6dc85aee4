import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sortFields } from "../../../src/domain/leads/fields";

describe("names of fields", () => {
  test.each([
    ["FIRSTNAME", "firstName"],
    ["first_name", "firstName"],
    ["EMAIL", "email"],
    ["E-Mail", "email"],
    ["Phone", "phone"],
    ["PROJECT", "projectName"],
    ["LOCATION", "location"],
    ["TEAM", "team"],
    ["DOMAIN", "domain"],
    ["SOURCE", "source"],
    ["COUNTRYCODE", "countryCode"],
    ["KEYWORD", "keyword"],
    ["USER_MESSAGE", "message"],
    ["__visitor_id", "visitorId"],
    ["visitorId", "visitorId"],
    ["_pg_vid", "visitorId"],
    ["__pg_tts", "secondsToSubmit"],
    ["__pg_hp", "honeypot"],
    ["__pg_website", "honeypot"],
    ["__pg_nonce", "nonce"],
    ["siteKey", "siteKey"],
    ["form_id", "formId"],
    ["cf-turnstile-response", "turnstile"],
  ])("%s is %s, in any case", (given, name) => {
    for (const spelling of [given, given.toUpperCase(), given.toLowerCase()]) {
      expect(sortFields([[spelling, " value "]])).toEqual({ fields: { [name]: "value" }, extra: {}, dropped: 0 });
    }
  });

  test("the first that says something counts, and emptiness is nothing", () => {
    expect(
      sortFields([
        ["email", " "],
        ["EMAIL", "a@example.com"],
        ["E_MAIL", "b@example.com"],
      ]).fields,
    ).toEqual({ email: "a@example.com" });
  });
});

describe("what has no name", () => {
  test("is kept under its own, joined, and bounded", () => {
    expect(
      sortFields([
        ["Budget", "100"],
        ["Budget", "200"],
        ["__proto__", "x"],
        ["constructor", "y"],
      ]),
    ).toEqual({
      fields: {},
      extra: { Budget: "100, 200", constructor: "y" },
      dropped: 1,
    });
    const many = sortFields(Array.from({ length: 80 }, (_, index) => [`f-${index}`, "x".repeat(5000)] as const));
    expect(Object.keys(many.extra)).toHaveLength(50);
    expect(many.dropped).toBe(30);
    expect(Object.values(many.extra).every((value) => value.length <= 2000)).toBe(true);
  });

  test("is always bounded, well-formed text without control characters", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: "binary" }), fc.string({ unit: "binary" })), { maxLength: 100 }), (pairs) => {
        const { fields, extra } = sortFields(pairs);
        const all = [...Object.values(fields), ...Object.keys(extra), ...Object.values(extra)];
        expect(Object.keys(extra).length).toBeLessThanOrEqual(50);
        // oxlint-disable-next-line no-control-regex -- these must be gone
        expect(all.every((text) => text !== "" && text.isWellFormed() && !/[\u0000-\u0008\u007f]/.test(text))).toBe(true);
        expect(Object.getPrototypeOf(extra)).toBe(Object.prototype);
      }),
    );
  });
});
