import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { check } from "../../src/queue/validate";

const issuesOf = (schema: v.GenericSchema, value: unknown) => {
  const checked = check(schema, value);
  return checked.ok ? [] : checked.issues;
};

describe("unknown fields are named, each with what is known in its place", () => {
  const point = v.strictObject({ x: v.number(), y: v.optional(v.number()) });
  const operation = v.variant("kind", [v.strictObject({ kind: v.literal("resize"), width: v.number() }), v.strictObject({ kind: v.literal("text") })]);
  const schema = v.pipe(
    v.strictObject({ at: v.optional(point), path: v.optional(v.array(point)), named: v.optional(v.record(v.string(), point)), do: v.optional(operation) }),
    v.check(() => true),
  );

  test.each([
    [{ a: 1, b: 2 }, ["a", "b"], "known are at, path, named, do"],
    [{ at: { x: 1, z: 2 } }, ["at.z"], "known are x, y"],
    [{ path: [{ x: 1 }, { x: 1, q: 1 }] }, ["path[1].q"], "known are x, y"],
    [{ named: { one: { x: 1, q: 1 } } }, ["named.one.q"], "known are x, y"],
    [{ do: { kind: "text", width: 1 } }, ["do.width"], "known are kind"],
    [{ do: { kind: "resize", width: 1, height: 1 } }, ["do.height"], "known are kind, width"],
    [{ toString: 1 }, ["toString"], "known are at"],
  ])("%j", (value, paths, known) => {
    const issues = issuesOf(schema, value);
    expect(issues.map((issue) => issue.path)).toEqual(paths);
    for (const issue of issues) expect(issue.message).toContain(known);
  });

  test("the issue of an object without fields lists no known ones", () => {
    expect(issuesOf(v.strictObject({}), { a: 1 })).toEqual([{ path: "a", message: "is not a field here" }]);
  });
});

describe("what is no object", () => {
  const point = v.strictObject({ x: v.number(), y: v.number() });
  const schema = v.pipe(
    v.strictObject({ at: v.optional(point), path: v.optional(v.array(point)) }),
    v.check(() => true),
  );
  const choice = v.variant("kind", [v.strictObject({ kind: v.literal("a") })]);

  test.each([[], [1], null, "text", 1, undefined])("is one issue, of the whole value: %j", (value) => {
    for (const each of [schema, point, choice, v.record(v.string(), v.unknown())]) {
      expect(issuesOf(each, value)).toEqual([{ path: "", message: "must be an object" }]);
    }
  });

  test("is one issue at its path below", () => {
    expect(issuesOf(schema, { at: [1, 2], path: [{ x: 1, y: 1 }, [], null, { x: 1 }] })).toEqual([
      { path: "at", message: "must be an object" },
      { path: "path[1]", message: "must be an object" },
      { path: "path[2]", message: "must be an object" },
      { path: "path[3].y", message: "is missing" },
    ]);
  });
});

describe("messages", () => {
  test("never repeat the value; an author's own are kept", () => {
    const schema = v.strictObject({
      a: v.string(),
      b: v.pipe(v.string(), v.email()),
      c: v.pipe(v.number(), v.maxValue(3, "at most three")),
      d: v.picklist(["x"]),
    });
    const issues = issuesOf(schema, { a: 5, b: "anna(at)example.com", c: 9, d: "secret" });
    expect(issues).toEqual([
      { path: "a", message: "must be string" },
      { path: "b", message: "is not a valid email" },
      { path: "c", message: "at most three" },
      { path: "d", message: 'must be "x"' },
    ]);
    expect(issuesOf(schema, {})[0]).toEqual({ path: "a", message: "is missing" });
  });
});

test("a message of one's own is kept although it begins as the library's own do", () => {
  const schema = v.strictObject({
    cron: v.pipe(
      v.string(),
      v.rawCheck(({ addIssue }) => addIssue({ message: "CronPattern: Invalid value for minute: 60" })),
      v.check(() => false, "Invalid day: the month has 30"),
    ),
  });
  expect(issuesOf(schema, { cron: "60 * * * *" }).map(({ message }) => message)).toEqual([
    "CronPattern: Invalid value for minute: 60",
    "Invalid day: the month has 30",
  ]);
});
