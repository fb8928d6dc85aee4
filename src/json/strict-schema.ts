import { toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";

/** A schema as a model's strict mode takes it, which has no lengths; they are checked in the answer. */
export function strictJsonSchema(schema: v.GenericSchema): Record<string, unknown> {
  const { $schema: _, ...json } = toJsonSchema(schema, {
    errorMode: "ignore",
    ignoreActions: ["max_length", "min_length", "max_value", "min_value", "regex", "check", "raw_check", "trim", "transform"],
  });
  return json as Record<string, unknown>;
}
