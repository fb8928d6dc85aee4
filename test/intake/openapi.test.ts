import { expect, test } from "vitest";
import * as v from "valibot";
import { examples } from "../../src/intake/examples";
import { openApi } from "../../src/intake/openapi";
import { routes } from "../../src/intake/routes";
import { createIntakeBench } from "./bench";

const bench = createIntakeBench();
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

test("a job is one of the types, discriminated by its type, each with its own payload", () => {
  const { schemas } = document["components"];
  const types = ["email", "note", "outside", "image", "lead", "webhook", "sync-orders", "sync-products", "sync-single-order"];
  const { oneOf, discriminator } = schemas.JobRequest as { oneOf: { $ref: string }[]; discriminator: { propertyName: string; mapping: object } };
  expect(discriminator.propertyName).toBe("type");
  expect(Object.keys(discriminator.mapping)).toEqual(types);
  expect(Object.values(discriminator.mapping)).toEqual(oneOf.map(({ $ref }) => $ref));
  expect(schemas.NoteJob).toMatchObject({
    required: ["type", "payload"],
    properties: { type: { enum: ["note"] }, payload: { $ref: "#/components/schemas/NotePayload" } },
  });
  expect(schemas.NotePayload).toMatchObject({ required: ["text"], additionalProperties: false });
  expect(schemas.BatchRequest.properties.jobs).toMatchObject({ minItems: 1, maxItems: 10_000, items: { $ref: "#/components/schemas/BatchJob" } });
  expect(schemas.NoteBatchJob.properties).toHaveProperty("idempotencyKey");
});

test("what many answers have is described once", () => {
  const answerOf = (path: string) => document["paths"][path].get.responses[200].content["application/json"].schema;
  expect(answerOf("/v1/jobs/{id}")).toEqual({ $ref: "#/components/schemas/Job" });
  expect(answerOf("/v1/schedules").properties.schedules.items).toEqual({ $ref: "#/components/schemas/Schedule" });
  expect(answerOf("/v1/dead-letters").properties.deadLetters.items).toEqual({ $ref: "#/components/schemas/DeadLetter" });
});

test("a refusal is described by its codes, those of a worker's call apart", () => {
  const { responses } = document["components"];
  expect(responses.Problem409.description).toBe("The state does not allow that (`conflict`)");
  expect(responses.WorkProblem409.description).toMatch(/`conflict`.*`lease-lost`/);
  const refusal = (path: string) => document["paths"][path].post.responses[409].$ref;
  expect(refusal("/v1/campaigns/{id}/pause")).toBe("#/components/responses/Problem409");
  expect(refusal("/v1/work/{id}/settle")).toBe("#/components/responses/WorkProblem409");
});

test("a page's limit is a whole number", () => {
  const parameters = operations.flatMap(([, , operation]) => (operation["parameters"] ?? []) as { name: string; schema: object }[]);
  const limits = parameters.filter(({ name }) => name === "limit");
  expect(limits.length).toBeGreaterThan(10);
  for (const { schema } of limits) expect(schema).toMatchObject({ type: "integer", minimum: 1, maximum: 200, default: 50 });
});

test.each(Object.entries(examples))("the example of %s is taken", (key, example) => {
  const [name, type = ""] = key.split(" ");
  const body = routes.find((route) => route.name === name)?.body;
  expect(body, `${name} is an operation with a body`).toBeDefined();
  if (type !== "") expect(body?.media).toContain(type);
  if (type.startsWith("text/")) return expect(example).toBeTypeOf("string");
  const schema = body?.schemaFor?.({ name: "mail" }) ?? body?.schema;
  for (const each of type.endsWith("-batch+json") ? (example as unknown[]) : [example]) expect(schema && v.safeParse(schema, each).issues).toBeUndefined();
});

test("every body but a picture's bytes has an example, and every parameter and group a description", () => {
  const contents = operations.flatMap(([line, , { requestBody }]) =>
    Object.entries(requestBody?.content ?? {}).map(([type, content]) => [`${line} ${type}`, content as object] as const),
  );
  expect(contents.length).toBeGreaterThan(70);
  expect(contents.filter(([line, content]) => !line.includes(" image/") && !("example" in content)).map(([line]) => line)).toEqual([]);
  const parameters = operations.flatMap(([line, , operation]) =>
    ((operation["parameters"] ?? []) as { name: string; description?: string }[]).map((each) => [`${line} ${each.name}`, each] as const),
  );
  expect(parameters.length).toBeGreaterThan(200);
  expect(parameters.filter(([, { description = "" }]) => description.length < 8 || description.includes("undefined")).map(([line]) => line)).toEqual([]);
  const tags = document["tags"] as { name: string; description: string }[];
  expect(tags.filter(({ name, description }) => description === name)).toEqual([]);
});

test("a body that takes any field takes it by its schema, and a list that is validated entry by entry describes its entries", () => {
  const body = (path: string, method = "post") => document["paths"][path][method].requestBody.content["application/json"].schema;
  expect(body("/v1/leads/{tenant}/{project}")).toMatchObject({ additionalProperties: {} });
  expect(body("/v1/email/bulk")).toMatchObject({ additionalProperties: {}, properties: { recipients: { items: { required: ["to"] } } } });
  expect(body("/v1/work/beat").properties.beats.items.required).toEqual(["id", "lease"]);
  expect(body("/v1/work/{id}/children").properties.jobs.items).toEqual({ $ref: "#/components/schemas/BatchJob" });
});

test("no keyword but those of JSON Schema and x-…", () => {
  expect(JSON.stringify(document)).toContain('"x-personal":true');
  expect(JSON.stringify(document)).not.toMatch(/"personal":(true|"redact")/);
});

test("is served as it is, without a token", async () => {
  const answer = await bench.call("GET", "/openapi.json");
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.body).toEqual(JSON.parse(JSON.stringify(document)));
});
