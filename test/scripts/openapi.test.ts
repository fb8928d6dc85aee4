import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import openapiTypes, { type OpenAPI3 } from "openapi-typescript";
import { afterAll, beforeAll, expect, test } from "vitest";

/** By name only: their sources are checked with the runtime's types, which those of Node and the DOM contradict. */
const load = async (path: string): Promise<Record<string, unknown>> => import(/* @vite-ignore */ `../../src/${path}.ts`);
const bin = (name: string): string => resolve(import.meta.dirname, "../../node_modules/.bin", name);
const folder = mkdtempSync(join(tmpdir(), "jobyard-openapi-"));
const file = join(folder, "openapi.json");
let document: OpenAPI3;

beforeAll(async () => {
  const [{ openApi }, { routes }, { jobs }] = await Promise.all([load("intake/openapi"), load("intake/routes"), load("jobs/index")]);
  const contracts = (jobs as { contract: unknown }[]).map(({ contract }) => contract);
  document = JSON.parse(JSON.stringify((openApi as (routes: unknown, contracts: unknown[]) => object)(routes, contracts)));
  writeFileSync(file, JSON.stringify(document));
});
afterAll(() => rmSync(folder, { recursive: true }));

// The validator compiles its schemas with `new Function`, which Workers do not allow: so this runs in Node.
test("the document is valid OpenAPI 3.1", async () => {
  const verdict = await new Validator().validate({ ...structuredClone(document) });
  expect(verdict.errors).toBeUndefined();
  expect(verdict.valid).toBe(true);
  expect(verdict).not.toHaveProperty("warnings");
});

test("redocly finds nothing wrong in it, and each example fits its schema", () => {
  const { stdout, stderr, status } = spawnSync(bin("redocly"), ["lint", file, "--format=json"], {
    encoding: "utf8",
    env: { ...process.env, REDOCLY_TELEMETRY: "off" },
  });
  expect(status, stderr).toBe(0);
  const { totals, problems } = JSON.parse(stdout) as { totals: object; problems: { message: string }[] };
  expect(problems.map(({ message }) => message)).toEqual([]);
  expect(totals).toMatchObject({ errors: 0, warnings: 0 });
});

test("a generated client compiles: a right call does, a wrong payload and a limit as text do not", async () => {
  writeFileSync(join(folder, "api.ts"), await openapiTypes(structuredClone(document)));
  writeFileSync(join(folder, "client.ts"), client);
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2024", "--module", "esnext", "--moduleResolution", "bundler", "--types", ""];
  const { stdout } = spawnSync(bin("tsc"), [...options, join(folder, "client.ts")], { encoding: "utf8", cwd: folder });
  expect(stdout).toBe("");
});

const client = `
import type { components, operations } from "./api";

type Schemas = components["schemas"];

export const right: Schemas["JobRequest"] = { type: "email", payload: { to: "ann@example.com", subject: "Hello", text: "Hello" } };
// @ts-expect-error: the payload of another type
export const wrong: Schemas["JobRequest"] = { type: "email", payload: { siteId: "shop" } };
export const page: operations["listJobs"]["parameters"]["query"] = { limit: 5 };
// @ts-expect-error: a limit is a number
export const textual: operations["listJobs"]["parameters"]["query"] = { limit: "5" };
export const lead: operations["postLead"]["requestBody"]["content"]["application/json"] = { email: "ann@example.com", anyField: 1 };
export const bulk: operations["sendBulkEmail"]["requestBody"]["content"]["application/json"] = { templateId: "news", recipients: [{ to: "ann@example.com" }] };
// @ts-expect-error: a recipient without an address
export const unaddressed: typeof bulk = { templateId: "news", recipients: [{ variables: {} }] };
export const cursorOf = (answer: operations["listJobs"]["responses"][200]["content"]["application/json"]): string | null => answer.cursor;
export const stateOf = (job: Schemas["Job"]): "queued" | "running" | "retrying" | "waiting" | "done" | "cancelled" | "discarded" | "dead" => job.state;
`;
