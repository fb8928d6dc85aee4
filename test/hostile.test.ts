import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { catalogue } from "../src/domain/events/catalogue";
import { Problem, problemBody, wrongInput } from "../src/errors";
import { routes } from "../src/intake/routes";
import { jobs } from "../src/jobs";
import { check } from "../src/queue/validate";
import { connectionSchemas } from "../src/tenants/connection-schema";

/*
 * No body, query or payload costs more than in proportion to its size, and no refusal is much longer than what it refuses. Each field of each schema
 * is given what is worst for lists, patterns, records and unknown fields, at two sizes. CPU time of this thread is compared with CPU time of this
 * thread, the least of several rounds: how busy the machine is does not matter.
 */

/** Characters of the larger input. A quadratic check of that takes 200 ms and more, a linear one below 5. */
const characters = 80_000;
/** Less than this at the larger size is not compared: it is caches and garbage. CPU milliseconds. */
const noise = 25;
/** The larger input is so many times the smaller one: linear work grows 8 times, quadratic work 64 times. */
const growth = 8;
const maxRatio = 20;

type Nasty = (size: number) => unknown;

const nasty: Record<string, Nasty> = {
  "a list of texts": (n) => Array(Math.ceil(n / 4)).fill("x"),
  "a list of objects": (n) => Array(Math.ceil(n / 3)).fill({}),
  "a record": (n) => Object.fromEntries(Array.from({ length: Math.ceil(n / 12) }, (_, index) => [`k${index}`, 1])),
  "a plain text": (n) => "a".repeat(n),
  "an address without an end": (n) => `a@${".".repeat(n)}@`,
  "labels without an end": (n) => `${"a.".repeat(n / 2)}@`,
  "digits and signs": (n) => `${"1-:".repeat(n / 3)}!`,
  "blanks before a letter": (n) => `${" ".repeat(n)}x`,
};

interface Subject {
  name: string;
  schema: v.GenericSchema;
}

const subjects: Subject[] = [
  ...routes.flatMap(({ method, path, body, query }) => [
    ...(body ? [{ name: `body of ${method} ${path}`, schema: body.schema as v.GenericSchema }] : []),
    ...(query ? [{ name: `query of ${method} ${path}`, schema: query as v.GenericSchema }] : []),
  ]),
  ...jobs.map(({ contract: { type, payload } }) => ({ name: `payload of ${type}`, schema: payload as v.GenericSchema })),
  ...Object.entries(connectionSchemas).map(([name, schema]) => ({ name: `connection ${name}`, schema: schema as v.GenericSchema })),
  ...Object.entries(catalogue).map(([type, { data }]) => ({ name: `data of ${type}`, schema: data as v.GenericSchema })),
];

test("there are routes and jobs to look at", () => {
  expect(subjects.filter(({ name }) => name.startsWith("body")).length).toBeGreaterThan(15);
  expect(subjects.filter(({ name }) => name.startsWith("payload")).length).toBe(jobs.length);
});

describe("work grows with the size at most, and answers stay short", () => {
  test.each(subjects)("$name", ({ schema }) => expect(faultsOf(schema)).toEqual([]));
});

describe("the measurement finds", () => {
  test("a list whose items are checked before its length, under a check that searches the issues", () => {
    let schema: v.GenericSchema<{ to: number[] }> = v.strictObject({ to: v.pipe(v.array(v.number()), v.maxLength(50)) });
    // Each of them searches the issues once for each issue; the items themselves are looked at once.
    for (let searches = 0; searches < 10; searches++) {
      schema = v.pipe(
        schema,
        v.forward(
          v.partialCheck([["to"]], () => true, "never"),
          ["to"],
        ),
      );
    }
    const only = { "a list of texts": nasty["a list of texts"]! };
    expect(faultsOf(schema, 48_000, only)).toContainEqual(expect.stringMatching(/^a list of texts at to: \d/));
  });

  test("a pattern that backtracks behind a length that has failed", () => {
    const schema = v.pipe(v.string(), v.maxLength(254), v.regex(/^[^\s@]+@[^\s@]+\.[^\s@]+$/));
    const only = { "an address without an end": nasty["an address without an end"]! };
    expect(faultsOf(schema, 12_000, only)).toEqual([expect.stringMatching(/^an address without an end at the whole: \d/)]);
  });
});

/** Each nasty value at each place of a schema whose work grows faster than its size, or whose refusal is too long. */
function faultsOf(schema: v.GenericSchema, size = characters, chosen = nasty): string[] {
  const sample = sampleOf(schema);
  const places = [[], ...placesOf(schema, 4)];
  return places.flatMap((place) =>
    Object.entries(chosen).flatMap(([what, make]) => {
      const at = (n: number) => withValue(sample, place, made(make, n));
      const where = `${what} at ${place.join(".") || "the whole"}`;
      const large = at(size);
      const answer = answerTo(schema, large);
      if (answer > 20_000 && answer > 2 * JSON.stringify(large).length + 20_000) return [`${where}: an answer of ${answer} characters`];
      if (cpu(schema, large) < noise) return [];
      const ratio = least(schema, large) / least(schema, at(size / growth));
      return ratio <= maxRatio ? [] : [`${where}: ${ratio.toFixed(1)} times the work for ${growth} times the size`];
    }),
  );
}

const valuesOf = new Map<Nasty, Map<number, unknown>>();

/** The value of that size, made once: to make it costs more than to check it. */
function made(make: Nasty, size: number): unknown {
  const sizes = valuesOf.get(make) ?? new Map<number, unknown>();
  valuesOf.set(make, sizes);
  if (!sizes.has(size)) sizes.set(size, make(size));
  return sizes.get(size);
}

function answerTo(schema: v.GenericSchema, value: unknown): number {
  const checked = check(schema, value);
  if (checked.ok) return 0;
  return JSON.stringify(problemBody(new Problem("invalid", wrongInput("The body", checked.issues), { errors: checked.issues }))).length;
}

/** CPU milliseconds of this thread for one check. */
function cpu(schema: v.GenericSchema, value: unknown): number {
  const before = process.threadCpuUsage();
  check(schema, value);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

function least(schema: v.GenericSchema, value: unknown): number {
  return Math.max(0.1, Math.min(...Array.from({ length: 5 }, () => cpu(schema, value))));
}

interface Node {
  type: string;
  entries?: Record<string, Node>;
  wrapped?: Node;
  item?: Node;
  value?: Node;
  options?: readonly unknown[];
  literal?: unknown;
}

/** Paths of the fields of a schema, and of the items of its lists and records. */
function placesOf(schema: unknown, depth: number): string[][] {
  const node = schema as Node;
  if (depth === 0) return [];
  if (node.wrapped) return placesOf(node.wrapped, depth);
  if (node.type === "union" || node.type === "variant") return (node.options ?? []).flatMap((option) => placesOf(option, depth));
  const inner: [string, Node][] = [
    ...Object.entries(node.entries ?? {}),
    ...(node.item ? [["0", node.item] as [string, Node]] : []),
    ...(node.value ? [["name", node.value] as [string, Node]] : []),
  ];
  return inner.flatMap(([name, each]) => [[name], ...placesOf(each, depth - 1).map((rest) => [name, ...rest])]);
}

/** Something that comes near to fitting a schema: enough for its checks to reach every field. */
function sampleOf(schema: unknown): unknown {
  const node = schema as Node;
  if (node.wrapped) return sampleOf(node.wrapped);
  if (node.entries) return Object.fromEntries(Object.entries(node.entries).map(([name, entry]) => [name, sampleOf(entry)]));
  if (node.type === "array") return [sampleOf(node.item)];
  if (node.type === "record") return { name: sampleOf(node.value) };
  if (node.type === "literal") return node.literal;
  if (node.type === "picklist") return node.options?.[0];
  if (node.options) return sampleOf(node.options[0]);
  return node.type === "number" ? 1 : node.type === "boolean" ? true : "abc";
}

function withValue(sample: unknown, [name, ...rest]: readonly string[], value: unknown): unknown {
  if (name === undefined) return value;
  if (Array.isArray(sample)) return [withValue(sample[0], rest, value)];
  const object = typeof sample === "object" && sample !== null ? (sample as Record<string, unknown>) : {};
  return { ...object, [name]: withValue(object[name], rest, value) };
}
