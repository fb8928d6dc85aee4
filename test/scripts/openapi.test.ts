import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";

/** By name only: their sources are checked with the runtime's types, which those of Node and the DOM contradict. */
const load = async (path: string): Promise<Record<string, unknown>> => import(/* @vite-ignore */ `../../src/${path}.ts`);

// The validator compiles its schemas with `new Function`, which Workers do not allow: so this runs in Node.
test("the document is valid OpenAPI 3.1", async () => {
  const [{ openApi }, { routes }, { email }] = await Promise.all([load("intake/openapi"), load("intake/routes"), load("jobs/email/job")]);
  const document = (openApi as (routes: unknown, contracts: unknown[]) => object)(routes, [email]);
  const verdict = await new Validator().validate(JSON.parse(JSON.stringify(document)));
  expect(verdict.errors).toBeUndefined();
  expect(verdict.valid).toBe(true);
  expect(verdict).not.toHaveProperty("warnings");
});
