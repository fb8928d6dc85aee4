import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { mask, maskAll, masked, personal, redacted } from "../../src/masking/personal";

const email = v.pipe(v.string(), v.email(), personal());
const name = v.pipe(v.string(), personal());

describe("mask", () => {
  test.each<[string, unknown, unknown, unknown]>([
    ["a marked field", v.strictObject({ to: email, n: v.number() }), { to: "a@b.example", n: 1 }, { to: masked, n: 1 }],
    [
      "a marked object",
      v.strictObject({ all: v.pipe(v.record(v.string(), v.unknown()), personal()) }),
      { all: { a: "b", c: [1, { d: true }] } },
      { all: { a: masked, c: [masked, { d: true }] } },
    ],
    [
      "optional and nullable",
      v.strictObject({ a: v.optional(name), b: v.nullish(name), c: v.nullable(name) }),
      { a: "x", b: null, c: "y" },
      { a: masked, b: null, c: masked },
    ],
    ["a list of marked", v.strictObject({ to: v.array(email) }), { to: ["a@b.example", "c@d.example"] }, { to: [masked, masked] }],
    ["a tuple", v.tuple([v.string(), name]), ["plain", "marked"], ["plain", masked]],
    ["a record", v.record(v.string(), name), { a: "x" }, { a: masked }],
    ["one text or many", v.union([email, v.array(email)]), "a@b.example", masked],
    ["one text or many, as many", v.union([email, v.array(email)]), ["a@b.example"], [masked]],
    [
      "a variant",
      v.variant("kind", [v.strictObject({ kind: v.literal("mail"), to: email }), v.strictObject({ kind: v.literal("page"), url: v.string() })]),
      { kind: "page", url: "/x" },
      { kind: "page", url: "/x" },
    ],
    [
      "the other variant",
      v.variant("kind", [v.strictObject({ kind: v.literal("mail"), to: email }), v.strictObject({ kind: v.literal("page"), url: v.string() })]),
      { kind: "mail", to: "a@b.example" },
      { kind: "mail", to: masked },
    ],
    ["a piped marked schema", v.pipe(email, v.maxLength(100)), "a@b.example", masked],
    ["a picklist", v.picklist(["high", "low"]), "high", "high"],
    ["unmarked scalars", v.strictObject({ s: v.string(), n: v.number(), b: v.boolean() }), { s: "x", n: 1, b: true }, { s: "x", n: 1, b: true }],
  ])("%s", (_name, schema, value, expected) => {
    expect(mask(schema, value)).toEqual(expected);
  });

  test.each<[string, unknown, unknown, unknown]>([
    ["no schema", undefined, { a: "x", n: 5, b: true }, { a: masked, n: masked, b: true }],
    ["an unknown field", v.strictObject({ a: v.string() }), { a: "x", b: "y" }, { a: "x", b: masked }],
    ["a field named like a method", v.strictObject({ a: v.string() }), { constructor: "anna", toString: "bob" }, { constructor: masked, toString: masked }],
    ["text where a number was", v.strictObject({ n: v.number() }), { n: "a@b.example" }, { n: masked }],
    ["text where an object was", v.strictObject({ to: v.strictObject({ mail: email }) }), { to: "a@b.example" }, { to: masked }],
    ["an object where text was", v.strictObject({ to: v.string() }), { to: { mail: "a@b.example" } }, { to: { mail: masked } }],
    ["no variant that fits", v.variant("kind", [v.strictObject({ kind: v.literal("a") })]), { kind: "b", to: "x" }, { kind: masked, to: masked }],
    ["a value that is not in the list", v.picklist(["high"]), "a@b.example", masked],
    ["unknown and any", v.strictObject({ u: v.unknown(), a: v.any() }), { u: "x", a: ["y"] }, { u: masked, a: [masked] }],
    ["what the mask does not know", v.lazy(() => v.string()), "x", masked],
    ["two schemas at once", v.intersect([v.object({ a: v.string() }), v.object({ to: email })]), { a: "x", to: "y" }, { a: masked, to: masked }],
  ])("rather too much than too little: %s", (_name, schema, value, expected) => {
    expect(mask(schema, value)).toEqual(expected);
  });

  test("under a marked schema no text of the value is left, whatever its shape", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const schema of [v.pipe(v.any(), personal()), v.unknown(), undefined, v.lazy(() => v.any())]) {
          expect(texts(mask(schema, value)).filter((text) => text !== masked)).toEqual([]);
        }
      }),
    );
  });

  test("shape and unmarked values stay; nothing is changed in place", () => {
    const schema = v.strictObject({ id: v.string(), to: email, lines: v.array(v.strictObject({ sku: v.string(), who: name })) });
    const line = fc.record({ sku: fc.string(), who: fc.string({ minLength: 1 }) });
    fc.assert(
      fc.property(fc.record({ id: fc.string(), to: fc.emailAddress(), lines: fc.array(line) }), (value) => {
        const before = structuredClone(value);
        expect(mask(schema, value)).toEqual({ ...value, to: masked, lines: value.lines.map(({ sku }) => ({ sku, who: masked })) });
        expect(value).toEqual(before);
        expect(mask(schema, mask(schema, value))).toEqual(mask(schema, value));
      }),
    );
  });

  test("null and undefined stay what they are", () => {
    expect([mask(email, null), mask(email, undefined), maskAll(null)]).toEqual([null, undefined, null]);
  });
});

/** Every text and number in a value; names of fields are not personal. */
function texts(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(texts);
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(texts);
  return typeof value === "string" || typeof value === "number" ? [value] : [];
}

test("addresses and telephone numbers in the names of fields are taken out, whether the field is marked or fits no schema", () => {
  const schema = v.object({ variables: v.pipe(v.record(v.string(), v.unknown()), personal()), counts: v.record(v.string(), v.number()) });
  const value = { variables: { "ada@x.example": 1, "+420 777 123 456": { "bob@x.example": "b" } }, counts: { "eve@x.example": 2 }, "mal@x.example": "m" };
  const shown = { variables: { "[e-mail]": masked, "[number]": { "[e-mail]": masked } }, counts: { "[e-mail]": 2 }, "[e-mail]": masked };
  expect(mask(schema, value)).toEqual(shown);
  expect(maskAll({ "ada@x.example": 1 })).toEqual({ "[e-mail]": masked });
});

test("of a redacted text only the addresses are taken out", () => {
  const schema = v.object({ id: v.optional(v.pipe(v.string(), redacted())) });
  expect(mask(schema, { id: "order-7 of ada@x.example" })).toEqual({ id: "order-7 of [e-mail]" });
  expect(mask(schema, {})).toEqual({});
});
