import { toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";

export type JsonSchema = Record<string, unknown>;

/** Replaces a schema, for example by a reference to a component. */
export type Override = (schema: unknown) => JsonSchema | undefined;

/** What a schema takes, as JSON Schema 2020-12 (that of OpenAPI 3.1). Rules that it cannot express are left out. `whole` is never overridden. */
export function toSchema(schema: v.GenericSchema, override?: Override, whole?: unknown): JsonSchema {
  const { $schema: _, ...converted } = toJsonSchema(schema, {
    target: "draft-2020-12",
    typeMode: "input",
    errorMode: "ignore",
    overrideSchema: ({ valibotSchema, jsonSchema }) => {
      const replaced = valibotSchema === whole ? undefined : override?.(valibotSchema);
      if (replaced !== undefined) return { ...replaced, ...descriptionOf(jsonSchema) };
      return valibotSchema.type === "loose_object" ? { ...jsonSchema, additionalProperties: {} } : undefined;
    },
  }) as JsonSchema;
  return withExtensions(converted, override) as JsonSchema;
}

/** OpenAPI allows keywords of our own only with the prefix `x-`. An entry that is validated later (`checkedLater`) is described by its schema. */
function withExtensions(schema: unknown, override?: Override): unknown {
  if (Array.isArray(schema)) return schema.map((each) => withExtensions(each, override));
  if (typeof schema !== "object" || schema === null) return schema;
  if ("checkedBy" in schema) return override?.(schema.checkedBy) ?? toSchema(schema.checkedBy as v.GenericSchema, override);
  const entries = Object.entries(schema).map(([key, value]) => {
    const isOurs = key === "personal" && (value === true || value === "redact");
    return [isOurs ? "x-personal" : key, withExtensions(value, override)] as const;
  });
  return Object.fromEntries(entries);
}

function descriptionOf({ description }: { description?: string | undefined }): JsonSchema {
  return description === undefined ? {} : { description };
}
