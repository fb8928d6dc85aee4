import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { describe, expect, expectTypeOf, test } from "vitest";
import { boundedList, boundedRecord, boundedText, fieldRule, jsonObject } from "../src/bounded";
import { mask, masked, personal } from "../src/masking/personal";
import { check } from "../src/queue/validate";

const issuesOf = (schema: v.GenericSchema, value: unknown) => {
  const checked = check(schema, value);
  return checked.ok ? [] : checked.issues;
};

/** A schema that counts its calls. */
function counting() {
  const calls = { times: 0 };
  const schema = v.pipe(
    v.unknown(),
    v.check(() => ++calls.times < 0, "is wrong"),
  );
  return { calls, schema };
}

/** A pattern that counts how often it runs. */
function countingPattern(source: RegExp) {
  const ran = { times: 0 };
  const pattern = Object.assign(new RegExp(source), {
    test(text: string) {
      ran.times++;
      return source.test(text);
    },
  });
  return { ran, pattern };
}

describe("a list", () => {
  test.each([51, 240_000])("of %i items where 50 may be is refused without a look at one of them, by one issue", (length) => {
    const { calls, schema } = counting();
    expect(issuesOf(boundedList(schema, 50), Array(length).fill("x"))).toEqual([{ path: "", message: "must have at most 50 entries" }]);
    expect(calls.times).toBe(0);
  });

  test("within its bounds is looked at item by item", () => {
    const { calls, schema } = counting();
    expect(issuesOf(boundedList(schema, 50), ["x", "y"])).toMatchObject([{ path: "[0]" }, { path: "[1]" }]);
    expect(calls.times).toBe(2);
  });

  test.each([
    [[], "must not be empty"],
    ["text", "must be a list"],
    [{ length: 3 }, "must be a list"],
  ])("is refused: %j", (value, message) => expect(issuesOf(boundedList(v.string(), 5, { min: 1 }), value)).toEqual([{ path: "", message }]));

  test("of a union that is too long leaves the union's own message", () => {
    const schema = v.union([boundedText(10), boundedList(boundedText(10), 2)], "must be a name or two");
    expect(issuesOf(schema, ["a", "b", "c"])).toEqual([{ path: "", message: "must be a name or two" }]);
  });
});

describe("a text", () => {
  test("that is too long never meets its pattern, nor what its pipe adds", () => {
    const { ran, pattern } = countingPattern(/^a+$/);
    const added = counting();
    const schema = v.pipe(
      boundedText(5, { pattern, rule: "must be up to five a" }),
      v.check(() => ++added.calls.times > 0),
    );
    expect(issuesOf(schema, "a".repeat(6))).toEqual([{ path: "", message: "must be up to five a" }]);
    expect([ran.times, added.calls.times]).toEqual([0, 0]);
    expect(issuesOf(schema, "aaaaa")).toEqual([]);
    expect([ran.times, added.calls.times]).toEqual([1, 1]);
  });

  test.each([
    ["", "must have at least 2 characters"],
    ["abcd", "must have at most 3 characters"],
    [7, "must be text"],
    [undefined, "must be text"],
  ])("is refused by one issue: %j", (value, message) => expect(issuesOf(boundedText(3, { min: 2 }), value)).toEqual([{ path: "", message }]));
});

describe("a record", () => {
  test("of too many entries is refused without a look at one of them", () => {
    const { calls, schema } = counting();
    const value = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`k${index}`, 1]));
    expect(issuesOf(boundedRecord(v.string(), schema, 20), value)).toEqual([{ path: "", message: "must have at most 20 entries" }]);
    expect(calls.times).toBe(0);
  });

  test.each([[[]], [null], ["text"]])("is not %j", (value) => expect(issuesOf(jsonObject(), value)).toEqual([{ path: "", message: "must be an object" }]));
});

describe("a rule about several fields", () => {
  const schema = v.pipe(
    v.strictObject({ a: v.optional(v.number()), b: v.optional(v.number()), c: v.optional(boundedText(3)) }),
    fieldRule(["a", "b"], ({ a, b }) => a === undefined || b === undefined, "not together with a", "b"),
    fieldRule(["b", "c"], ({ b }) => b !== 2, "must not be two", "b"),
  );

  test.each([
    [{ a: 1, b: 2 }, [{ path: "b", message: "not together with a" }]],
    [
      { a: 1, b: 3, c: "long" },
      [
        { path: "c", message: "must have at most 3 characters" },
        { path: "b", message: "not together with a" },
      ],
    ],
    [{ a: "x", b: 1 }, [{ path: "a", message: "must be number" }]],
    [{ b: 2 }, [{ path: "b", message: "must not be two" }]],
    [{ b: 3 }, []],
  ])("%j", (value, issues) => expect(issuesOf(schema, value)).toEqual(issues));
});

test("JSON Schema shows every bound", () => {
  const schema = v.strictObject({
    to: boundedList(boundedText(9, { min: 1, pattern: /^a+$/, rule: "must be a" }), 50, { min: 1 }),
    with: v.optional(v.pipe(boundedRecord(boundedText(4), boundedText(7), 20, { min: 1 }), personal())),
    plain: boundedText(8),
  });
  expect(toJsonSchema(schema, { typeMode: "input", errorMode: "ignore" }).properties).toEqual({
    to: { type: "array", items: { type: "string", minLength: 1, maxLength: 9, pattern: "^a+$" }, minItems: 1, maxItems: 50 },
    with: {
      type: "object",
      propertyNames: { type: "string", maxLength: 4 },
      additionalProperties: { type: "string", maxLength: 7 },
      minProperties: 1,
      maxProperties: 20,
      personal: true,
    },
    plain: { type: "string", maxLength: 8 },
  });
});

test("types and masks are those of the plain schemas", () => {
  const schema = v.strictObject({ to: boundedList(v.pipe(boundedText(9), personal()), 3), named: boundedRecord(v.string(), v.number(), 3) });
  expectTypeOf<v.InferOutput<typeof schema>>().toEqualTypeOf<{ to: string[]; named: Record<string, number> }>();
  expect(mask(schema, { to: ["a", "b"], named: { c: 1 } })).toEqual({ to: [masked, masked], named: { c: 1 } });
});

describe("issues in an answer", () => {
  const wide = v.strictObject(Object.fromEntries(Array.from({ length: 1234 }, (_, index) => [`field${index}`, v.number()])));

  test("are 20 at most, and one that counts the others", () => {
    const issues = issuesOf(wide, {});
    expect(issues).toHaveLength(21);
    expect(issues.at(-1)).toEqual({ path: "", message: "and 1,214 more" });
  });

  test("count unknown fields as well, and show the beginning of long names", () => {
    const issues = issuesOf(v.strictObject({}), { ["x".repeat(100_000)]: 1 });
    expect(issues[0]?.path).toHaveLength(201);
    const many = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`u${index}`, 1]));
    expect(issuesOf(v.strictObject({ a: v.optional(v.number()) }), many).at(-1)).toEqual({ path: "", message: "and 100 more" });
  });
});
