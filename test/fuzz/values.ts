import fc from "fast-check";
import { seed } from "../support/seed";
import { sized } from "../support/size";

const { env: settings } = import.meta as unknown as { env: { VITE_FUZZ_RUNS?: string } };

/** VITE_FUZZ_RUNS: requests for each route. */
export const fuzz = { runs: Number(settings.VITE_FUZZ_RUNS ?? sized(4, 8)), seed };

export type Schema = Record<string, any>; // oxlint-disable-line no-explicit-any -- JSON Schema as it comes from the document

/** Values that code often accepts without a check. */
export const nasty: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1e308,
    1e21,
    0.1,
    "",
    " ",
    "0",
    "*",
    "%",
    "\u0000",
    "\ud800",
    "__proto__",
    "constructor",
    "<script>alert(1)</script>",
  ),
  fc.constantFrom<unknown>("{{ x", "{% include 'x' %}", "{{ '' | append: x }}", "../../etc/passwd", "http://169.254.169.254/", "https://[::1]/", "' OR 1=1 --"),
  fc.constantFrom<unknown>("2026-02-30", "9999-12-31T23:59:59Z", "60 24 31 2 *", "* * * * * *", "Europe/Nowhere", "a@b", "a@b.c\r\nBcc: d@e.f"),
  fc.constantFrom<unknown>([], {}, [[]], [null], "x".repeat(70_000), Array(300).fill("x"), { "": "" }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A value that the schema allows, or nearly: rules that JSON Schema cannot express are not met. `rootOf` finds what a reference names. */
export function valueFor(schema: Schema, rootOf: Schema, depth = 0): fc.Arbitrary<unknown> {
  if (depth > 6) return fc.constant(null);
  const deeper = (next: Schema) => valueFor(next, rootOf, depth + 1);
  if (typeof schema["$ref"] === "string") {
    const path = schema["$ref"].slice(2).split("/");
    return deeper(path.reduce<Schema>((here, name) => here[name], rootOf));
  }
  if ("const" in schema) return fc.constant(schema["const"]);
  if (schema["enum"]) return fc.constantFrom(...(schema["enum"] as unknown[]));
  const options = (schema["anyOf"] ?? schema["oneOf"]) as Schema[] | undefined;
  if (options) return fc.oneof(...options.map(deeper));
  switch ([schema["type"]].flat()[0]) {
    case "object":
      return objectFor(schema, deeper);
    case "array":
      return fc.array(deeper(schema["items"] ?? {}), { minLength: Math.min(schema["minItems"] ?? 0, 3), maxLength: 3 });
    case "integer":
      return fc.integer({ min: Math.max(schema["minimum"] ?? 0, -1000), max: Math.min(schema["maximum"] ?? 1000, 100_000) });
    case "number":
      return fc.double({ min: Math.max(schema["minimum"] ?? 0, -1000), max: Math.min(schema["maximum"] ?? 1000, 100_000), noNaN: true });
    case "boolean":
      return fc.boolean();
    case "string":
      return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...likely) }, { weight: 1, arbitrary: fc.string({ maxLength: 20 }) });
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

/** Texts that some field or other takes. */
const likely = [
  "demo",
  "email",
  "welcome",
  "a@example.com",
  "https://shop.example.com/x",
  "Europe/Prague",
  "0 7 * * 1",
  "2026-10-01T12:00:00Z",
  "note",
  "hello {{ name }}",
  "1",
];

function objectFor(schema: Schema, deeper: (next: Schema) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>);
  const required = new Set<string>(schema["required"] ?? []);
  const model = Object.fromEntries(properties.map(([name, each]) => [name, deeper(each)]));
  return fc.record(model, { requiredKeys: properties.map(([name]) => name).filter((name) => required.has(name)) });
}

/** The value with up to three places replaced, removed or added to. */
export function mutated(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.record({ at: fc.nat(), kind: fc.constantFrom("replace", "replace", "remove", "add"), put: nasty });
  return fc.tuple(value, fc.array(change, { maxLength: 3 })).map(([from, changes]) => {
    let now = structuredClone(from);
    for (const each of changes) now = changed(now, { ...each, put: structuredClone(each.put) });
    return now;
  });
}

function changed(value: unknown, { at, kind, put }: { at: number; kind: string; put: unknown }): unknown {
  const places = placesIn(value);
  const place = places[at % places.length];
  if (!place) return kind === "remove" ? value : put;
  const holder = place.holder as Record<string, unknown>;
  if (kind === "add") holder[typeof put === "string" ? put.slice(0, 50) : "extra"] = put;
  else if (kind === "remove" && !Array.isArray(holder)) delete holder[place.key];
  else holder[place.key] = put;
  return value;
}

function placesIn(value: unknown, found: { holder: object; key: string }[] = []): { holder: object; key: string }[] {
  if (typeof value !== "object" || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push({ holder: value, key });
    placesIn((value as Record<string, unknown>)[key], found);
  }
  return found;
}
