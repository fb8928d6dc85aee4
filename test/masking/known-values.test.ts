import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { maskKnownValues } from "../../src/masking/known-values";
import { defineJob, job } from "../../src/queue/job";
import { retry } from "../../src/queue/outcome";
import { personal } from "../../src/masking/personal";
import { createEngineBench } from "../support/engine";
import { jobOf } from "../support/jobs-of";

const schema = v.strictObject({ project: v.string(), contact: v.pipe(v.unknown(), personal()), note: v.optional(v.pipe(v.string(), personal())) });
const ada = { project: "homes", contact: { name: "Ada Lovelace", city: "Marylebone" }, note: "please call" };

describe("what an outside system repeats", () => {
  test.each([
    ["no room for Ada Lovelace", "no room for •••"],
    ["ADA and lovelace, of Marylebone", "••• and •••, of •••"],
    ["Adaptive marylebones are fine", "Adaptive marylebones are fine"],
    ["project homes is full", "project homes is full"],
    ["400 bad request", "400 bad request"],
  ])("%s", (plain, shown) => expect(maskKnownValues(schema, ada, plain)).toBe(shown));

  test("is left as it is where nothing is personal", () => {
    expect(maskKnownValues(v.strictObject({ a: v.string() }), { a: "Ada" }, "Ada")).toBe("Ada");
    expect(maskKnownValues(schema, undefined, "Ada")).toBe("Ada");
  });

  test("never holds a personal value, whatever it is made of", () => {
    const text = fc.string({ unit: "grapheme", minLength: 3, maxLength: 100 }).filter((each) => each.trim().length >= 3 && !"•••".includes(each.trim()));
    fc.assert(
      fc.property(text, fc.constantFrom("", "a", "wrong: "), (secret, before) => {
        const shown = maskKnownValues(schema, { ...ada, note: secret }, `${before} ${secret.trim()} .`);
        expect(shown.includes(` ${secret.trim()} `)).toBe(false);
      }),
    );
  });
});

test("neither the ledger nor the log learns what a run's reason repeats", async () => {
  const contract = defineJob({
    type: "repeats",
    queue: "events",
    payload: v.strictObject({ name: v.pipe(v.string(), personal()) }),
    policy: { maxAttempts: 1 },
  });
  const bench = createEngineBench({ jobs: [job(contract, async ({ name }) => retry(`no room for ${name}`))] });
  const id = await bench.acceptOne({ type: "repeats", payload: { name: "Ada Lovelace" } });
  await bench.deliverAll();
  expect(await jobOf("one", id)).toMatchObject({ state: "dead", reason: "no room for •••" });
  expect(JSON.stringify(bench.events)).not.toContain("Lovelace");
});
