import { toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";

export type JsonSchema = Record<string, unknown>;

/** Puts something else in a schema's place: a reference to a component, say. */
export type Override = (schema: unknown) => JsonSchema | undefined;

/** What a schema takes, as JSON Schema 2020-12 (that of OpenAPI 3.1). Rules that it cannot express are left out. */
export function toSchema(schema: v.GenericSchema, override?: Override): JsonSchema {
  const { $schema: _, ...converted } = toJsonSchema(schema, {
    target: "draft-2020-12",
    typeMode: "input",
    errorMode: "ignore",
    overrideSchema: ({ valibotSchema, jsonSchema }) => {
      const replaced = override?.(valibotSchema);
      return replaced === undefined ? undefined : { ...replaced, ...descriptionOf(jsonSchema) };
    },
  }) as JsonSchema;
  return converted;
}

function descriptionOf({ description }: { description?: string | undefined }): JsonSchema {
  return description === undefined ? {} : { description };
}
