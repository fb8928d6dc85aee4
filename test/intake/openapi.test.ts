import { expect, test } from "vitest";
import { openApi } from "../../src/intake/openapi";
import { routes } from "../../src/intake/routes";
import { createBench } from "./fakes";

const bench = createBench();
type Operation = Record<string, any>; // eslint-disable-line -- a document is walked by path

const document = openApi(routes, bench.deps.registry.contracts()) as Record<string, any>; // eslint-disable-line -- as above
const operations = routes.map((route) => {
  const path = route.path.replaceAll(/:(\w+)\+?/g, "{$1}");
  return [`${route.method} ${path}`, route, document["paths"][path]?.[route.method.toLowerCase()] as Operation] as const;
});

test.each(operations)("%s is described", (_line, route, operation) => {
  expect(operation["x-scope"]).toBe(route.scope);
  expect(operation["operationId"]).toBe(route.name);
  expect(operation["security"] === undefined).toBe(route.scope !== "public");
  expect(Boolean(operation["requestBody"])).toBe(route.body !== undefined);
  for (const status of Object.keys(route.answers)) expect(operation["responses"]).toHaveProperty(status);
  if (route.scope !== "public") expect(operation["responses"]).toHaveProperty("403");
});

test("every reference leads somewhere", () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = ""]) => path);
  expect(references.length).toBeGreaterThan(0);
  for (const path of new Set(references))
    expect(
      path.split("/").reduce((node, key) => node?.[key], document),
      path,
    ).toBeDefined();
});

test("a job is one of the types, each with its own payload", () => {
  const alternatives = document["components"].schemas.JobRequest.oneOf as Operation[];
  expect(alternatives.map((each) => each["title"])).toEqual([
    "email",
    "note",
    "outside",
    "image",
    "lead",
    "webhook",
    "sync-orders",
    "sync-products",
    "sync-single-order",
  ]);
  const note = alternatives[1];
  expect(note?.["properties"]).toMatchObject({ type: { enum: ["note"] }, payload: { required: ["text"], additionalProperties: false } });
  expect(note?.["required"]).toEqual(["type", "payload"]);
  expect(document["components"].schemas.BatchRequest.properties.jobs).toMatchObject({
    minItems: 1,
    maxItems: 10_000,
    items: { $ref: "#/components/schemas/BatchJob" },
  });
  expect(document["components"].schemas.BatchJob.oneOf[0].properties).toHaveProperty("idempotencyKey");
});

test("is served to everybody as it is", async () => {
  const answer = await bench.call("GET", "/openapi.json");
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.body).toEqual(JSON.parse(JSON.stringify(document)));
});
